//! ICE credentials.
//!
//! RFC 8839 wants a password of at least 128 random bits that nobody can guess. The engine draws
//! those of a restart from a generator of 64 bits whose other numbers (sources, section names) it
//! shows to everybody, so they are drawn here, from the connection's own seed, and put in place
//! of what the engine made up.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use str0m::IceCreds;

use super::engine::Engine;
use crate::Seed;

/// Draws credentials, and keeps in mind which the engine still writes under another name.
#[derive(Debug)]
pub(super) struct Credentials {
    rng: StdRng,
    last: Option<Restart>,
    used: IceCreds,
}

/// A restart of ours that is offered.
#[derive(Debug, Clone)]
pub(super) struct Restart {
    made_up: IceCreds,
    used: IceCreds,
}

impl Restart {
    /// The far end has answered. If it restarted too, the engine uses what it made up.
    pub(super) fn complete(self, engine: &mut Engine) {
        if engine.local_credentials().as_ref() == Some(&self.made_up) {
            engine.set_local_credentials(self.used);
        }
    }
}

impl Credentials {
    pub(super) fn new(seed: Seed) -> Self {
        let mut rng = StdRng::from_seed(seed);
        let used = draw(&mut rng);
        Self {
            rng,
            last: None,
            used,
        }
    }

    /// Those of the first description.
    pub(super) const fn first(&self) -> &IceCreds {
        &self.used
    }

    /// An offer of ours restarts with what the engine made up.
    pub(super) fn restart(&mut self, made_up: IceCreds) -> Restart {
        let used = draw(&mut self.rng);
        let restart = Restart { made_up, used };
        self.used = restart.used.clone();
        self.last = Some(restart.clone());
        restart
    }

    /// An offer was accepted; if it restarted ICE, the engine has made up credentials.
    pub(super) fn take_over(&mut self, engine: &mut Engine) {
        let Some(now) = engine.local_credentials() else {
            return;
        };
        if now != self.used {
            self.restart(now).complete(engine);
        }
    }

    /// A description with the credentials that are used.
    pub(super) fn written(&self, text: String) -> String {
        let Some(last) = &self.last else {
            return text;
        };
        text.replace(&last.made_up.ufrag, &last.used.ufrag)
            .replace(&last.made_up.pass, &last.used.pass)
    }
}

fn draw(rng: &mut StdRng) -> IceCreds {
    let mut word = |len: usize| -> String {
        (0..len)
            .map(|_| char::from(rng.sample(rand::distr::Alphanumeric)))
            .collect()
    };
    IceCreds {
        ufrag: word(16),
        pass: word(32),
    }
}
