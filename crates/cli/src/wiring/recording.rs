//! Recording follows calls: a room with a phone in it is recorded, and what happens to the
//! recording is told like any other event of the server.

use std::collections::BTreeSet;
use std::time::Duration;

use livekit_protocol as proto;
use tokio::sync::{broadcast, mpsc};
use tracing::{info, warn};
use trunkline_base::class::Classified as _;
use trunkline_base::id::{EgressId, RoomName};
use trunkline_base::token::ParticipantKind;
use trunkline_bridge::egress::RecorderHandle;
use trunkline_client::webhook::WebhookKind;
use trunkline_console::webhooks::Received;
use trunkline_node::{EgressOrder, NodeHandle, NotRunning};
use trunkline_service::tasks::Stop;
use trunkline_store::{Event, Store};

use super::NodeEvents;
use crate::verbs::now;

/// Rooms remembered as recorded; far more than are open at a time, and a repeat is harmless.
const REMEMBERED: usize = 4096;

/// A call that began longer ago than this is not recorded from its middle.
const CURRENT: Duration = Duration::from_secs(300);

/// Where events come from.
pub(super) enum Feed {
    /// The embedded node, without a detour.
    Node(NodeEvents),
    /// The webhooks of a remote server, as they are processed.
    Console {
        events: broadcast::Receiver<Received>,
        store: Store,
    },
}

