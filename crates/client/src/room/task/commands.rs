//! What handles ask.

use livekit_protocol as proto;
use proto::data_packet::Value;
use proto::data_stream::header::ContentHeader;
use proto::data_stream::{Chunk, Header, TextHeader, Trailer};
use tokio::time::Instant;
use trunkline_base::id::ParticipantIdentity;
use trunkline_base::time::UnixTime;
use trunkline_rtc::participant::{DataOut, Profile, Publish};

use super::super::command::{Answer, Command, LocalChange, OutgoingText, Published, TextBody};
use super::super::error::{PublishError, RequestError};
use super::super::media::AudioOptions;
use super::super::{DataMessage, DisconnectReason, wire};
use super::{REQUEST_LIMIT, RoomTask, now};

/// Most payload bytes of one data packet; what every LiveKit client accepts.
const DATA_LIMIT: usize = 15_000;

impl RoomTask {
    pub(super) fn on_command(&mut self, command: Option<Command>) {
        match command {
            Some(Command::Publish { options, answer }) => self.publish(options, answer),
            Some(Command::Unpublish { track, answer }) => {
                if let Some(local) = self.locals.remove(track) {
                    self.core.unpublish(local, now());
                }
                drop(answer.send(Ok(())));
            }
            Some(Command::Mute {
                track,
                muted,
                answer,
            }) => {
                if let Some(local) = self.locals.find(track) {
                    self.core.set_muted(local, muted, now());
                    self.locals.change(local, |state| state.muted = muted);
                }
                drop(answer.send(Ok(())));
            }
            Some(Command::Update { change, answer }) => self.update(change, answer),
            Some(Command::Subscribe {
                sid,
                wanted,
                answer,
            }) => {
                self.core.subscribe(sid.as_str(), wanted, now());
                drop(answer.send(Ok(())));
            }
            Some(Command::Data { message, answer }) => {
                drop(answer.send(self.send_data(message)));
            }
            Some(Command::Dtmf {
                code,
                digit,
                to,
                answer,
            }) => {
                let value = Value::SipDtmf(proto::SipDtmf { code, digit });
                drop(answer.send(self.send(value, true, &to, None)));
            }
            Some(Command::Text { piece, answer }) => drop(answer.send(self.send_text(piece))),
            Some(Command::Leave { reason, answer }) => {
                self.leaving.push(answer);
                self.leave(reason);
            }
            // The last handle is gone.
            None => self.leave(DisconnectReason::ClientInitiated),
        }
    }

    fn leave(&mut self, reason: DisconnectReason) {
        self.core.leave(wire::reason_to_wire(reason), now());
        self.end.get_or_insert(reason);
    }

    fn publish(&mut self, options: AudioOptions, answer: Answer<Published, PublishError>) {
        let publish = Publish {
            name: options.name,
            source: wire::source_to_wire(options.source),
            stereo: false,
            disable_dtx: true,
            muted: false,
        };
        let track = self.core.publish(publish, now());
        self.locals.add(track, answer);
    }

    fn update(&mut self, change: LocalChange, answer: Answer<()>) {
        let keep = |text: String| (!text.is_empty()).then_some(text);
        let profile = Profile {
            name: keep(change.name),
            metadata: keep(change.metadata),
            attributes: change.attributes,
        };
        let request = self.core.update_profile(profile, now());
        self.requests
            .insert(request, (answer, Instant::now() + REQUEST_LIMIT));
    }

    fn send_data(&mut self, message: DataMessage) -> Result<(), RequestError> {
        let len = message.payload.len();
        if len > DATA_LIMIT {
            return Err(RequestError::TooLarge {
                len,
                max: DATA_LIMIT,
            });
        }
        let user = proto::UserPacket {
            payload: message.payload.into(),
            topic: message.topic,
            ..proto::UserPacket::default()
        };
        self.send(
            Value::User(user),
            message.reliable,
            &message.destinations,
            None,
        )
    }

    fn send_text(&mut self, piece: OutgoingText) -> Result<(), RequestError> {
        let stream_id = piece.stream_id;
        let value = match piece.body {
            TextBody::Header {
                topic,
                attributes,
                total,
            } => Value::StreamHeader(Header {
                stream_id,
                timestamp: UnixTime::from_system(std::time::SystemTime::now()).millis_i64(),
                topic,
                mime_type: "text/plain".to_owned(),
                total_length: total,
                attributes: attributes.into_iter().collect(),
                content_header: Some(ContentHeader::TextHeader(TextHeader::default())),
                ..Header::default()
            }),
            TextBody::Chunk { index, content } => Value::StreamChunk(Chunk {
                stream_id,
                chunk_index: index,
                content,
                ..Chunk::default()
            }),
            TextBody::Trailer { attributes } => Value::StreamTrailer(Trailer {
                stream_id,
                attributes: attributes.into_iter().collect(),
                ..Trailer::default()
            }),
        };
        self.send(value, true, &piece.destinations, piece.sender)
    }

    fn send(
        &mut self,
        value: Value,
        reliable: bool,
        to: &[ParticipantIdentity],
        sender: Option<ParticipantIdentity>,
    ) -> Result<(), RequestError> {
        let packet = proto::DataPacket {
            destination_identities: to.iter().map(ToString::to_string).collect(),
            participant_identity: sender.map(String::from).unwrap_or_default(),
            value: Some(value),
            ..proto::DataPacket::default()
        };
        let sent = self.core.send_data(DataOut { packet, reliable }, now());
        if sent {
            Ok(())
        } else {
            Err(RequestError::NotReady)
        }
    }
}
