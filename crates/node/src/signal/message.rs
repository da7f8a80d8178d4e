//! Server messages, each made in one place.

use livekit_protocol as proto;
use prost::Message as _;
use proto::leave_request::Action;
use proto::request_response::{Reason, Request};
use proto::signal_response::Message;
use trunkline_base::time::UnixTime;

use super::protocol::Protocol;

pub(crate) const fn wrap(message: Message) -> proto::SignalResponse {
    proto::SignalResponse {
        message: Some(message),
    }
}

/// The end of a session, worded for what the client understands.
pub(crate) fn leave(
    reason: proto::DisconnectReason,
    action: Action,
    protocol: Protocol,
) -> proto::SignalResponse {
    let again = action != Action::Disconnect;
    wrap(Message::Leave(proto::LeaveRequest {
        can_reconnect: again && !protocol.leave_action(),
        reason: reason.into(),
        action: action.into(),
        regions: None,
    }))
}

pub(crate) const fn update(participants: Vec<proto::ParticipantInfo>) -> proto::SignalResponse {
    wrap(Message::Update(proto::ParticipantUpdate { participants }))
}

pub(crate) const fn room_update(room: proto::Room) -> proto::SignalResponse {
    wrap(Message::RoomUpdate(proto::RoomUpdate { room: Some(room) }))
}

pub(crate) fn description(
    kind: &str,
    sdp: String,
    id: u32,
    mid_to_track_id: std::collections::HashMap<String, String>,
) -> proto::SessionDescription {
    proto::SessionDescription {
        r#type: kind.to_owned(),
        sdp,
        id,
        mid_to_track_id,
    }
}

pub(crate) const fn pong(ping: &proto::Ping, now: UnixTime) -> proto::SignalResponse {
    wrap(Message::PongResp(proto::Pong {
        last_ping_timestamp: ping.timestamp,
        timestamp: now.0.cast_signed(),
    }))
}

pub(crate) const fn track_unpublished(track_sid: String) -> proto::SignalResponse {
    wrap(Message::TrackUnpublished(proto::TrackUnpublishedResponse {
        track_sid,
    }))
}

pub(crate) const fn track_published(cid: String, track: proto::TrackInfo) -> proto::SignalResponse {
    wrap(Message::TrackPublished(proto::TrackPublishedResponse {
        cid,
        track: Some(track),
    }))
}

/// Who began or stopped to speak.
pub(crate) const fn speakers(speakers: Vec<proto::SpeakerInfo>) -> proto::SignalResponse {
    wrap(Message::SpeakersChanged(proto::SpeakersChanged {
        speakers,
    }))
}

pub(crate) const fn track_subscribed(track_sid: String) -> proto::SignalResponse {
    wrap(Message::TrackSubscribed(proto::TrackSubscribed {
        track_sid,
    }))
}

pub(crate) const fn mute(sid: String, muted: bool) -> proto::SignalResponse {
    wrap(Message::Mute(proto::MuteTrackRequest { sid, muted }))
}

pub(crate) fn response(
    request_id: u32,
    reason: Reason,
    text: &str,
    request: Request,
) -> proto::SignalResponse {
    wrap(Message::RequestResponse(proto::RequestResponse {
        request_id,
        reason: reason.into(),
        message: text.to_owned(),
        request: Some(brief(request)),
    }))
}

/// What of a request is said back: all of it, but of a long one only what it is known by.
fn brief(request: Request) -> Request {
    match request {
        Request::UpdateMetadata(update) if update.encoded_len() > MAX_ECHO => {
            Request::UpdateMetadata(proto::UpdateParticipantMetadata {
                request_id: update.request_id,
                ..proto::UpdateParticipantMetadata::default()
            })
        }
        Request::AddTrack(add) if add.encoded_len() > MAX_ECHO => {
            Request::AddTrack(proto::AddTrackRequest {
                cid: add.cid,
                sid: add.sid,
                r#type: add.r#type,
                source: add.source,
                ..proto::AddTrackRequest::default()
            })
        }
        request => request,
    }
}

/// Above what a request usually holds. A client that sends much must not fall behind in reading
/// its own words.
const MAX_ECHO: usize = 16 * 1024;

/// A description asks for more than is taken.
pub(crate) fn description_refused(text: &str) -> proto::SignalResponse {
    wrap(Message::RequestResponse(proto::RequestResponse {
        request_id: 0,
        reason: Reason::LimitExceeded.into(),
        message: text.to_owned(),
        request: None,
    }))
}

/// Why a client's request was not carried out, or that it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) text: &'static str,
}

impl Refusal {
    pub(crate) const OK: Self = Self::new(Reason::Ok, "");

    pub(crate) const fn new(reason: Reason, text: &'static str) -> Self {
        Self { reason, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_request_is_not_said_back_whole() {
        let said_back = |metadata: usize| {
            let update = proto::UpdateParticipantMetadata {
                metadata: "m".repeat(metadata),
                request_id: 9,
                ..proto::UpdateParticipantMetadata::default()
            };
            let said = response(9, Reason::Ok, "", Request::UpdateMetadata(update));
            let Some(Message::RequestResponse(said)) = said.message else {
                panic!("a response")
            };
            let Some(Request::UpdateMetadata(update)) = said.request else {
                panic!("the request")
            };
            (said.request_id, update.request_id, update.metadata.len())
        };
        assert_eq!(said_back(10), (9, 9, 10));
        assert_eq!(said_back(500_000), (9, 9, 0));
    }

    #[test]
    fn an_old_client_is_told_by_flag_and_a_new_one_by_action() {
        let flag = |protocol, action| match leave(
            proto::DisconnectReason::StateMismatch,
            action,
            Protocol(protocol),
        )
        .message
        {
            Some(Message::Leave(leave)) => leave.can_reconnect,
            _ => panic!("a leave"),
        };
        assert!(flag(12, Action::Reconnect));
        assert!(!flag(12, Action::Disconnect));
        assert!(!flag(13, Action::Reconnect));
    }
}
