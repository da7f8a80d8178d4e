//! Offer and answer of one call.

mod kept;

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use tracing::info;
use trunkline_sip::endpoint::Rejection;
use trunkline_sip::message::name;
use trunkline_sip::routing::{Accepted, MediaOptions};
use trunkline_sip::sdp::{
    Agreement, AnswerError, Codec, Direction, Encryption, Local, SdpError, Session, accept_answer,
    answer, decline, is_off, offer,
};

use super::super::media::{Home, Inward};
use super::secure::fresh;

/// Our side of the description, kept over the call.
pub(crate) struct Negotiation {
    local: Local,
    latest: Option<Agreement>,
    home: Home,
}

/// What to put into a 200.
pub(crate) struct Proposal {
    pub(crate) sdp: Bytes,
    /// None when we made the offer: the ACK will tell.
    pub(crate) agreement: Option<Agreement>,
}

impl Negotiation {
    pub(crate) fn new(
        address: SocketAddr,
        codecs: Vec<Codec>,
        encryption: Encryption,
        session_id: u64,
    ) -> Self {
        let direction = Direction::SendRecv;
        Self {
            local: Local {
                address,
                codecs,
                session_id,
                version: 1,
                direction,
                crypto: fresh(encryption),
            },
            latest: None,
            home: Home::default(),
        }
    }

    /// Beside other calls, whose ports are theirs.
    #[must_use]
    pub(super) fn at(self, home: Home) -> Self {
        Self { home, ..self }
    }

    /// An offer of ours.
    pub(super) fn proposed(&mut self) -> Bytes {
        let offer = self.respond(b"");
        offer.map_or_else(|_| Bytes::new(), |proposal| proposal.sdp)
    }

    /// Is what was agreed encrypted?
    pub(super) fn is_encrypted(&self) -> bool {
        self.latest
            .as_ref()
            .is_some_and(|latest| latest.keys.is_some())
    }

    /// What changes from now on have to come up to.
    pub(super) fn demand(&mut self, encryption: Encryption) {
        if encryption == Encryption::Require {
            self.local.crypto.encryption = encryption;
        }
    }

    /// The other side sees us at this address.
    pub(super) const fn speak_from(&mut self, address: IpAddr) {
        self.local.address.set_ip(address);
    }

    /// Where we take media, as the other side is told.
    pub(super) const fn address(&self) -> SocketAddr {
        self.local.address
    }

    /// Answers the offer in a body, or makes one when there is none.
    pub(crate) fn respond(&mut self, body: &[u8]) -> Result<Proposal, Rejection> {
        if body.is_empty() {
            let keys = self.latest.as_ref().and_then(|latest| latest.keys.as_ref());
            if let Some(keys) = keys {
                // It is offered again what it has taken.
                self.local.crypto.prefer(keys.ours.suite());
            }
            let sdp = Bytes::from(offer(&self.as_agreed()).to_string());
            self.local.version += 1;
            return Ok(Proposal {
                sdp,
                agreement: None,
            });
        }
        let theirs = Session::parse(body).map_err(unread)?;
        let mut answered = answer(&theirs, &self.local);
        if answered
            .as_ref()
            .is_ok_and(|(_, agreement)| self.has_new_keys(agreement))
        {
            // Some phones count anew then, and some do not: with a new key of ours nobody can err.
            self.local.crypto = fresh(self.local.crypto.encryption);
            answered = answer(&theirs, &self.local);
        }
        let (ours, mut agreement) = match (answered, self.off(&theirs)) {
            (Err(_), Some(off)) => (decline(&theirs, &self.local), off),
            (answered, _) => answered.map_err(refuse)?,
        };
        self.home
            .agree(self.local.address, &mut agreement)
            .map_err(turned_back)?;
        self.latest = Some(agreement.clone());
        self.local.version += 1;
        Ok(Proposal {
            sdp: Bytes::from(ours.to_string()),
            agreement: Some(agreement),
        })
    }

    /// Reads the answer to an offer of ours.
    pub(crate) fn accept(&mut self, body: &[u8]) -> Option<Agreement> {
        let theirs = Session::parse(body).ok()?;
        let accepted = accept_answer(&theirs, &self.local).ok();
        let mut agreement = accepted.or_else(|| self.off(&theirs))?;
        if let Err(inward) = self.home.agree(self.local.address, &mut agreement) {
            info!(%inward, "the answer is of no use");
            return None;
        }
        self.latest = Some(agreement.clone());
        Some(agreement)
    }

    /// What is encrypted is offered so again: some phones take nothing else then.
    fn as_agreed(&self) -> Local {
        let mut local = self.local.clone();
        if self.is_encrypted() {
            local.crypto.encryption = Encryption::Require;
        }
        local
    }

