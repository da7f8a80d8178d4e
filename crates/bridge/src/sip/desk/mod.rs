//! The reception desk: decides about each INVITE before anything is spent on it.

mod directory;
mod refusals;
mod wire;

pub use directory::ServerStore;
pub(crate) use directory::{Directory, Reader, Reload};
pub(crate) use refusals::keep_refusals;
pub(crate) use wire::{
    LONGEST, duration, header_options, media_options, older as older_encryption,
};

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ipnet::IpNet;
use rand::RngCore;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, watch};
use tracing::info;
use trunkline_base::id::{TrunkId, guid};
use trunkline_base::secret::{Personal, Secret};
use trunkline_base::time::UnixTime;
use trunkline_service::metrics::{Counter, count};
use trunkline_sip::digest::{Verdict, Verifier};
use trunkline_sip::endpoint::{Invitation, Rejection, Standing};
use trunkline_sip::identity::Asserted;
use trunkline_sip::message::{Request, name};
use trunkline_sip::routing::called::Told;
use trunkline_sip::routing::{
    Accepted, CallFacts, InboundTrunk, Outcome, Pin, Question, mark, match_call,
};
use trunkline_store::{Refusal, Row};

use super::bindings::Bindings;
use refusals::Ledger;

/// What becomes of an INVITE.
pub(crate) enum Decision {
    /// It gets a room.
    Admit(Box<Accepted>, Standing),
    /// It is asked for a PIN, and gets the room of that.
    Ask(Box<Question>, Standing),
    /// It gets an answer.
    Reject(Rejection),
    /// No trunk or rule is for it, as far as we know.
    Unknown(Box<Refusal>),
}

/// Who decides. Owned by the signalling task; never waits.
pub(crate) struct Desk {
    directory: watch::Receiver<Arc<Directory>>,
    bindings: watch::Receiver<Bindings>,
    verifier: Verifier,
    rng: StdRng,
    hide_key: [u8; 16],
    /// Whether the server is worth asking when nothing is found.
    asks: bool,
    ledger: Ledger,
}

impl Desk {
    pub(crate) fn new(
        (directory, bindings): (watch::Receiver<Arc<Directory>>, watch::Receiver<Bindings>),
        asks: bool,
        mut rng: StdRng,
        notes: mpsc::Sender<Row>,
    ) -> Self {
        let mut secret = [0; 32];
        rng.fill_bytes(&mut secret);
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut hide_key = [0; 16];
        rng.fill_bytes(&mut hide_key);
        let verifier = Verifier::new(Secret::new(hex));
        Self {
            directory,
            bindings,
            verifier,
            rng,
            hide_key,
            asks,
            ledger: Ledger::new(notes),
        }
    }

    /// Whether the server may know more than we do.
    pub(crate) fn may_ask(&self) -> bool {
        self.asks && self.directory.borrow().server == ServerStore::There
    }

    /// Whether what we know of the server may be over: a rule it had then it may have no more.
    pub(crate) fn is_stale(&self, now: Instant) -> bool {
        let read = self.directory.borrow().read;
        self.may_ask() && read.is_none_or(|read| now.saturating_duration_since(read) >= FRESH)
    }

    /// Decides.
    pub(crate) fn decide(&mut self, invitation: &Invitation, now: Instant) -> Decision {
        let directory = Arc::clone(&self.directory.borrow());
        let (invite, source) = (&*invitation.request, invitation.flow.remote.ip());
        let mut facts = self.facts(invite, source);
        if !directory.loaded {
            self.note(
                row(&facts, 503, "no_trunks_yet", serde_json::json!([])),
                now,
            );
            count(Counter::CallsRefused, 1, &[("reason", "no_trunks_yet")]);
            return Decision::Reject(Rejection::retry_after(Duration::from_secs(2)));
        }
        facts.bound = self.bound(&directory, &mut facts);
        let outcome = match match_call(&directory.trunks, &directory.rules, &facts) {
            Outcome::Challenge(trunk) => match self.authenticate(&trunk, invite, &facts, now) {
                Ok(()) => {
                    facts.authenticated = true;
                    match_call(&directory.trunks, &directory.rules, &facts)
                }
                Err(rejection) => return Decision::Reject(rejection),
            },
            outcome => outcome,
        };
        match outcome {
            Outcome::Accept(mut accepted) => {
                tell_asserted(&mut accepted, invite);
                let standing = standing(&accepted.trunk, &facts);
                Decision::Admit(accepted, standing)
            }
            Outcome::AskPin(question) => {
                let standing = standing(&question.first.trunk, &facts);
                Decision::Ask(question, standing)
            }
            Outcome::Refused(refusal) => {
                let considered = serde_json::to_value(&refusal.considered).unwrap_or_default();
                let reason = serde_json::to_value(refusal.reason).unwrap_or_default();
                let reason = reason.as_str().unwrap_or("unknown");
                let row = row(&facts, refusal.status(), reason, considered);
                Decision::Unknown(Box::new(row))
            }
            // Whoever has logged in is challenged no more.
            Outcome::Challenge(_) => Decision::Reject(Rejection::status(403)),
        }
    }

