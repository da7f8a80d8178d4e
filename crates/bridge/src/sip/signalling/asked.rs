//! Requests of ours outside any call, and who waits for their answers.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::oneshot;
use trunkline_sip::endpoint::{Endpoint, Flow, RequestId, Transmit};
use trunkline_sip::message::{Request, Response};
use trunkline_sip::registration::Failure;

use super::Answered;
use super::unreached::Unreached;

/// Who waits for which answer.
#[derive(Default)]
pub(super) struct Asked(BTreeMap<RequestId, oneshot::Sender<Answered>>);

impl Asked {
    /// Sends a request. Without room for it, it counts as unanswered.
    pub(super) fn ask(
        &mut self,
        endpoint: &mut Endpoint,
        (request, flow): (Request, Flow),
        answer: oneshot::Sender<Answered>,
        now: Instant,
    ) {
        // Those whose askers are gone are forgotten here, since nothing else may come of them.
        self.0.retain(|_, waiting| !waiting.is_closed());
        match endpoint.request(request, flow, now) {
            Ok(id) => {
                self.0.insert(id, answer);
            }
            Err(_) => tell(answer, Err(Failure::Silence)),
        }
    }

    pub(super) fn answered(&mut self, id: RequestId, response: Box<Response>) {
        if let Some(answer) = self.0.remove(&id) {
            tell(answer, Ok(response));
        }
    }

    pub(super) fn unanswered(&mut self, id: RequestId, failure: Failure) {
        if let Some(answer) = self.0.remove(&id) {
            tell(answer, Err(failure));
        }
    }
}

/// There is no connection.
pub(super) fn failure(why: &Unreached) -> Failure {
    match why {
        Unreached::Refused(_) => Failure::Refused,
        Unreached::Slow(_) => Failure::Silence,
        Unreached::Tls { .. } | Unreached::Shared { .. } => Failure::Unfit(why.to_string()),
    }
}

pub(super) fn tell(answer: oneshot::Sender<Answered>, what: Answered) {
    // Whoever asked may have given up.
    let _gone = answer.send(what);
}

/// What keeps a way open: a connection's other end answers it, a NAT sees it go by.
pub(super) const fn keep_alive(flow: Flow) -> Transmit {
    Transmit {
        flow,
        otherwise: None,
        bytes: Bytes::from_static(b"\r\n\r\n"),
    }
}
