//! Data packets coming in.

use livekit_protocol as proto;
use proto::data_packet::Value;
use trunkline_base::id::ParticipantIdentity;

use super::super::RoomEvent;
use super::super::event::DataReceived;
use super::{RoomTask, now};

impl RoomTask {
    pub(super) fn on_data(&mut self, packet: proto::DataPacket, reliable: bool) {
        let from = packet.participant_identity;
        let sender = ParticipantIdentity::parse(from.as_str()).ok();
        let event = match packet.value {
            Some(Value::User(user)) => {
                #[expect(deprecated, reason = "older servers name the sender only here")]
                let named = ParticipantIdentity::parse(user.participant_identity).ok();
                Some(RoomEvent::Data(DataReceived {
                    from: sender.or(named),
                    topic: user.topic,
                    payload: user.payload.into(),
                    reliable,
                }))
            }
            Some(Value::SipDtmf(key)) => Some(RoomEvent::Dtmf {
                from: sender,
                code: key.code,
                digit: key.digit,
            }),
            Some(Value::StreamHeader(header)) => self
                .texts
                .on_header(&from, header, now())
                .map(RoomEvent::Text),
            Some(Value::StreamChunk(chunk)) => {
                self.texts.on_chunk(&from, chunk, now());
                None
            }
            Some(Value::StreamTrailer(trailer)) => {
                self.texts.on_trailer(&from, trailer).map(RoomEvent::Text)
            }
            // Metrics, calls between participants and kinds newer than this library.
            _ => None,
        };
        if let Some(event) = event {
            self.outlet.push(event);
        }
    }
}
