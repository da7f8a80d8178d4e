//! What is kept goes when its time is over: rows of the store, and the files of recordings.

use std::io::ErrorKind;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};
use trunkline_base::class::Classified as _;
use trunkline_base::time::UnixTime;
use trunkline_service::tasks::Stop;
use trunkline_store::{Expiry, Forgotten, Recording, Store, StoreError};

use crate::clock::now;
use crate::settings::Retention;

/// What went, or would go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Pruned {
    #[serde(flatten)]
    pub(crate) rows: Forgotten,
    /// Recordings, with their files.
    pub(crate) recordings: u64,
}

fn before(kept: Option<Duration>, now: UnixTime) -> Option<UnixTime> {
    let millis = u64::try_from(kept?.as_millis()).unwrap_or(u64::MAX);
    Some(UnixTime(now.0.saturating_sub(millis)))
}

fn expiry(retention: &Retention, now: UnixTime) -> Expiry {
    Expiry {
        calls: before(retention.calls, now),
        turns: before(retention.turns, now),
        refusals: before(retention.refusals, now),
        events: before(retention.events, now),
        sip: before(retention.sip, now),
    }
}

/// What would go now.
pub(crate) async fn expired(
    store: &Store,
    retention: &Retention,
    now: UnixTime,
) -> Result<Pruned, StoreError> {
    let rows = store.expired(&expiry(retention, now)).await?;
    let recordings = match before(retention.recordings, now) {
        Some(before) => store.recordings().over(before, u32::MAX).await?.len(),
        None => 0,
    };
    Ok(Pruned {
        rows,
        recordings: u64::try_from(recordings).unwrap_or(u64::MAX),
    })
}

/// Removes what is over.
pub(crate) async fn prune(
    store: &Store,
    retention: &Retention,
    now: UnixTime,
) -> Result<Pruned, StoreError> {
    let recordings = match before(retention.recordings, now) {
        Some(before) => voices(store, before).await?,
        None => 0,
    };
    let rows = store.forget(&expiry(retention, now)).await?;
    Ok(Pruned { rows, recordings })
}

/// Recordings: the file first, so that none is left that nobody knows of. One that cannot be
/// removed keeps its row and is tried again the next time.
async fn voices(store: &Store, before: UnixTime) -> Result<u64, StoreError> {
    let over = store.recordings().over(before, u32::MAX).await?;
    let mut removed = 0;
    for recording in over {
        if remove(&recording).await {
            store.recordings().forget(&recording.egress_id).await?;
            removed += 1;
        }
    }
    Ok(removed)
}

async fn remove(recording: &Recording) -> bool {
    match tokio::fs::remove_file(&recording.path).await {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => true,
        Err(error) => {
            warn!(egress = recording.egress_id, %error, "an old recording cannot be removed");
            false
        }
    }
}

/// Prunes at the start and every hour, until the drain.
pub(crate) async fn follow(store: Store, retention: Retention, stop: Stop) {
    let mut look = interval(EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.draining() => return,
            _ = look.tick() => {}
        }
        match prune(&store, &retention, now()).await {
            Ok(pruned) if pruned == Pruned::default() => {}
            Ok(Pruned { rows, recordings }) => info!(
                calls = rows.calls,
                turns = rows.turns,
                refusals = rows.refusals,
                events = rows.events,
                sip = rows.sip,
                recordings,
                "what was kept long enough is removed"
            ),
            Err(error) => warn!(code = error.code(), "old records could not be removed"),
        }
    }
}

const EVERY: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use trunkline_base::id::{EgressId, RoomName};
    use trunkline_store::{RecordingEnd, RecordingStart};

    use super::*;

    async fn recording(store: &Store, id: &str, path: &str, ended: u64) {
        let start = RecordingStart {
            egress_id: EgressId::parse(id).unwrap(),
            room: RoomName::parse("call-1").unwrap(),
            path: path.to_owned(),
            channels: 2,
            at: UnixTime(ended - 1),
        };
        store.recordings().start(&start).await.unwrap();
        let end = RecordingEnd {
            at: UnixTime(ended),
            duration_ms: 1,
            bytes: 1,
            outcome: "complete".to_owned(),
        };
        store.recordings().end(id, &end).await.unwrap();
    }

    #[tokio::test]
    async fn an_old_recording_goes_with_its_file_and_one_that_cannot_go_is_still_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        std::fs::write(path("old.ogg"), "voices").unwrap();
        std::fs::write(path("new.ogg"), "voices").unwrap();
        // A directory where the file should be: removing it fails.
        std::fs::create_dir(path("stuck.ogg")).unwrap();
        let store = Store::open(":memory:").await.unwrap();
        recording(&store, "EG_old", &path("old.ogg"), 1_000).await;
        recording(&store, "EG_gone", &path("gone.ogg"), 1_000).await;
        recording(&store, "EG_stuck", &path("stuck.ogg"), 1_000).await;
        recording(&store, "EG_new", &path("new.ogg"), 9_000).await;
        let retention = Retention {
            recordings: Some(Duration::from_secs(5)),
            ..Retention::default()
        };
        let now = UnixTime(10_000);
        assert_eq!(
            expired(&store, &retention, now).await.unwrap().recordings,
            3
        );
        assert_eq!(prune(&store, &retention, now).await.unwrap().recordings, 2);
        assert!(!dir.path().join("old.ogg").exists() && dir.path().join("new.ogg").exists());
        let left = store.recordings().of_room("call-1").await.unwrap();
        let left: Vec<&str> = left.iter().map(|one| one.egress_id.as_str()).collect();
        assert_eq!(left, ["EG_stuck", "EG_new"]);
        let for_ever = Retention {
            recordings: None,
            ..retention
        };
        assert_eq!(
            prune(&store, &for_ever, now).await.unwrap(),
            Pruned::default()
        );
    }
}
