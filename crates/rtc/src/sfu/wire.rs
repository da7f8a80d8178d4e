//! Stamping the sender onto a data packet.
//!
//! Packets are forwarded as the bytes that came, with the sender's fields appended: in protobuf
//! the last value of a field counts. Members of a packet that this build does not know survive.

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use livekit_protocol::{DataPacket, UserPacket, data_packet::Value};

/// Field numbers of `DataPacket`.
const KIND: u32 = 1;
const IDENTITY: u32 = 4;
const SID: u32 = 17;

/// Who sent a packet, and on which kind of channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp<'a> {
    pub(super) identity: &'a str,
    pub(super) sid: &'a str,
    pub(super) reliable: bool,
}

impl Stamp<'_> {
    /// The packet as receivers get it.
    pub(super) fn apply(self, raw: &[u8], packet: &DataPacket) -> Vec<u8> {
        if let Some(Value::User(user)) = &packet.value {
            return self.user(packet, user);
        }
        let mut out = Vec::with_capacity(raw.len() + self.identity.len() + self.sid.len() + 16);
        out.extend_from_slice(raw);
        encode_key(KIND, WireType::Varint, &mut out);
        encode_varint(self.kind(), &mut out);
        put(IDENTITY, self.identity, &mut out);
        put(SID, self.sid, &mut out);
        out
    }

    /// User packets carry their sender a second time, inside.
    #[expect(deprecated, reason = "older clients read the inner fields")]
    fn user(self, packet: &DataPacket, user: &UserPacket) -> Vec<u8> {
        let mut user = user.clone();
        self.sid.clone_into(&mut user.participant_sid);
        self.identity.clone_into(&mut user.participant_identity);
        let mut packet = packet.clone();
        packet.kind = i32::try_from(self.kind()).unwrap_or_default();
        self.identity.clone_into(&mut packet.participant_identity);
        self.sid.clone_into(&mut packet.participant_sid);
        packet.value = Some(Value::User(user));
        packet.encode_to_vec()
    }

    fn kind(self) -> u64 {
        u64::from(!self.reliable)
    }
}

/// A string field, also when empty: an empty value must override a forged one.
fn put(field: u32, value: &str, out: &mut Vec<u8>) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(u64::try_from(value.len()).unwrap_or_default(), out);
    out.extend_from_slice(value.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp<'_> = Stamp {
        identity: "real",
        sid: "PA_1",
        reliable: false,
    };

    #[test]
    fn a_forged_sender_is_overridden_and_unknown_members_survive() {
        let mut raw = DataPacket {
            participant_identity: "forged".into(),
            ..Default::default()
        }
        .encode_to_vec();
        put(999, "from the future", &mut raw);
        let packet = DataPacket::decode(&raw[..]).unwrap();
        let out = STAMP.apply(&raw, &packet);
        let read = DataPacket::decode(&out[..]).unwrap();
        assert_eq!(
            (
                read.participant_identity.as_str(),
                read.participant_sid.as_str()
            ),
            ("real", "PA_1")
        );
        assert!(out.windows(15).any(|w| w == b"from the future"));
    }

    #[test]
    fn a_hidden_sender_stays_hidden() {
        let raw = DataPacket {
            participant_identity: "me".into(),
            ..Default::default()
        };
        let stamp = Stamp {
            identity: "",
            ..STAMP
        };
        let out = stamp.apply(&raw.encode_to_vec(), &raw);
        assert_eq!(
            DataPacket::decode(&out[..]).unwrap().participant_identity,
            ""
        );
    }

    #[test]
    #[expect(deprecated, reason = "older clients read the inner fields")]
    fn user_packets_are_stamped_inside_too() {
        let user = UserPacket {
            payload: vec![1],
            ..Default::default()
        };
        let packet = DataPacket {
            value: Some(Value::User(user)),
            ..Default::default()
        };
        let out = STAMP.apply(&packet.encode_to_vec(), &packet);
        let read = DataPacket::decode(&out[..]).unwrap();
        assert_eq!(read.kind, 1);
        let Some(Value::User(user)) = read.value else {
            panic!("not a user packet")
        };
        assert_eq!(
            (user.participant_sid.as_str(), user.payload),
            ("PA_1", vec![1])
        );
    }
}
