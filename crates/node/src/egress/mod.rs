//! Egress as the LiveKit API has it: what was recorded is remembered and listed, what records now
//! can be stopped. The recording itself is done elsewhere, by whoever takes the [orders].
//!
//! [orders]: crate::NodeHandle::take_egress_orders

mod check;
mod chronicle;
mod error;

use std::sync::{Arc, OnceLock};

use livekit_protocol as proto;
use proto::EgressStatus as Status;
use tokio::sync::{mpsc, oneshot};
use trunkline_store::Store;

pub(crate) use check::Wanted;
pub(crate) use chronicle::Chronicle;
pub(crate) use error::EgressError;

use crate::records;

/// What the recorder is asked. A `oneshot` carries the answer.
#[derive(Debug)]
pub enum EgressOrder {
    /// End the recording with this id, if it runs.
    Stop {
        egress_id: String,
        answer: oneshot::Sender<Result<(), NotRunning>>,
    },
}

/// There is no recording of this id that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the recording does not run")]
pub struct NotRunning;

/// The handle on recordings.
#[derive(Debug, Clone)]
pub(crate) struct Egresses {
    store: Store,
    /// The lane to the recorder, once somebody takes its other end.
    recorder: Arc<OnceLock<mpsc::Sender<EgressOrder>>>,
}

impl Egresses {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            recorder: Arc::default(),
        }
    }

    /// The lane of orders, for the first who asks.
    pub(crate) fn take_orders(&self) -> Option<mpsc::Receiver<EgressOrder>> {
        let (sender, orders) = mpsc::channel(ORDERS);
        self.recorder.set(sender).ok().map(|()| orders)
    }

    pub(crate) async fn get(&self, id: &str) -> Result<proto::EgressInfo, EgressError> {
        let found = records::get(&self.store, id).await?;
        found.ok_or(EgressError::NotFound)
    }

    pub(crate) async fn list(
        &self,
        request: &proto::ListEgressRequest,
    ) -> Result<Vec<proto::EgressInfo>, EgressError> {
        if !request.egress_id.is_empty() {
            return Ok(vec![self.get(&request.egress_id).await?]);
        }
        let mut all = records::all::<proto::EgressInfo>(&self.store).await?;
        all.retain(|info| {
            let room = request.room_name.is_empty() || info.room_name == request.room_name;
            room && (!request.active || is_active(info))
        });
        Ok(all)
    }

    /// Ends a recording; complete once it says so by itself.
    pub(crate) async fn stop(&self, id: &str) -> Result<proto::EgressInfo, EgressError> {
        let info = self.get(id).await?;
        if !matches!(info.status(), Status::EgressStarting | Status::EgressActive) {
            return Err(EgressError::CannotStop(info.status()));
        }
        let recorder = self.recorder.get().ok_or(EgressError::NotConnected)?;
        let (answer, answered) = oneshot::channel();
        let order = EgressOrder::Stop {
            egress_id: id.to_owned(),
            answer,
        };
        let asked = async {
            recorder.send(order).await.ok()?;
            answered.await.ok()
        };
        match tokio::time::timeout(ANSWER_LIMIT, asked).await {
            Ok(Some(Ok(()))) => Ok(proto::EgressInfo {
                status: Status::EgressEnding.into(),
                ..info
            }),
            // It ended while it was asked: what is remembered says how, now or soon.
            Ok(Some(Err(NotRunning))) => {
                let info = self.get(id).await?;
                Err(EgressError::CannotStop(info.status()))
            }
            Ok(None) => Err(EgressError::NotConnected),
            Err(_) => Err(EgressError::TimedOut),
        }
    }

    /// Adds or removes streams, which no recording here has.
    pub(crate) async fn update_stream(&self, id: &str) -> Result<proto::EgressInfo, EgressError> {
        let info = self.get(id).await?;
        match info.status() {
            Status::EgressStarting | Status::EgressActive => Err(EgressError::NoStream),
            over => Err(EgressError::CannotUpdate(over)),
        }
    }
}

fn is_active(info: &proto::EgressInfo) -> bool {
    info.status < i32::from(Status::EgressComplete)
}

/// Orders waiting for the recorder; each is one person's wish.
const ORDERS: usize = 16;
/// A recorder answers at once; it records on its own tasks.
const ANSWER_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

#[cfg(test)]
mod tests;