    /// Whether who sends an INVITE may take the place of the phone at `peer`, on a call of this trunk:
    /// that phone itself may, and others that the trunk names beside it, each with the trunk's
    /// password where it has one. Of a call that we placed any trunk counts that names both.
    ///
    /// # Errors
    /// The refusal, or the challenge.
    pub(crate) fn may_replace(
        &mut self,
        invitation: &Invitation,
        (trunk, peer): (Option<&TrunkId>, IpAddr),
        now: Instant,
    ) -> Result<(), Rejection> {
        let directory = Arc::clone(&self.directory.borrow());
        let (invite, source) = (&*invitation.request, invitation.flow.remote.ip());
        let (source, peer) = (source.to_canonical(), peer.to_canonical());
        let is_own = |one: &&InboundTrunk| trunk.is_none_or(|trunk| *trunk == one.id);
        let names = |one: &InboundTrunk, ip: IpAddr| one.networks().any(|net| net.contains(&ip));
        let mut own = directory.trunks.iter().filter(is_own);
        if source != peer && !own.any(|one| names(one, source) && names(one, peer)) {
            let facts = self.facts(invite, source);
            self.note(
                row(&facts, 403, "replaces_denied", serde_json::json!([])),
                now,
            );
            return Err(Rejection::status(403));
        }
        let own = directory
            .trunks
            .iter()
            .find(is_own)
            .filter(|_| trunk.is_some());
        let Some(own) = own.filter(|own| own.auth.is_some()) else {
            return Ok(());
        };
        let facts = self.facts(invite, source);
        self.authenticate(own, invite, &facts, now)
    }

    /// The trunk whose registered contact is called. What the contact's user part is then is no
    /// number that was called; that stands in To, or in a header the trunk believes.
    fn bound(&self, directory: &Directory, facts: &mut CallFacts) -> Option<TrunkId> {
        let asked = facts.called.first()?.expose().clone();
        let bindings = self.bindings.borrow();
        let binding = bindings
            .iter()
            .find(|one| one.is_for(&asked, facts.source))?;
        let mut trunks = directory.trunks.iter();
        let trunk =
            trunks.find(|trunk| mark::key(&trunk.metadata).as_ref() == Some(&binding.key))?;
        if facts.called.len() > 1 {
            facts
                .called
                .retain(|number| !binding.is_contact(number.expose()));
        }
        Some(trunk.id.clone())
    }

    /// Writes down that there was no room for a caller who would have been let in.
    pub(crate) fn note_full(&mut self, invitation: &Invitation, why: &'static str, now: Instant) {
        let facts = self.facts(&invitation.request, invitation.flow.remote.ip());
        self.note(row(&facts, 503, why, serde_json::json!([])), now);
        count(Counter::CallsRefused, 1, &[("reason", why)]);
    }

    /// Sends what was folded on its way to the store.
    pub(crate) fn sweep(&mut self, now: Instant) {
        self.ledger.sweep(now);
    }

    /// Sends all of it.
    pub(crate) fn close(&mut self) {
        self.ledger.close();
    }

