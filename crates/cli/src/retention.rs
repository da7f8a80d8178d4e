//! What is kept goes when its time is over: rows of the store, and the files of recordings and captures.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};
use trunkline_base::class::Classified as _;
use trunkline_base::time::UnixTime;
use trunkline_service::tasks::Stop;
use trunkline_store::{Expiry, Forgotten, Recording, Store, StoreError};

use crate::captures;
use crate::clock::now;
use crate::settings::Retention;

/// What went, or would go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Pruned {
    #[serde(flatten)]
    pub(crate) rows: Forgotten,
    /// Recordings, with their files.
    pub(crate) recordings: u64,
    /// Files of calls' packets.
    pub(crate) captures: u64,
}

/// What is kept: the store, and where the packets of calls are.
#[derive(Clone)]
pub(crate) struct Archive {
    pub(crate) store: Store,
    pub(crate) captures: Option<PathBuf>,
}

impl Archive {
    pub(crate) fn new(store: Store, path: &Path) -> Self {
        Self {
            store,
            captures: captures::folder(path),
        }
    }

    /// Captures, with what is not to be kept any longer. They are voices, and they are what went over
    /// the wire in a call: they stay no longer than any of these.
    fn captures(&self, retention: &Retention, now: UnixTime) -> Option<(PathBuf, UnixTime)> {
        let kept = [retention.sip, retention.recordings, retention.calls];
        let kept = kept.into_iter().flatten().min();
        Some((self.captures.clone()?, before(kept, now)?))
    }
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
    archive: &Archive,
    retention: &Retention,
    now: UnixTime,
) -> Result<Pruned, StoreError> {
    let store = &archive.store;
    let rows = store.expired(&expiry(retention, now)).await?;
    let recordings = match before(retention.recordings, now) {
        Some(before) => store.recordings().over(before, u32::MAX).await?.len(),
        None => 0,
    };
    let captures = archive.captures(retention, now);
    let captures = captures.map_or(0, |(folder, before)| captures::over(&folder, before).len());
    let count = |files| u64::try_from(files).unwrap_or(u64::MAX);
    Ok(Pruned {
        rows,
        recordings: count(recordings),
        captures: count(captures),
    })
}

/// Removes what is over.
pub(crate) async fn prune(
    archive: &Archive,
    retention: &Retention,
    now: UnixTime,
) -> Result<Pruned, StoreError> {
    let store = &archive.store;
    let recordings = match before(retention.recordings, now) {
        Some(before) => voices(store, before).await?,
        None => 0,
    };
    let captures = match archive.captures(retention, now) {
        Some((folder, before)) => spawn_blocking(move || captures::remove(&folder, before))
            .await
            .unwrap_or(0),
        None => 0,
    };
    let rows = store.forget(&expiry(retention, now)).await?;
    Ok(Pruned {
        rows,
        recordings,
        captures,
    })
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
pub(crate) async fn follow(archive: Archive, retention: Retention, stop: Stop) {
    let mut look = interval(EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.draining() => return,
            _ = look.tick() => {}
        }
        match prune(&archive, &retention, now()).await {
            Ok(pruned) if pruned == Pruned::default() => {}
            Ok(Pruned {
                rows,
                recordings,
                captures,
            }) => info!(
                calls = rows.calls,
                turns = rows.turns,
                refusals = rows.refusals,
                events = rows.events,
                sip = rows.sip,
                recordings,
                captures,
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
        let archive = Archive {
            store: store.clone(),
            captures: None,
        };
        let retention = Retention {
            recordings: Some(Duration::from_secs(5)),
            ..Retention::default()
        };
        let now = UnixTime(10_000);
        assert_eq!(
            expired(&archive, &retention, now).await.unwrap().recordings,
            3
        );
        assert_eq!(
            prune(&archive, &retention, now).await.unwrap().recordings,
            2
        );
        assert!(!dir.path().join("old.ogg").exists() && dir.path().join("new.ogg").exists());
        let left = store.recordings().of_room("call-1").await.unwrap();
        let left: Vec<&str> = left.iter().map(|one| one.egress_id.as_str()).collect();
        assert_eq!(left, ["EG_stuck", "EG_new"]);
        let for_ever = Retention {
            recordings: None,
            ..retention
        };
        assert_eq!(
            prune(&archive, &for_ever, now).await.unwrap(),
            Pruned::default()
        );
    }

    #[tokio::test]
    async fn captures_go_with_the_shortest_of_what_they_tell_of() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        let archive = Archive::new(Store::open(":memory:").await.unwrap(), &path);
        let folder = captures::folder(&path).unwrap();
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("SCL_1.1.pcap");
        std::fs::write(&file, "voices").unwrap();
        let day = 24 * 3_600_000;
        let later = UnixTime(now().0 + 2 * day);
        let long = Some(Duration::from_secs(90 * 24 * 3600));
        let retention = |sip, recordings, calls| Retention {
            sip,
            recordings,
            calls,
            ..Retention::default()
        };
        for kept in [retention(None, None, None), retention(long, None, long)] {
            let would = expired(&archive, &kept, later).await.unwrap();
            assert_eq!(would.captures, 0);
        }
        let short = Some(Duration::from_secs(24 * 3600));
        for kept in [
            retention(short, long, None),
            retention(None, short, long),
            retention(long, None, short),
        ] {
            let would = expired(&archive, &kept, later).await.unwrap();
            assert_eq!(would.captures, 1);
        }
        let gone = prune(&archive, &retention(short, long, long), later).await;
        assert_eq!(gone.unwrap().captures, 1);
        assert!(!file.exists());
    }
}
