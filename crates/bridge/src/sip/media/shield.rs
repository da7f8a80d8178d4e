//! The encryption of a call's packets, right at its sockets: what comes is decrypted before anybody
//! looks at it, and what goes is encrypted after everybody else is done.

use trunkline_service::metrics::{Counter, count};
use trunkline_sip::sdp::Keys;
use trunkline_sip::srtp::{Heard, Receiver, Sender, Unprotected};

use super::place::Place;
use super::summary::MediaSummary;

/// Nothing before keys are agreed, and then both directions.
#[derive(Default)]
pub(super) struct Shield {
    keys: Option<Keyed>,
    opened: Vec<u8>,
    sealed: Vec<u8>,
    forged: u64,
    replayed: u64,
}

struct Keyed {
    agreed: Keys,
    sender: Option<Sender>,
    receiver: Option<Receiver>,
    /// Of the keys before these, until something comes that is encrypted with the new ones: the
    /// phone changes when it has heard our answer.
    previous: Option<Receiver>,
}

/// One of the two protocols.
#[derive(Clone, Copy)]
enum Protocol {
    Rtp,
    Rtcp,
}

impl Shield {
    /// Takes up what was agreed. Says whether our own key is another one than before.
    pub(super) fn agree(&mut self, keys: Option<&Keys>) -> bool {
        let Some(keys) = keys else {
            return self.keys.take().is_some();
        };
        let before = self.keys.take();
        let same_ours = before
            .as_ref()
            .is_some_and(|before| before.agreed.ours == keys.ours);
        let (sender, receiver, previous) = match before {
            Some(before) if before.agreed.theirs == keys.theirs => {
                (before.sender, before.receiver, before.previous)
            }
            Some(before) => (before.sender, Receiver::new(&keys.theirs), before.receiver),
            None => (None, Receiver::new(&keys.theirs), None),
        };
        self.keys = Some(Keyed {
            agreed: keys.clone(),
            sender: sender
                .filter(|_| same_ours)
                .or_else(|| Sender::new(&keys.ours)),
            receiver,
            previous,
        });
        !same_ours
    }

    /// How far both directions have come: the number of our next report, and what was heard.
    pub(super) fn reached(&self) -> (u32, Heard) {
        let keys = self.keys.as_ref();
        let sender = keys.and_then(|keys| keys.sender.as_ref());
        let receiver = keys.and_then(|keys| keys.receiver.as_ref());
        (
            sender.map_or(0, Sender::reports),
            receiver.map_or_else(Heard::default, Receiver::heard),
        )
    }

    /// Goes on under the same keys as a process that is gone.
    pub(super) fn go_on(&mut self, place: &Place) {
        let Some(keys) = &mut self.keys else { return };
        if let Some(sender) = &mut keys.sender {
            sender.go_on(place.ssrc, place.next, place.reports);
        }
        if let Some(receiver) = &mut keys.receiver {
            receiver.go_on(&place.heard);
        }
    }

    /// An RTP packet as the phone meant it; nothing for one that is not authentic.
    pub(super) fn open_rtp<'a>(&'a mut self, data: &'a [u8]) -> Option<&'a [u8]> {
        self.open(data, Protocol::Rtp)
    }

    /// The same for RTCP.
    pub(super) fn open_rtcp<'a>(&'a mut self, data: &'a [u8]) -> Option<&'a [u8]> {
        self.open(data, Protocol::Rtcp)
    }

    fn open<'a>(&'a mut self, data: &'a [u8], protocol: Protocol) -> Option<&'a [u8]> {
        let Some(keys) = &mut self.keys else {
            return Some(data);
        };
        match keys.open(data, &mut self.opened, protocol) {
            Ok(()) => Some(&self.opened),
            Err(why) => {
                match why {
                    Unprotected::Replay => self.replayed += 1,
                    Unprotected::Authentication | Unprotected::Malformed | Unprotected::Sources => {
                        self.forged += 1
                    }
                }
                count(Counter::RtpDropped, 1, &[("reason", why.word())]);
                None
            }
        }
    }

    /// An RTP packet as it may go out; nothing when it may not.
    pub(super) fn seal_rtp<'a>(&'a mut self, packet: &'a [u8]) -> Option<&'a [u8]> {
        let Some(keys) = &mut self.keys else {
            return Some(packet);
        };
        let sealed = keys.sender.as_mut()?.rtp(packet, &mut self.sealed);
        sealed.is_ok().then_some(&self.sealed)
    }

    /// The same for RTCP.
    pub(super) fn seal_rtcp<'a>(&'a mut self, packet: &'a [u8]) -> Option<&'a [u8]> {
        let Some(keys) = &mut self.keys else {
            return Some(packet);
        };
        let sealed = keys.sender.as_mut()?.rtcp(packet, &mut self.sealed);
        sealed.is_ok().then_some(&self.sealed)
    }

    pub(super) fn summarize(&self, summary: &mut MediaSummary) {
        let keys = self.keys.as_ref();
        summary.encryption = keys.map(|keys| keys.agreed.ours.suite().name());
        summary.forged = self.forged;
        summary.replayed = self.replayed;
    }
}