    fn has_new_keys(&self, agreement: &Agreement) -> bool {
        let before = self.latest.as_ref().and_then(|latest| latest.keys.as_ref());
        match (before, &agreement.keys) {
            (Some(before), Some(keys)) => before.theirs != keys.theirs,
            _ => false,
        }
    }

    /// A call that is up and whose phone turns its audio off is on hold.
    fn off(&self, theirs: &Session) -> Option<Agreement> {
        self.at_rest().filter(|_| is_off(theirs))
    }

    /// What was agreed, without sound either way.
    pub(super) fn at_rest(&self) -> Option<Agreement> {
        let latest = self.latest.as_ref()?;
        Some(Agreement {
            remote: None,
            remote_rtcp: None,
            direction: Direction::Inactive,
            ..latest.clone()
        })
    }
}

/// The codecs of a call: the rule's choice wins over the trunk's, that over ours.
pub(super) fn codecs(accepted: &Accepted, ours: &[Codec]) -> Vec<Codec> {
    choose_codecs([&accepted.rule.media, &accepted.trunk.media], ours)
}

/// The first choice that is one, or ours.
pub(super) fn choose_codecs(choices: [&MediaOptions; 2], ours: &[Codec]) -> Vec<Codec> {
    let choose = |options: &MediaOptions| -> Option<Vec<Codec>> {
        let listed: Vec<Codec> = options
            .codecs
            .iter()
            .filter_map(|codec| Codec::parse(codec))
            .collect();
        if options.codecs.is_empty() {
            return None;
        }
        let rest = ours.iter().filter(|codec| !listed.contains(codec));
        let extra: Vec<Codec> = if options.only_listed_codecs {
            Vec::new()
        } else {
            rest.copied().collect()
        };
        Some(listed.into_iter().chain(extra).collect())
    };
    choices
        .into_iter()
        .find_map(choose)
        .unwrap_or_else(|| ours.to_vec())
}

fn unread(error: SdpError) -> Rejection {
    Rejection::status(400).saying(match error {
        SdpError::TooLarge => "Session description is too large",
        SdpError::Version => "Session description is not of version 0",
        SdpError::Nothing => "Body is no session description",
    })
}

fn refuse(error: AnswerError) -> Rejection {
    let text = format!("{} trunkline \"{error}\"", error.warning());
    Rejection::status(488).with(name::WARNING, text)
}

