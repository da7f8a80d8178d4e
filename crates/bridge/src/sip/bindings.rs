//! How every registration stands, for the desk and for people.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;
use trunkline_service::metrics::{Gauge, set};
use trunkline_sip::registration::{Registration, State};

use super::config::Register;

/// All registrations, in the order of the trunks.
pub(crate) type Bindings = Arc<Vec<Binding>>;

/// One trunk's registration.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    /// The trunk's key, which its mark names at every server.
    pub(crate) key: String,
    registrar: String,
    /// User part of our contact.
    contact: String,
    /// The login, which some providers call instead.
    username: String,
    /// Where the registrar is.
    pub(crate) sources: Vec<IpAddr>,
    state: State,
}

impl Binding {
    /// Is a call for `user` from there a call to this registration? One that lapsed a moment ago may
    /// still be known to the registrar.
    pub(crate) fn is_for(&self, user: &str, source: IpAddr) -> bool {
        let is_ours = user == self.contact || user == self.username;
        is_ours && self.sources.contains(&source.to_canonical())
    }

    /// Is this our contact's user part, and no number that somebody called? A login often is one.
    pub(crate) fn is_contact(&self, user: &str) -> bool {
        user == self.contact && user != self.username
    }
}

/// Where registrations write how they stand.
#[derive(Clone)]
pub(crate) struct Board(Arc<watch::Sender<Bindings>>);

impl Board {
    pub(crate) fn new(trunks: &[Register]) -> Self {
        let bindings = trunks.iter().map(|trunk| Binding {
            key: trunk.key.clone(),
            registrar: trunk.registrar.host.clone(),
            contact: trunk.contact_user(),
            username: trunk.username.clone(),
            sources: Vec::new(),
            state: State::default(),
        });
        let (sender, _) = watch::channel(Arc::new(bindings.collect()));
        Self(Arc::new(sender))
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Bindings> {
        self.0.subscribe()
    }

    /// One has changed. Addresses of before stay while the DNS says nothing new: a call may be on
    /// its way.
    pub(crate) fn write(&self, at: usize, registration: &Registration) {
        self.0.send_if_modified(|bindings| {
            let Some(known) = bindings.get(at) else {
                return false;
            };
            let mut next = known.clone();
            next.state = registration.state().clone();
            let places = registration.places().iter();
            let found: Vec<IpAddr> = places.map(|place| place.target.address.ip()).collect();
            if !found.is_empty() {
                next.sources = found;
            }
            let is_new = next.state != known.state || next.sources != known.sources;
            if is_new {
                let mut all = Vec::clone(bindings);
                if let Some(slot) = all.get_mut(at) {
                    *slot = next;
                }
                *bindings = Arc::new(all);
            }
            is_new
        });
        let up = self
            .0
            .borrow()
            .iter()
            .filter(|b| b.state.is_registered())
            .count();
        let up = u32::try_from(up).unwrap_or(u32::MAX);
        set(Gauge::SipRegistrations, f64::from(up), &[]);
    }
}

/// How one trunk's registration stands.
#[derive(Clone, Debug)]
pub struct RegistrationState {
    /// The trunk's key in the file.
    pub trunk: String,
    /// The registrar's name.
    pub registrar: String,
    /// In a word and a number.
    pub standing: Standing,
    /// What went wrong last, in words; nothing while all is well.
    pub error: Option<String>,
    /// The server we are registered at.
    pub target: Option<String>,
}

/// Whether calls come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They do, for so many seconds more; it is renewed long before.
    Registered(u64),
    /// They do not; it is tried again after so many seconds, or right now.
    Trying(u64),
}

impl RegistrationState {
    pub(crate) fn of(binding: &Binding, now: Instant) -> Self {
        let state = &binding.state;
        let left =
            |at: Option<Instant>| at.map_or(0, |at| at.saturating_duration_since(now).as_secs());
        let standing = if state.is_registered() {
            Standing::Registered(left(state.registered_until))
        } else {
            Standing::Trying(left(state.next_try))
        };
        let target = state.target.as_ref();
        Self {
            trunk: binding.key.clone(),
            registrar: binding.registrar.clone(),
            standing,
            error: state.trouble.as_ref().map(ToString::to_string),
            target: target.map(|target| format!("{} {}", target.transport.word(), target.address)),
        }
    }
}
