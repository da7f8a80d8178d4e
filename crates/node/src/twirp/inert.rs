//! `livekit.Egress` and `livekit.Ingress`: known, guarded, and answered as the official server
//! answers without its workers.

use axum::response::Response;
use livekit_protocol as proto;

use super::call::Call;
use super::error::{Code, TwirpError};

/// Answers one method of `livekit.Egress`.
pub(super) async fn egress(call: Call, method: &str) -> Response {
    match method {
        "StartEgress"
        | "StartRoomCompositeEgress"
        | "StartWebEgress"
        | "StartParticipantEgress"
        | "StartTrackCompositeEgress"
        | "StartTrackEgress"
        | "UpdateLayout"
        | "UpdateStream"
        | "ListEgress"
        | "StopEgress" => {
            call.run(|caller, _: Anything| async move {
                caller.may(|video| video.room_record)?;
                absent(EGRESS)
            })
            .await
        }
        _ => call.no_method(),
    }
}

/// Answers one method of `livekit.Ingress`.
pub(super) async fn ingress(call: Call, method: &str) -> Response {
    match method {
        "CreateIngress" | "UpdateIngress" | "ListIngress" | "DeleteIngress" => {
            call.run(|caller, _: Anything| async move {
                caller.may(|video| video.ingress_admin)?;
                absent(INGRESS)
            })
            .await
        }
        _ => call.no_method(),
    }
}

fn absent(text: &str) -> Result<Anything, TwirpError> {
    Err(TwirpError::new(Code::Internal, text))
}

/// A message of which every field is skipped: the answer does not depend on it.
type Anything = proto::DeleteRoomResponse;

pub(super) const EGRESS: &str = "egress not connected (redis required)";
const INGRESS: &str = "ingress not connected (redis required)";
