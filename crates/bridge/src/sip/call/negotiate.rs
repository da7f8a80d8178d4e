//! Offer and answer of one call.

use std::net::SocketAddr;

use bytes::Bytes;
use trunkline_sip::endpoint::Rejection;
use trunkline_sip::message::name;
use trunkline_sip::routing::{Accepted, MediaOptions};
use trunkline_sip::sdp::{
    Agreement, AnswerError, Codec, Direction, Local, Session, accept_answer, answer, offer,
};

/// Our side of the description, kept over the call.
pub(super) struct Negotiation {
    local: Local,
}

/// What to put into a 200.
pub(super) struct Proposal {
    pub(super) sdp: Bytes,
    /// None when we made the offer: the ACK will tell.
    pub(super) agreement: Option<Agreement>,
}

impl Negotiation {
    pub(super) fn new(address: SocketAddr, codecs: Vec<Codec>, session_id: u64) -> Self {
        let direction = Direction::SendRecv;
        Self {
            local: Local {
                address,
                codecs,
                session_id,
                version: 1,
                direction,
            },
        }
    }

    /// Answers the offer in a body, or makes one when there is none.
    pub(super) fn respond(&mut self, body: &[u8]) -> Result<Proposal, Rejection> {
        if body.is_empty() {
            let sdp = Bytes::from(offer(&self.local).to_string());
            self.local.version += 1;
            return Ok(Proposal {
                sdp,
                agreement: None,
            });
        }
        let theirs = Session::parse(body).map_err(|_| Rejection::status(400))?;
        let (ours, agreement) = answer(&theirs, &self.local).map_err(refuse)?;
        self.local.version += 1;
        Ok(Proposal {
            sdp: Bytes::from(ours.to_string()),
            agreement: Some(agreement),
        })
    }

    /// Reads the answer to an offer of ours.
    pub(super) fn accept(&self, body: &[u8]) -> Option<Agreement> {
        let theirs = Session::parse(body).ok()?;
        accept_answer(&theirs, &self.local).ok()
    }
}

/// The codecs of a call: the rule's choice wins over the trunk's, that over ours.
pub(super) fn codecs(accepted: &Accepted, ours: &[Codec]) -> Vec<Codec> {
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
    choose(&accepted.rule.media)
        .or_else(|| choose(&accepted.trunk.media))
        .unwrap_or_else(|| ours.to_vec())
}

fn refuse(error: AnswerError) -> Rejection {
    let text = format!("{} trunkline \"{error}\"", error.warning());
    Rejection::status(488).with(name::WARNING, text)
}
