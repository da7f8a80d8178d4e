//! A recording in LiveKit's words.

use std::path::{Path, PathBuf};
use std::time::Duration;

use livekit_protocol as proto;
use livekit_protocol::EgressStatus;
use trunkline_base::class::Classified as _;
use trunkline_base::id::{EgressId, RoomName};
use trunkline_base::time::UnixTime;

use super::error::Failure;

/// The state of one recording, as it is told.
#[derive(Clone, Debug)]
pub(super) struct Told {
    info: proto::EgressInfo,
}

/// The file at the end.
#[derive(Clone, Debug)]
pub(super) struct FileFacts {
    pub(super) root: PathBuf,
    pub(super) path: PathBuf,
    pub(super) started: UnixTime,
    pub(super) ended: UnixTime,
    pub(super) duration: Duration,
    pub(super) size: u64,
}

impl Told {
    pub(super) fn new(id: &EgressId, room: &RoomName, relative: &Path, at: UnixTime) -> Self {
        let output = proto::EncodedFileOutput {
            file_type: proto::EncodedFileType::Ogg as i32,
            filepath: relative.to_string_lossy().into_owned(),
            ..Default::default()
        };
        let request = proto::RoomCompositeEgressRequest {
            room_name: room.to_string(),
            audio_only: true,
            file_outputs: vec![output],
            ..Default::default()
        };
        let info = proto::EgressInfo {
            egress_id: id.to_string(),
            room_name: room.to_string(),
            source_type: proto::EgressSourceType::Sdk as i32,
            started_at: at.nanos_i64(),
            updated_at: at.nanos_i64(),
            request: Some(proto::egress_info::Request::RoomComposite(request)),
            ..Default::default()
        };
        Self { info }
    }

    pub(super) fn room_id(&mut self, sid: &str) {
        sid.clone_into(&mut self.info.room_id);
    }

    /// Moves to `status` and returns what to tell.
    pub(super) fn step(&mut self, status: EgressStatus, at: UnixTime) -> proto::EgressInfo {
        self.info.status = status as i32;
        self.info.updated_at = at.nanos_i64();
        self.info.clone()
    }

    /// Says why it ends.
    pub(super) fn because(&mut self, reason: &str) {
        self.info.details = format!("End reason: {reason}");
    }

    pub(super) fn failed(&mut self, failure: &Failure) {
        self.info.error = failure.to_string();
        self.info.error_code = i32::from(failure.class().http_status());
        self.because("Failure");
    }

    pub(super) fn aborted(&mut self) {
        "nothing was said before the end".clone_into(&mut self.info.error);
        self.info.error_code = 412;
    }

    /// Adds the file, in the list and in the older single field.
    pub(super) fn file(&mut self, facts: &FileFacts) {
        let name = facts.path.strip_prefix(&facts.root).unwrap_or(&facts.path);
        let file = proto::FileInfo {
            filename: name.to_string_lossy().into_owned(),
            started_at: facts.started.nanos_i64(),
            ended_at: facts.ended.nanos_i64(),
            duration: i64::try_from(facts.duration.as_nanos()).unwrap_or(i64::MAX),
            size: i64::try_from(facts.size).unwrap_or(i64::MAX),
            location: facts.path.to_string_lossy().into_owned(),
        };
        self.info.ended_at = facts.ended.nanos_i64();
        #[expect(deprecated, reason = "older clients read only this field")]
        let single = proto::egress_info::Result::File(file.clone());
        self.info.result = Some(single);
        self.info.file_results = vec![file];
    }
}
