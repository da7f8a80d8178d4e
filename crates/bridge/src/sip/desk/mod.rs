//! The reception desk: decides about each INVITE before anything is spent on it.

mod directory;
mod refusals;
mod wire;

pub use directory::ServerStore;
pub(crate) use directory::{Directory, Reader, Reload};
pub(crate) use refusals::{RefusalNote, Why, write_refusals};

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use rand::RngCore;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, watch};
use tracing::info;
use trunkline_base::id::guid;
use trunkline_base::secret::{Personal, Secret};
use trunkline_base::time::UnixTime;
use trunkline_service::metrics::{Counter, count};
use trunkline_sip::digest::{Verdict, Verifier};
use trunkline_sip::endpoint::Rejection;
use trunkline_sip::message::{Request, name};
use trunkline_sip::routing::{Accepted, CallFacts, InboundTrunk, Outcome, Pin, match_call};

/// What becomes of an INVITE.
pub(crate) enum Decision {
    /// It gets a room.
    Admit(Box<Accepted>),
    /// It gets an answer.
    Reject(Rejection),
    /// No trunk or rule is for it, as far as we know.
    Unknown(Box<RefusalNote>),
}

/// Who decides. Owned by the signalling task; never waits.
pub(crate) struct Desk {
    directory: watch::Receiver<Arc<Directory>>,
    verifier: Verifier,
    rng: StdRng,
    hide_key: [u8; 16],
    /// Whether the server is worth asking when nothing is found.
    asks: bool,
    notes: mpsc::Sender<RefusalNote>,
}

impl Desk {
    pub(crate) fn new(
        directory: watch::Receiver<Arc<Directory>>,
        asks: bool,
        mut rng: StdRng,
        notes: mpsc::Sender<RefusalNote>,
    ) -> Self {
        let mut secret = [0; 32];
        rng.fill_bytes(&mut secret);
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut hide_key = [0; 16];
        rng.fill_bytes(&mut hide_key);
        let verifier = Verifier::new(Secret::new(hex));
        Self {
            directory,
            verifier,
            rng,
            hide_key,
            asks,
            notes,
        }
    }

    /// Whether the server may know more than we do.
    pub(crate) fn may_ask(&self) -> bool {
        self.asks && self.directory.borrow().server == ServerStore::There
    }

    /// Decides.
    pub(crate) fn decide(&mut self, invite: &Request, source: IpAddr) -> Decision {
        let directory = Arc::clone(&self.directory.borrow());
        if !directory.loaded {
            return Decision::Reject(Rejection::retry_after(std::time::Duration::from_secs(2)));
        }
        let mut facts = self.facts(invite, source);
        let outcome = match match_call(&directory.trunks, &directory.rules, &facts) {
            Outcome::Challenge(trunk) => match self.authenticate(&trunk, invite, source) {
                Ok(()) => {
                    facts.authenticated = true;
                    match_call(&directory.trunks, &directory.rules, &facts)
                }
                Err(rejection) => return Decision::Reject(rejection),
            },
            outcome => outcome,
        };
        match outcome {
            Outcome::Accept(accepted) => Decision::Admit(accepted),
            Outcome::Refused(refusal) => {
                let note = RefusalNote {
                    at: wall_clock(),
                    source: facts.source,
                    caller: facts.caller,
                    called: facts.called.into_iter().next().unwrap_or_default(),
                    status: refusal.status(),
                    why: Why::Route(refusal),
                };
                Decision::Unknown(Box::new(note))
            }
            // Prompts are not spoken yet, so a PIN cannot be asked for.
            Outcome::AskPin(trunk) | Outcome::Challenge(trunk) => {
                info!(
                    trunk = trunk.id.as_str(),
                    "call refused: its rule asks for a pin"
                );
                count(Counter::CallsRefused, 1, &[("reason", "pin")]);
                Decision::Reject(Rejection::status(480))
            }
        }
    }

    fn authenticate(
        &mut self,
        trunk: &InboundTrunk,
        invite: &Request,
        source: IpAddr,
    ) -> Result<(), Rejection> {
        let Some(login) = &trunk.auth else {
            return Ok(());
        };
        let now = wall_clock();
        let method = invite.method.as_str();
        let verdict = self
            .verifier
            .verify(&invite.headers, method, login, source, now);
        if verdict == Verdict::Proven {
            return Ok(());
        }
        if verdict != Verdict::Missing {
            let trunk = trunk.id.as_str();
            info!(trunk, ?verdict, %source, "digest was not accepted");
            count(Counter::CallsRefused, 1, &[("reason", "digest")]);
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
        for number in [asked, to].into_iter().flatten().map(Personal::new) {
            if !called.contains(&number) {
                called.push(number);
            }
        }
        CallFacts {
            source,
            caller: Personal::new(from.as_ref().map(|f| f.uri.number()).unwrap_or_default()),
            called,
            authenticated: false,
            pin: Pin::NotAsked,
            hostname: from.map(|f| f.uri.host).unwrap_or_default(),
            suffix: guid("", &mut self.rng),
            hide_key: self.hide_key,
        }
    }

    /// The answer to a caller whom nothing is for, which is noted.
    pub(crate) fn turn_away(&self, note: RefusalNote) -> Rejection {
        let status = note.status;
        if let Why::Route(refusal) = &note.why {
            info!(status, reason = %refusal.reason, considered = refusal.considered.len(),
                "call refused");
        }
        count(Counter::CallsRefused, 1, &[("reason", "routing")]);
        if self.notes.try_send(note).is_err() {
            // A flood of refusals may outrun the disk; the log line above stands.
            count(Counter::CallsRefused, 1, &[("reason", "not_stored")]);
        }
        Rejection::status(status)
    }
}

/// Unix time now.
pub(crate) fn wall_clock() -> UnixTime {
    UnixTime::from_system(SystemTime::now())
}