impl Feed {
    async fn next(&mut self) -> Option<proto::WebhookEvent> {
        loop {
            let got = match self {
                Self::Node(events) => events.recv().await.map(Some),
                Self::Console { events, store } => match events.recv().await {
                    Ok(received) => Ok(current(&received, store).await),
                    Err(error) => Err(error),
                },
            };
            match got {
                Ok(Some(event)) => return Some(event),
                Ok(None) => {}
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    warn!(missed, "the recorder missed events");
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

/// The event, unless it is of the past: after a restart, events of calls that are over by now are
/// processed too, and recording their rooms would open them again.
async fn current(received: &Received, store: &Store) -> Option<proto::WebhookEvent> {
    let room = received.event.room().unwrap_or_default();
    let over = store
        .events()
        .came_after(received.seq, room, WebhookKind::RoomFinished.as_str())
        .await;
    let stale = now().since(received.at()) > CURRENT || over.unwrap_or(false);
    (!stale).then(|| received.event.detail.clone())
}

/// Records each room that a phone call joins, until the drain.
pub(super) async fn follow(mut feed: Feed, recorder: RecorderHandle, stop: Stop) {
    let mut recorded: BTreeSet<String> = BTreeSet::new();
    loop {
        let event = tokio::select! {
            biased;
            () = stop.draining() => return,
            event = feed.next() => event,
        };
        let Some(event) = event else { return };
        let sid = event
            .room
            .as_ref()
            .map(|room| room.sid.clone())
            .unwrap_or_default();
        let Some(room) = room_with_a_phone(&event) else {
            continue;
        };
        if recorded.len() >= REMEMBERED {
            recorded.clear();
        }
        if !recorded.insert(sid) {
            continue;
        }
        match recorder.record(room).await {
            Ok(egress) => info!(%egress, "recording a call"),
            Err(error) => warn!(code = error.code(), "a call is not recorded"),
        }
    }
}

/// Carries out what the node's API is asked, as long as recordings may run.
pub(super) async fn obey(
    mut orders: mpsc::Receiver<EgressOrder>,
    recorder: RecorderHandle,
    stop: Stop,
) {
    loop {
        let order = tokio::select! {
            order = orders.recv() => order,
            () = stop.hurry() => return,
        };
        let Some(EgressOrder::Stop { egress_id, answer }) = order else {
            stop.draining().await;
            return;
        };
        let stopped = match EgressId::parse(egress_id) {
            Ok(id) => recorder.stop(id).await.map_err(|_| NotRunning),
            Err(_) => Err(NotRunning),
        };
        let _gone = answer.send(stopped);
    }
}

fn room_with_a_phone(event: &proto::WebhookEvent) -> Option<RoomName> {
    let phone = event
        .participant
        .as_ref()
        .is_some_and(|participant| participant.kind == ParticipantKind::Sip.wire());
    let joined = event.event == "participant_joined" && phone;
    joined
        .then(|| RoomName::parse(event.room.as_ref()?.name.clone()).ok())
        .flatten()
}

/// Whom recordings are told to: the node's webhooks, or the store when the server is elsewhere.
pub(super) struct Told {
    pub(super) node: Option<NodeHandle>,
    pub(super) store: Store,
}

/// Turns what happens to recordings into events, until the recorder is gone.
pub(super) async fn tell(mut updates: mpsc::Receiver<proto::EgressInfo>, told: Told, stop: Stop) {
    let mut known: BTreeSet<String> = BTreeSet::new();
    loop {
        let update = tokio::select! {
            update = updates.recv() => update,
            () = stop.hurry() => return,
        };
        let Some(info) = update else {
            stop.draining().await;
            return;
        };
        let word = word(&info, &mut known);
        match &told.node {
            Some(node) => node.notify(proto::WebhookEvent {
                event: word.to_owned(),
                egress_info: Some(info),
                ..Default::default()
            }),
            None => keep(&told.store, word, &info).await,
        }
    }
}

fn word(info: &proto::EgressInfo, known: &mut BTreeSet<String>) -> &'static str {
    use proto::EgressStatus as Status;
    let status = Status::try_from(info.status).unwrap_or(Status::EgressStarting);
    match status {
        Status::EgressComplete
        | Status::EgressFailed
        | Status::EgressAborted
        | Status::EgressLimitReached => {
            known.remove(&info.egress_id);
            "egress_ended"
        }
        Status::EgressStarting | Status::EgressActive | Status::EgressEnding => {
            if known.insert(info.egress_id.clone()) {
                "egress_started"
            } else {
                "egress_updated"
            }
        }
    }
}

async fn keep(store: &Store, word: &str, info: &proto::EgressInfo) {
    let event = Event {
        event_id: format!("EV_{}_{}", info.egress_id, info.status),
        at: now(),
        kind: word.to_owned(),
        room: info.room_name.clone(),
        body: serde_json::to_value(info).unwrap_or_default(),
    };
    if let Err(error) = store.events().put(&event).await {
        warn!(
            code = error.code(),
            "a recording's event could not be stored"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(status: proto::EgressStatus) -> proto::EgressInfo {
        proto::EgressInfo {
            egress_id: "EG_a".into(),
            status: status as i32,
            ..Default::default()
        }
    }

    #[test]
    fn a_recording_starts_changes_and_ends_in_livekits_words() {
        use proto::EgressStatus as Status;
        let mut known = BTreeSet::new();
        let told = [
            Status::EgressStarting,
            Status::EgressActive,
            Status::EgressEnding,
            Status::EgressComplete,
        ]
        .map(|status| word(&info(status), &mut known));
        assert_eq!(
            told,
            [
                "egress_started",
                "egress_updated",
                "egress_updated",
                "egress_ended"
            ]
        );
    }

    #[test]
    fn only_a_phone_that_joined_starts_a_recording() {
        let event = |word: &str, kind: ParticipantKind| proto::WebhookEvent {
            event: word.into(),
            room: Some(proto::Room {
                name: "call".into(),
                ..Default::default()
            }),
            participant: Some(proto::ParticipantInfo {
                kind: kind.wire(),
                ..Default::default()
            }),
            ..Default::default()
        };
        assert!(room_with_a_phone(&event("participant_joined", ParticipantKind::Sip)).is_some());
        assert!(room_with_a_phone(&event("participant_joined", ParticipantKind::Agent)).is_none());
        assert!(room_with_a_phone(&event("participant_left", ParticipantKind::Sip)).is_none());
    }
}
