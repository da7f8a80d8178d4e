//! The server under test: our daemon, or the one that the environment names.

use std::time::SystemTime;

use serde_json::Value;
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, sign};
use trunkline_tests::{Daemon, Setup, WITH_INGRESS, livekit_yaml};

/// Where the cases are sent.
pub(crate) struct Target {
    base: String,
    key: String,
    secret: String,
    /// Our own server, whose known differences are allowed.
    pub(crate) ours: bool,
    _daemon: Option<Daemon>,
}

impl Target {
    /// The server of the environment, else a daemon of our own.
    pub(crate) fn open() -> Self {
        let named = |name: &str| std::env::var(format!("TRUNKLINE_CONFORMANCE_{name}"));
        if let Ok(url) = named("URL") {
            let given = |name| named(name).unwrap_or_else(|_| panic!("{name} goes with the URL"));
            return Self {
                base: url.trim_end_matches('/').replacen("ws", "http", 1),
                key: given("KEY"),
                secret: given("SECRET"),
                ours: false,
                _daemon: None,
            };
        }
        let daemon = Daemon::start(&Setup {
            without_agent: true,
            files: vec![livekit_yaml(&[WITH_INGRESS])],
            ..Setup::default()
        });
        Self {
            base: format!("http://{}", daemon.addr("http")),
            key: "devkey".to_owned(),
            secret: "secret".to_owned(),
            ours: true,
            _daemon: Some(daemon),
        }
    }

    /// An address on it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Its address for a client that joins rooms.
    pub(crate) fn socket_url(&self) -> String {
        self.base.replacen("http", "ws", 1)
    }

    /// A token of these claims, ten minutes long unless they say otherwise.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_by(&self.key, &self.secret, claims)
    }

    /// A token as another key or secret would sign it.
    pub(crate) fn forged(&self, key: Option<&str>, secret: &str, claims: &Value) -> String {
        self.token_by(key.unwrap_or(&self.key), secret, claims)
    }

    fn token_by(&self, key: &str, secret: &str, claims: &Value) -> String {
        let mut claims: Claims = serde_json::from_value(claims.clone()).unwrap();
        if claims.sub.is_empty() {
            "tester".clone_into(&mut claims.sub);
        }
        if claims.exp == 0 {
            claims.exp = now() + 600;
        }
        sign(&claims, &ApiKey::new(key, secret)).unwrap()
    }
}

/// Seconds since the epoch.
pub(crate) fn now() -> u64 {
    UnixTime::from_system(SystemTime::now()).secs()
}