    /// The networks of all trunks and registrars, once they have changed.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn networks(&mut self) -> Vec<IpNet> {
        tokio::select! {
            Ok(()) = self.directory.changed() => {}
            Ok(()) = self.bindings.changed() => {}
            // Whoever reads trunks is gone, and nothing is registered; the last ones stand.
            else => std::future::pending().await,
        }
        let (directory, bindings) = (self.directory.borrow(), self.bindings.borrow());
        let trunks = directory.trunks.iter().flat_map(InboundTrunk::networks);
        let registrars = bindings.iter().flat_map(|binding| &binding.sources);
        let registrars = registrars.map(|source| IpNet::from(*source));
        trunks.chain(registrars).collect()
    }

    fn authenticate(
        &mut self,
        trunk: &InboundTrunk,
        invite: &Request,
        facts: &CallFacts,
        at: Instant,
    ) -> Result<(), Rejection> {
        let Some(login) = &trunk.auth else {
            return Ok(());
        };
        let (now, source) = (wall_clock(), facts.source);
        let verdict = self.verifier.verify(invite, login, source, now);
        if verdict == Verdict::Proven {
            return Ok(());
        }
        if !matches!(verdict, Verdict::Missing | Verdict::Stale) {
            count(Counter::CallsRefused, 1, &[("reason", "digest")]);
            let considered = serde_json::json!([{
                "subject": { "trunk": trunk.id.as_str() },
                "name": trunk.name,
                "verdict": verdict.word(),
            }]);
            let status = if verdict == Verdict::OtherUri {
                400
            } else {
                407
            };
            self.note(row(facts, status, verdict.word(), considered), at);
        }
        if verdict == Verdict::OtherUri {
            return Err(Rejection::status(400).saying("Digest uri is not the Request-URI"));
        }
        let mut rejection = Rejection::status(407);
        for challenge in self.verifier.challenges(&login.realm, source, now, verdict) {
            rejection = rejection.with(name::PROXY_AUTHENTICATE, challenge.to_string());
        }
        Err(rejection)
    }

    fn facts(&mut self, invite: &Request, source: IpAddr) -> CallFacts {
        let from = invite.headers.from().ok();
        let asked = invite.uri.known().map(trunkline_sip::uri::Uri::number);
        let to = invite.headers.to().ok().map(|to| to.uri.number());
        let mut called: Vec<Personal<String>> = Vec::new();
        let numbers = [asked, to].into_iter().flatten();
        for number in numbers.map(|number| Personal::new(legible(&number))) {
            if !called.contains(&number) {
                called.push(number);
            }
        }
        let asked = called.first().map(|number| number.expose().as_str());
        let told = Told::read(&invite.headers, asked.unwrap_or_default());
        CallFacts {
            source,
            told,
            caller: Personal::new(legible(
                &from.as_ref().map(|f| f.uri.number()).unwrap_or_default(),
            )),
            called,
            bound: None,
            authenticated: false,
            pin: Pin::NotAsked,
            hostname: from.map(|f| f.uri.host).unwrap_or_default(),
            suffix: guid("", &mut self.rng),
            hide_key: self.hide_key,
        }
    }

    /// The answer to a caller whom nothing is for, which is noted.
    pub(crate) fn turn_away(&mut self, row: Refusal, now: Instant) -> Rejection {
        count(Counter::CallsRefused, 1, &[("reason", "routing")]);
        let status = row.sip_status;
        self.note(row, now);
        Rejection::status(status)
    }

    fn note(&mut self, row: Refusal, now: Instant) {
        let (status, reason) = (row.sip_status, row.reason.clone());
        if self.ledger.add(row, now) {
            info!(status, reason, "call refused");
        }
    }
}

/// How a caller who is let in stands with us.
fn standing(trunk: &InboundTrunk, facts: &CallFacts) -> Standing {
    let named = !trunk.allowed_addresses.is_empty();
    if named || facts.authenticated || facts.bound.is_some() {
        Standing::Known
    } else {
        Standing::Stranger
    }
}

/// Has the room know the number that a trusted network asserts, unless the caller or the rule keeps
/// it.
pub(crate) fn tell_asserted(accepted: &mut Accepted, invite: &Request) {
    if !accepted.trunk.is_trusted {
        return;
    }
    let asserted = Asserted::read(&invite.headers);
    let attributes = &mut accepted.attributes;
    if asserted.is_private {
        attributes.insert("sip.privacy".to_owned(), "id".to_owned());
    }
    let shown = asserted
        .shown()
        .filter(|_| !accepted.rule.hide_phone_number);
    if let Some(number) = shown {
        let number = accepted.trunk.plan.normalise(&legible(number.expose()));
        attributes.insert("sip.assertedNumber".to_owned(), number);
    }
}

/// A refusal as the store keeps it.
fn row(facts: &CallFacts, status: u16, reason: &str, considered: serde_json::Value) -> Refusal {
    Refusal {
        at: wall_clock(),
        source: Personal::new(facts.source.to_canonical().to_string()),
        caller: facts.caller.clone(),
        called: facts.called.first().cloned().unwrap_or_default(),
        sip_status: status,
        reason: reason.to_owned(),
        considered,
        count: 1,
        last_at: wall_clock(),
    }
}

/// A number as rooms, identities and logs can bear it: without control characters, and no longer
/// than any that means something.
fn legible(number: &str) -> String {
    let seen = number.chars().filter(|c| !c.is_control());
    let mut seen: String = seen.take(MAX_NUMBER).collect();
    seen.truncate(seen.floor_char_boundary(MAX_BYTES));
    seen
}

/// What the server said is taken for true for this long, in which it is asked for no call. Longer
/// lets a deleted rule rule on; shorter has callers wait for their turn to ask.
const FRESH: Duration = Duration::from_millis(500);

/// Characters of a number. Telephone numbers have 15; names of users may be longer.
const MAX_NUMBER: usize = 64;

/// Bytes of it: an identity is made of it, with more before and behind, and has 256 at the most.
const MAX_BYTES: usize = 128;

/// Unix time now.
pub(crate) fn wall_clock() -> UnixTime {
    UnixTime::from_system(SystemTime::now())
}

#[cfg(test)]
mod tests;