impl Keyed {
    fn open(
        &mut self,
        data: &[u8],
        out: &mut Vec<u8>,
        protocol: Protocol,
    ) -> Result<(), Unprotected> {
        let mut with = |receiver: &mut Receiver| match protocol {
            Protocol::Rtp => receiver.rtp(data, out),
            Protocol::Rtcp => receiver.rtcp(data, out),
        };
        let receiver = self.receiver.as_mut().ok_or(Unprotected::Authentication)?;
        match (with(receiver), &mut self.previous) {
            (Ok(()), _) => {
                self.previous = None;
                Ok(())
            }
            (Err(Unprotected::Authentication), Some(previous)) => with(previous),
            (refused, _) => refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;
    use trunkline_base::time::UnixTime;
    use trunkline_sip::rtp::{Header, bye};
    use trunkline_sip::srtp::{MasterKey, Suite};

    use super::*;

    fn key(seed: u64) -> MasterKey {
        MasterKey::generate(Suite::Aes128CmSha1_80, &mut StdRng::seed_from_u64(seed))
    }

    fn keys(ours: u64, theirs: u64) -> Keys {
        Keys {
            ours: key(ours),
            theirs: vec![key(theirs)],
        }
    }

    fn packet(sequence: u16) -> Vec<u8> {
        let header = Header {
            payload_type: 0,
            marker: false,
            sequence,
            timestamp: 0,
            ssrc: 7,
        };
        header.write(&[0xff; 160]).to_vec()
    }

    fn sealed(sender: &mut Shield, sequence: u16) -> Vec<u8> {
        sender.seal_rtp(&packet(sequence)).unwrap().to_vec()
    }

    #[test]
    fn without_keys_all_passes_as_it_is_and_with_keys_nothing_plain_does() {
        let mut shield = Shield::default();
        assert_eq!(shield.open_rtp(&packet(1)), Some(&packet(1)[..]));
        assert_eq!(shield.seal_rtp(&packet(1)), Some(&packet(1)[..]));
        assert!(shield.agree(Some(&keys(1, 2))));
        assert_eq!(shield.open_rtp(&packet(1)), None);
        let plain = bye(7, "x");
        assert_eq!(shield.open_rtcp(&plain), None);
        assert_ne!(
            shield.seal_rtp(&packet(1)).unwrap()[12..172],
            packet(1)[12..]
        );
        let mut summary = MediaSummary::default();
        shield.summarize(&mut summary);
        assert_eq!((summary.forged, summary.replayed), (2, 0));
        assert_eq!(summary.encryption, Some("AES_CM_128_HMAC_SHA1_80"));
    }

    /// A phone that holds its call comes back with a new key, and its last packets under the old
    /// one are on their way when we learn of it.
    #[test]
    fn a_new_key_takes_over_from_the_old_one_without_a_gap() {
        let (mut phone, mut next, mut ours) =
            (Shield::default(), Shield::default(), Shield::default());
        phone.agree(Some(&keys(2, 1)));
        next.agree(Some(&keys(3, 1)));
        ours.agree(Some(&keys(1, 2)));
        let first = sealed(&mut phone, 1);
        assert!(ours.open_rtp(&first).is_some());
        assert!(!ours.agree(Some(&keys(1, 3))), "our own key stays");
        assert!(ours.open_rtp(&first).is_none(), "not even an old one twice");
        assert!(ours.open_rtp(&sealed(&mut phone, 2)).is_some());
        assert!(ours.open_rtp(&sealed(&mut next, 3)).is_some());
        assert!(ours.open_rtp(&sealed(&mut phone, 4)).is_none());
        let mut summary = MediaSummary::default();
        ours.summarize(&mut summary);
        assert_eq!((summary.forged, summary.replayed), (1, 1));
    }

    #[test]
    fn a_sign_of_life_with_the_same_keys_forgets_no_packet() {
        let (mut phone, mut ours) = (Shield::default(), Shield::default());
        phone.agree(Some(&keys(2, 1)));
        ours.agree(Some(&keys(1, 2)));
        let first = sealed(&mut phone, 1);
        assert!(ours.open_rtp(&first).is_some());
        assert!(!ours.agree(Some(&keys(1, 2))));
        assert!(ours.open_rtp(&first).is_none());
        let mut summary = MediaSummary::default();
        ours.summarize(&mut summary);
        assert_eq!((summary.forged, summary.replayed), (0, 1));
        assert!(ours.agree(None), "and now it is plain");
        assert!(ours.open_rtp(&packet(9)).is_some());
    }

    /// Both processes have died and come back: what one sends the other takes, and what was sent
    /// before is taken by nobody again.
    #[test]
    fn encryption_goes_on_after_a_restart_on_either_side() {
        let (mut phone, mut ours) = (Shield::default(), Shield::default());
        phone.agree(Some(&keys(2, 1)));
        ours.agree(Some(&keys(1, 2)));
        let heard = sealed(&mut phone, 1);
        assert!(ours.open_rtp(&heard).is_some());
        assert!(phone.open_rtp(&sealed(&mut ours, 1)).is_some());
        let (reports, seen) = ours.reached();
        let mut reborn = Shield::default();
        reborn.agree(Some(&keys(1, 2)));
        reborn.go_on(&Place {
            at: UnixTime(0),
            ssrc: 7,
            next: 2_050,
            timestamp: 0,
            packets: 1,
            octets: 160,
            reports: reports + 64,
            heard: seen,
        });
        assert!(reborn.open_rtp(&heard).is_none(), "a replay");
        assert!(reborn.open_rtp(&sealed(&mut phone, 2)).is_some());
        assert!(phone.open_rtp(&sealed(&mut reborn, 2_050)).is_some());
        let goodbye = reborn.seal_rtcp(&bye(7, "x")).unwrap().to_vec();
        assert!(phone.open_rtcp(&goodbye).is_some());
    }
}
