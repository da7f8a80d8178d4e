//! Stamping the sender onto a data packet.
//!
//! Packets are forwarded as the bytes that came, with the sender's fields appended: in protobuf
//! the last value of a field counts. Members of a packet that this build does not know survive.
//! Two kinds say more of their sender inside, and are written anew: user packets, and what an
//! agent says for somebody else.

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use livekit_protocol::data_stream::header::ContentHeader;
use livekit_protocol::{DataPacket, UserPacket, data_packet::Value};

use super::addressees;
use super::config::Permissions;

/// Field numbers of `DataPacket`.
const KIND: u32 = 1;
const IDENTITY: u32 = 4;
const SID: u32 = 17;

/// Who sent a packet, and on which kind of channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp<'a> {
    pub(super) identity: &'a str,
    pub(super) sid: &'a str,
    pub(super) reliable: bool,
    /// An agent says it for whom it names.
    pub(super) generated: bool,
}

impl<'a> Stamp<'a> {
    /// The stamp of a packet from the participant `own`, a pair of identity and session. Hidden
    /// senders have no name. Agents may put another's to what that one wrote or said: chat and
    /// the headers of text streams, nothing else.
    pub(super) fn of(
        packet: &'a DataPacket,
        own: (&'a str, &'a str),
        permissions: &Permissions,
        reliable: bool,
    ) -> Self {
        let (identity, sid) = if permissions.hidden { ("", "") } else { own };
        let claimed = packet.participant_identity.as_str();
        let for_another = permissions.agent && !claimed.is_empty() && claimed != own.0;
        let generated = for_another && is_text(packet);
        Self {
            identity: if generated { claimed } else { identity },
            sid,
            reliable,
            generated,
        }
    }

    /// The packet as receivers get it.
    pub(super) fn apply(self, raw: &[u8], packet: &DataPacket) -> Vec<u8> {
        match &packet.value {
            Some(Value::User(user)) => self.user(packet, user),
            Some(value) if self.generated => self.anew(packet, generated(value)),
            _ => self.append(raw),
        }
    }

    fn append(self, raw: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(raw.len() + self.identity.len() + self.sid.len() + 16);
        out.extend_from_slice(raw);
        encode_key(KIND, WireType::Varint, &mut out);
        encode_varint(self.kind(), &mut out);
        put(IDENTITY, self.identity, &mut out);
        put(SID, self.sid, &mut out);
        out
    }

    /// User packets carry their sender and their addressees a second time, inside.
    #[expect(deprecated, reason = "older clients read the inner fields")]
    fn user(self, packet: &DataPacket, user: &UserPacket) -> Vec<u8> {
        let mut user = user.clone();
        let to = addressees::identities(packet, &user).to_vec();
        self.sid.clone_into(&mut user.participant_sid);
        self.identity.clone_into(&mut user.participant_identity);
        user.destination_identities.clone_from(&to);
        let outside = DataPacket {
            destination_identities: to,
            ..packet.clone()
        };
        self.anew(&outside, Value::User(user))
    }

    #[expect(deprecated, reason = "older clients read the kind")]
    fn anew(self, packet: &DataPacket, value: Value) -> Vec<u8> {
        DataPacket {
            kind: i32::try_from(self.kind()).unwrap_or_default(),
            participant_identity: self.identity.to_owned(),
            participant_sid: self.sid.to_owned(),
            value: Some(value),
            ..packet.clone()
        }
        .encode_to_vec()
    }

    fn kind(self) -> u64 {
        u64::from(!self.reliable)
    }
}

/// What may bear the name of another than its sender.
fn is_text(packet: &DataPacket) -> bool {
    match &packet.value {
        Some(Value::ChatMessage(_)) => true,
        Some(Value::StreamHeader(header)) => {
            matches!(header.content_header, Some(ContentHeader::TextHeader(_)))
        }
        _ => false,
    }
}

/// The same, marked as not written by whom it names.
fn generated(value: &Value) -> Value {
    let mut value = value.clone();
    match &mut value {
        Value::ChatMessage(chat) => chat.generated = true,
        Value::StreamHeader(header) => {
            if let Some(ContentHeader::TextHeader(text)) = &mut header.content_header {
                text.generated = true;
            }
        }
        _ => {}
    }
    value
}

/// A string field, also when empty: an empty value must override a forged one.
fn put(field: u32, value: &str, out: &mut Vec<u8>) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(u64::try_from(value.len()).unwrap_or_default(), out);
    out.extend_from_slice(value.as_bytes());
}

#[cfg(test)]
mod tests;
