//! How every registration stands, for the desk and for people.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;
use trunkline_service::metrics::{Gauge, set, set_of_trunk};
use trunkline_sip::registration::{Registration, State, Trouble};

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
    /// Our contact, as the registrar knows it.
    address: Option<String>,
    state: State,
}

impl Binding {
    fn new(trunk: &Register) -> Self {
        Self {
            key: trunk.key.clone(),
            registrar: trunk.registrar.host_port(),
            contact: trunk.contact_user(),
            username: trunk.username.clone(),
            sources: Vec::new(),
            address: None,
            state: State::default(),
        }
    }

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
        let bindings = trunks.iter().map(Binding::new);
        let (sender, _) = watch::channel(Arc::new(bindings.collect()));
        Self(Arc::new(sender))
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Bindings> {
        self.0.subscribe()
    }

    /// One is begun, in the place of one of before where there is one.
    pub(crate) fn add(&self, trunk: &Register) {
        self.0.send_modify(|bindings| {
            let bindings = Arc::make_mut(bindings);
            let new = Binding::new(trunk);
            match bindings.iter_mut().find(|known| known.key == trunk.key) {
                Some(known) => *known = new,
                None => bindings.push(new),
            }
        });
    }

    /// One is over.
    pub(crate) fn remove(&self, key: &str) {
        self.0.send_if_modified(|bindings| {
            let at = bindings.iter().position(|known| known.key == key);
            if let Some(at) = at {
                Arc::make_mut(bindings).remove(at);
            }
            at.is_some()
        });
        for state in [REGISTERED, TRYING] {
            set_of_trunk(Gauge::SipRegistration, key, state, 0.0);
        }
        self.show();
    }

    /// One has changed. Addresses of before stay while the DNS says nothing new: a call may be on
    /// its way.
    pub(crate) fn write(&self, key: &str, registration: &Registration) {
        self.0.send_if_modified(|bindings| {
            let at = bindings.iter().position(|known| known.key == key);
            let Some((at, known)) = at.and_then(|at| Some((at, bindings.get(at)?))) else {
                return false;
            };
            let mut next = known.clone();
            next.state = registration.state().clone();
            next.address = registration.address().map(|contact| contact.to_string());
            let places = registration.places().iter();
            let found: Vec<IpAddr> = places.map(|place| place.target.address.ip()).collect();
            if !found.is_empty() {
                next.sources = found;
            }
            let is_new = next.state != known.state
                || next.sources != known.sources
                || next.address != known.address;
            if is_new && let Some(slot) = Arc::make_mut(bindings).get_mut(at) {
                *slot = next;
            }
            is_new
        });
        self.show();
    }

    /// How they stand, and how many do, for the metrics.
    fn show(&self) {
        let bindings = self.0.borrow();
        let mut up: u32 = 0;
        for binding in bindings.iter() {
            let is_registered = binding.state.is_registered();
            up = up.saturating_add(u32::from(is_registered));
            for (state, is_so) in [(REGISTERED, is_registered), (TRYING, !is_registered)] {
                let value = f64::from(u8::from(is_so));
                set_of_trunk(Gauge::SipRegistration, &binding.key, state, value);
            }
        }
        set(Gauge::SipRegistrations, f64::from(up), &[]);
    }
}

/// As `sip registrations --json` has them.
const REGISTERED: &str = "registered";
const TRYING: &str = "trying";

/// How one trunk's registration stands.
#[derive(Clone, Debug)]
pub struct RegistrationState {
    /// The trunk's key in the file.
    pub trunk: String,
    /// The registrar, with its port where the file gives one.
    pub registrar: String,
    /// In a word and a number.
    pub standing: Standing,
    /// Our contact, as the registrar knows it; nothing before it was first asked.
    pub contact: Option<String>,
    /// What went wrong last, in words; nothing while all is well.
    pub error: Option<String>,
    /// What mends that.
    pub remedy: Option<&'static str>,
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
            contact: binding.address.clone(),
            error: state.trouble.as_ref().map(ToString::to_string),
            remedy: state.trouble.as_ref().map(Trouble::remedy),
            target: target.map(|target| format!("{} {}", target.transport.word(), target.address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use trunkline_base::secret::Secret;
    use trunkline_service::metrics::{install, render};
    use trunkline_sip::uri::Uri;

    use super::super::clock::now;
    use super::*;

    #[test]
    fn each_trunk_has_one_state_in_the_metrics_and_none_once_it_is_gone() {
        install().unwrap();
        let trunk = Register {
            key: "measured".to_owned(),
            registrar: Uri::parse("sip:sip.example.com").unwrap(),
            username: "4930123456".to_owned(),
            password: Secret::from("wonderland"),
            domain: None,
            expires: Duration::from_secs(600),
            contact_user: None,
            proxy: None,
            keep_alive: Duration::ZERO,
        };
        let board = Board::new(std::slice::from_ref(&trunk));
        let shown = |state: &str| {
            let text = render();
            let name = format!("registration{{trunk=\"measured\",state=\"{state}\"}} ");
            let line = text.lines().find(|line| line.contains(&name));
            assert!(!text.contains("4930123456"), "{text}");
            line.and_then(|line| line.rsplit(' ').next().map(str::to_owned))
        };
        let both = || (shown("registered"), shown("trying"));
        let is = |one: &str, other: &str| (Some(one.to_owned()), Some(other.to_owned()));
        board.show();
        assert_eq!(both(), is("0", "1"));
        board.0.send_modify(|bindings| {
            Arc::make_mut(bindings)[0].state.registered_until = Some(now());
        });
        board.show();
        assert_eq!(both(), is("1", "0"));
        board.remove("measured");
        assert_eq!(both(), is("0", "0"));
    }
}
