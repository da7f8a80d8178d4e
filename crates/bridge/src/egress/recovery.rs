//! Closing what a killed process left open.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use livekit_protocol::{EgressInfo, EgressStatus};
use tokio::task::spawn_blocking;
use tracing::{info, warn};
use trunkline_base::id::{EgressId, RoomName};
use trunkline_base::time::UnixTime;
use trunkline_media::ogg::Reader;
use trunkline_store::{Recording, RecordingEnd, Store, StoreError};

use super::info::{FileFacts, Told};

/// Closes every open recording with the length its file has, and returns what to tell.
pub(super) async fn close_open(
    store: &Store,
    root: &Path,
    now: UnixTime,
) -> Result<Vec<EgressInfo>, StoreError> {
    let mut told = Vec::new();
    for left in store.recordings().open().await? {
        let path = PathBuf::from(&left.path);
        let found = spawn_blocking(move || repair(&path))
            .await
            .map_err(io::Error::other)
            .flatten();
        let (outcome, duration, bytes) = match found {
            Ok((duration, bytes)) => ("recovered", duration, bytes),
            Err(_) => ("lost", Duration::ZERO, 0),
        };
        let end = RecordingEnd {
            at: now,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            bytes,
            outcome: outcome.to_owned(),
        };
        store.recordings().end(&left.egress_id, &end).await?;
        if outcome == "lost" {
            warn!(
                egress = left.egress_id,
                "a recording that was left open has no readable file"
            );
        } else {
            info!(
                egress = left.egress_id,
                bytes, "closed a recording that was left open"
            );
        }
        told.extend(tell(&left, root, duration, bytes, now));
    }
    Ok(told)
}

/// Cuts a torn page off the end and measures what is left.
fn repair(path: &Path) -> io::Result<(Duration, u64)> {
    let bytes = std::fs::read(path)?;
    let measured = Reader::new(&bytes).map_err(io::Error::other)?.measure();
    if measured.whole_bytes < bytes.len() as u64 {
        let file = std::fs::OpenOptions::new().write(true).open(path)?;
        file.set_len(measured.whole_bytes)?;
        file.sync_data()?;
    }
    Ok((measured.duration, measured.whole_bytes))
}

fn tell(
    left: &Recording,
    root: &Path,
    duration: Duration,
    size: u64,
    now: UnixTime,
) -> Option<EgressInfo> {
    let id = EgressId::parse(left.egress_id.as_str()).ok()?;
    let room = RoomName::parse(left.room.as_str()).ok()?;
    let path = PathBuf::from(&left.path);
    let relative = path.strip_prefix(root).unwrap_or(&path).to_owned();
    let mut told = Told::new(&id, &room, &relative, left.started_at);
    let facts = FileFacts {
        root: root.to_owned(),
        path,
        started: left.started_at,
        ended: left.started_at.plus(duration),
        duration,
        size,
    };
    told.file(&facts);
    told.because("recovered after restart");
    let status = if size > 0 {
        EgressStatus::EgressComplete
    } else {
        EgressStatus::EgressFailed
    };
    Some(told.step(status, now))
}
