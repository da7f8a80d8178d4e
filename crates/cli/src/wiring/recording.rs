//! Recording follows calls: the gateway tells of each call that is in its room, whatever server
//! the room is on, and what happens to the recording is told like any other event of the server.

use std::collections::BTreeSet;

use livekit_protocol as proto;
use tokio::sync::mpsc;
use tracing::{info, warn};
use trunkline_base::class::Classified as _;
use trunkline_base::id::{EgressId, RoomName};
use trunkline_bridge::egress::RecorderHandle;
use trunkline_node::{EgressOrder, NodeHandle, NotRunning};
use trunkline_service::tasks::Stop;
use trunkline_store::{Event, Row, Store};

use crate::clock::now;

/// Records each room that a call of the gateway is in. A call that rang when the drain began may be
/// answered in it, so this goes on until the hurry.
pub(super) async fn follow(
    mut rooms: mpsc::Receiver<RoomName>,
    recorder: RecorderHandle,
    stop: Stop,
) {
    loop {
        let room = tokio::select! {
            biased;
            () = stop.hurry() => return,
            room = rooms.recv() => room,
        };
        let Some(room) = room else {
            stop.draining().await;
            return;
        };
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
            None => told.store.later(Row::Event(event(word, &info))),
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

fn event(word: &str, info: &proto::EgressInfo) -> Event {
    Event {
        event_id: format!("EV_{}_{}", info.egress_id, info.status),
        at: now(),
        kind: word.to_owned(),
        room: info.room_name.clone(),
        body: serde_json::to_value(info).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use trunkline_service::tasks::Tasks;
    use trunkline_store::testing::{Filling, small_store};

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

    /// One write that failed lost the event.
    #[tokio::test]
    async fn what_is_told_of_a_recording_outlives_a_full_disk() {
        let dir = tempfile::tempdir().unwrap();
        let store = small_store(dir.path()).await.unwrap();
        let filling = Filling::of(&store).await;
        let (updates, told) = mpsc::channel(4);
        let long = proto::EgressInfo {
            room_name: "r".into(),
            error: "x".repeat(8192),
            ..info(proto::EgressStatus::EgressFailed)
        };
        updates.send(long).await.unwrap();
        drop(updates);
        let tasks = Tasks::new();
        tasks.begin_drain("test");
        let whom = Told {
            node: None,
            store: store.clone(),
        };
        tell(told, whom, tasks.stop()).await;
        assert!(!store.written(Duration::from_millis(300)).await, "no room");
        filling.remove().await.unwrap();
        assert!(store.written(Duration::from_secs(20)).await);
        assert_eq!(
            store.events().of_room("r").await.unwrap()[0].kind,
            "egress_ended"
        );
    }
}
