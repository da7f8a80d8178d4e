//! Whom a data packet is for.

use livekit_protocol::{DataPacket, UserPacket, data_packet::Value};

use super::member::Member;

/// Names read of one packet; a room admits far fewer participants.
const MAX_NAMED: usize = 1_024;

/// Participants by identity or by session. Nobody named means everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Addressees {
    identities: Vec<String>,
    sids: Vec<String>,
}

impl Addressees {
    /// One session and nobody else.
    pub(super) fn only(sid: String) -> Self {
        Self {
            identities: Vec::new(),
            sids: vec![sid],
        }
    }

    /// As a packet says: identities outside go before those inside, and sessions are named inside
    /// only, by older clients.
    #[expect(deprecated, reason = "older clients address user packets inside")]
    pub(super) fn of(packet: &DataPacket) -> Self {
        let first = |names: &[String]| names.iter().take(MAX_NAMED).cloned().collect();
        match &packet.value {
            Some(Value::User(user)) => Self {
                identities: first(identities(packet, user)),
                sids: first(&user.destination_sids),
            },
            _ => Self {
                identities: first(&packet.destination_identities),
                sids: Vec::new(),
            },
        }
    }

    pub(super) fn include(&self, member: &Member) -> bool {
        let everybody = self.identities.is_empty() && self.sids.is_empty();
        everybody
            || self
                .identities
                .iter()
                .any(|i| i == member.identity.as_str())
            || self.sids.iter().any(|s| s == member.sid.as_str())
    }
}

/// The identities a user packet is for.
#[expect(deprecated, reason = "older clients address user packets inside")]
pub(super) fn identities<'a>(packet: &'a DataPacket, user: &'a UserPacket) -> &'a [String] {
    if packet.destination_identities.is_empty() {
        &user.destination_identities
    } else {
        &packet.destination_identities
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(outside: &[&str], inside: &[&str], sids: &[&str]) -> DataPacket {
        let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        #[expect(deprecated, reason = "older clients address user packets inside")]
        let user = UserPacket {
            destination_identities: list(inside),
            destination_sids: list(sids),
            ..Default::default()
        };
        DataPacket {
            destination_identities: list(outside),
            value: Some(Value::User(user)),
            ..Default::default()
        }
    }

    /// The lists inside and outside were united: a packet for bob went to eve as well.
    #[test]
    fn the_list_outside_rules_over_the_one_inside() {
        let both = Addressees::of(&packet(&["bob"], &["eve"], &[]));
        assert_eq!(both.identities, ["bob"]);
        let inside = Addressees::of(&packet(&[], &["eve"], &[]));
        assert_eq!(inside.identities, ["eve"]);
        let session = Addressees::of(&packet(&["bob"], &[], &["PA_eve"]));
        assert_eq!(
            (session.identities, session.sids),
            (vec!["bob".to_owned()], vec!["PA_eve".to_owned()])
        );
    }

    #[test]
    fn what_is_no_user_packet_has_no_inside() {
        let chat = DataPacket {
            destination_identities: vec!["bob".to_owned()],
            value: Some(Value::ChatMessage(livekit_protocol::ChatMessage::default())),
            ..Default::default()
        };
        assert_eq!(Addressees::of(&chat).identities, ["bob"]);
    }

    #[test]
    fn a_list_of_nobody_known_is_still_a_list() {
        let nobody = Addressees::of(&packet(&[""], &[], &[]));
        assert_eq!(nobody.identities, [""]);
    }
}