fn turned_back(inward: Inward) -> Rejection {
    info!(%inward, "the offer is of no use");
    // Of its own words: none of the codes says so.
    Rejection::status(488).with(name::WARNING, format!("399 trunkline \"{inward}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TALK: &str =
        "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\nc=IN IP4 192.0.2.9\r\nm=audio 4000 RTP/AVP 0\r\n";

    fn negotiation() -> Negotiation {
        let address = SocketAddr::from(([192, 0, 2, 1], 10_000));
        Negotiation::new(address, vec![Codec::Pcmu], Encryption::Allow, 1)
    }

    #[test]
    fn what_is_no_description_is_refused_in_words() {
        for (body, words) in [
            ("hello", "Body is no session description"),
            ("v=1\r\n", "Session description is not of version 0"),
            (
                &*format!("v=0\r\n{}", "a=x\r\n".repeat(9_999)),
                "Session description is too large",
            ),
        ] {
            let refused = negotiation().respond(body.as_bytes()).map(|_| ());
            let refused = refused.unwrap_err();
            assert_eq!((refused.status, refused.reason), (400, Some(words)));
        }
    }

    #[test]
    fn a_phone_that_turns_its_audio_off_holds_and_one_that_begins_so_is_refused() {
        let off = TALK.replace("4000", "0");
        let mut fresh = negotiation();
        assert!(fresh.respond(off.as_bytes()).is_err());
        fresh.respond(TALK.as_bytes()).unwrap();
        for _ in 0..2 {
            let held = fresh.respond(off.as_bytes()).unwrap();
            assert!(held.agreement.unwrap().on_hold());
            let sdp = String::from_utf8(held.sdp.to_vec()).unwrap();
            assert!(sdp.contains("m=audio 0 RTP/AVP 0\r\n"), "{sdp}");
        }
        let back = fresh
            .respond(TALK.replace("4000", "5000").as_bytes())
            .unwrap();
        assert_eq!(
            back.agreement.unwrap().remote,
            Some(SocketAddr::from(([192, 0, 2, 9], 5000)))
        );
    }

    #[test]
    fn an_answer_in_the_ack_may_hold_too() {
        let mut call = negotiation();
        call.respond(TALK.as_bytes()).unwrap();
        assert!(call.respond(b"").unwrap().agreement.is_none());
        let held = call
            .accept(format!("{TALK}a=inactive\r\n").as_bytes())
            .unwrap();
        assert!(held.on_hold());
        assert!(
            call.accept(TALK.replace("4000", "0").as_bytes())
                .unwrap()
                .on_hold()
        );
        assert!(!call.accept(TALK.as_bytes()).unwrap().on_hold());
    }

    const KEYS: [&str; 2] = [
        "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj",
        "NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj",
    ];

    fn encrypted(key: &str) -> String {
        let plain = TALK.replace("RTP/AVP", "RTP/SAVP");
        format!("{plain}a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n")
    }

    #[test]
    fn a_phone_that_keeps_its_key_hears_ours_again_and_one_that_changes_it_a_new_one() {
        let mut call = negotiation();
        let mut ours = |body: &str| {
            let agreement = call.respond(body.as_bytes()).unwrap().agreement;
            agreement.unwrap().keys.unwrap().ours
        };
        let first = ours(&encrypted(KEYS[0]));
        assert_eq!(ours(&encrypted(KEYS[0])), first);
        let second = ours(&encrypted(KEYS[1]));
        assert_ne!(second, first);
        assert_eq!(ours(&encrypted(KEYS[1])), second);
    }

    #[test]
    fn a_call_that_is_encrypted_is_offered_so_again() {
        let mut call = negotiation();
        let offered = |call: &mut Negotiation| {
            let sdp = call.respond(b"").unwrap().sdp;
            String::from_utf8(sdp.to_vec()).unwrap()
        };
        let open = offered(&mut call);
        assert!(open.contains(" RTP/AVP ") && open.contains("a=crypto:1 "));
        call.respond(encrypted(KEYS[0]).as_bytes()).unwrap();
        assert!(offered(&mut call).contains(" RTP/SAVP "));
        let answer = encrypted(KEYS[1]);
        assert!(call.accept(answer.as_bytes()).unwrap().keys.is_some());
        call.respond(TALK.as_bytes()).unwrap();
        assert!(offered(&mut call).contains(" RTP/AVP "));
    }

    /// With the lines around it an INVITE stays below 1300 bytes, and goes out in one packet.
    #[test]
    fn an_offer_of_ours_is_short_and_names_again_what_was_agreed() {
        let address = SocketAddr::from(([192, 0, 2, 199], 10_000));
        let all = Codec::ALL.to_vec();
        let mut call = Negotiation::new(address, all, Encryption::Allow, 1 << 47);
        let offered = |call: &mut Negotiation| {
            let sdp = call.respond(b"").unwrap().sdp;
            String::from_utf8(sdp.to_vec()).unwrap()
        };
        let first = offered(&mut call);
        assert!(first.len() < 800, "{} bytes", first.len());
        assert_eq!(first.matches("a=crypto:").count(), 2);
        assert!(first.contains(":1 AES_CM_128_HMAC_SHA1_80 "));
        assert!(first.contains(":2 AEAD_AES_256_GCM "));
        let rare = encrypted(KEYS[0]).replace("SHA1_80", "SHA1_32");
        assert!(call.respond(rare.as_bytes()).is_ok(), "answers take all");
        assert!(offered(&mut call).contains(":1 AES_CM_128_HMAC_SHA1_32 "));
        assert!(call.accept(rare.as_bytes()).unwrap().keys.is_some());
    }

    #[test]
    fn what_the_trunk_wants_is_said_in_words() {
        let of = |encryption, body: &str| {
            let address = SocketAddr::from(([192, 0, 2, 1], 10_000));
            let mut call = Negotiation::new(address, vec![Codec::Pcmu], encryption, 1);
            let refused = call.respond(body.as_bytes()).map(|_| ()).unwrap_err();
            (refused.status, refused.headers[0].1.clone())
        };
        assert_eq!(
            of(Encryption::Require, TALK),
            (
                488,
                "302 trunkline \"audio must be encrypted: offer RTP/SAVP with a=crypto\""
                    .to_owned()
            )
        );
        let (status, words) = of(Encryption::Disable, &encrypted(KEYS[0]));
        assert_eq!(status, 488);
        assert!(words.contains("encrypted audio is switched off"), "{words}");
    }

    #[test]
    fn what_does_not_fit_leaves_things_as_they_are() {
        let mut call = negotiation();
        call.respond(TALK.as_bytes()).unwrap();
        assert!(
            call.respond(TALK.replace("RTP/AVP 0", "RTP/AVP 18").as_bytes())
                .is_err()
        );
        assert!(call.accept(b"junk").is_none());
        assert_eq!(call.latest.unwrap().direction, Direction::SendRecv);
    }
}
