//! The daemon of the same files, asked over its console.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use trunkline_base::class::{Class, Classified, chain};
use trunkline_base::here::at_home;
use trunkline_base::id::ParticipantIdentity;
use trunkline_base::secret::Secret;
use trunkline_base::token::VideoGrant;
use trunkline_client::auth::{AuthError, LiveKitAuthManager, Role, TokenSpec};
use trunkline_client::tls::TrustError;
use trunkline_client::url::TransportRules;

/// Where the console is, and with whose keys it is asked.
#[derive(Clone)]
pub struct Daemon {
    auth: LiveKitAuthManager,
    rules: Arc<TransportRules>,
    addr: SocketAddr,
    /// The name its certificate has, where it shows one.
    name: Option<String>,
}

impl fmt::Debug for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Daemon")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

/// Why the daemon did not do it.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Nobody is there.
    #[error("no daemon answers at {addr}: {why}")]
    Away {
        /// Where.
        addr: SocketAddr,
        /// In words.
        why: String,
    },
    /// It does not know us.
    #[error("the daemon at {addr} refuses: {why}")]
    Refused {
        /// Where.
        addr: SocketAddr,
        /// HTTP status.
        status: u16,
        /// Its own words.
        why: String,
    },
    /// No token for it.
    #[error("no token can be made for the daemon")]
    Token(#[from] AuthError),
    /// No client.
    #[error("no HTTP client can be made")]
    Client(#[from] TrustError),
    /// Nor this.
    #[error("no HTTP client can be made")]
    Http(#[source] reqwest::Error),
    /// Something else is there.
    #[error("what answers at {addr} is no daemon of ours")]
    Foreign {
        /// Where.
        addr: SocketAddr,
    },
}

impl Classified for DaemonError {
    fn class(&self) -> Class {
        match self {
            Self::Away { .. } => Class::Unavailable,
            Self::Refused { status, .. } => match status {
                401 | 403 => Class::Denied,
                404 => Class::Missing,
                _ => Class::Unavailable,
            },
            Self::Token(error) => error.class(),
            Self::Client(_) | Self::Http(_) => Class::Internal,
            Self::Foreign { .. } => Class::Peer,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Away { .. } => "daemon.away",
            Self::Refused { .. } => "daemon.refused",
            Self::Token(error) => error.code(),
            Self::Client(_) | Self::Http(_) => "daemon.client",
            Self::Foreign { .. } => "daemon.foreign",
        }
    }
}

/// A part of the daemon, as `/readyz` tells it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PartState {
    /// Such as `sip`.
    pub name: String,
    /// Whether it takes work.
    pub ready: bool,
    /// Whether it runs at all.
    pub runs: bool,
    /// In words.
    pub detail: String,
}

/// The part that follows the configuration files.
pub const FILES: &str = "files";

/// What it says of itself where all of them count.
pub const IN_FORCE: &str = "in force";

impl PartState {
    /// Whether the daemon goes by its files as they are.
    pub fn is_in_force(&self) -> bool {
        self.detail == IN_FORCE
    }
}

#[derive(Deserialize)]
struct Readiness {
    parts: Vec<PartState>,
}

impl Daemon {
    /// The console at an address; `name` is in its certificate, if it has one.
    pub fn new(
        addr: SocketAddr,
        name: Option<String>,
        auth: LiveKitAuthManager,
        rules: Arc<TransportRules>,
    ) -> Self {
        Self {
            auth,
            rules,
            addr: at_home(addr),
            name,
        }
    }

    /// Where it is looked for.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Does it answer at all?
    pub async fn is_running(&self) -> bool {
        self.parts().await.is_ok()
    }

    /// How its parts stand.
    ///
    /// # Errors
    /// [`DaemonError`].
    pub async fn parts(&self) -> Result<Vec<PartState>, DaemonError> {
        let client = self.client()?;
        let answer = client.get(self.url("/readyz")).send().await;
        let answer = answer.map_err(|error| self.away(&error))?;
        // 503 has the parts too.
        let readiness: Result<Readiness, _> = answer.json().await;
        readiness
            .map(|readiness| readiness.parts)
            .map_err(|_| DaemonError::Foreign { addr: self.addr })
    }

    /// How it stands with its configuration files, where it follows any.
    ///
    /// # Errors
    /// [`DaemonError`].
    pub async fn files(&self) -> Result<Option<PartState>, DaemonError> {
        let parts = self.parts().await?;
        Ok(parts.into_iter().find(|part| part.name == FILES))
    }

    /// Asks for something only an administrator may have: GET.
    ///
    /// # Errors
    /// [`DaemonError`].
    pub async fn get(&self, path: &str) -> Result<Value, DaemonError> {
        let client = self.client()?;
        self.answered(client.get(self.url(path)), ASK).await
    }

    /// Has something done that only an administrator may: POST.
    ///
    /// # Errors
    /// [`DaemonError`].
    pub async fn post(&self, path: &str) -> Result<Value, DaemonError> {
        let client = self.client()?;
        self.answered(client.post(self.url(path)), DO).await
    }

    async fn answered(
        &self,
        request: reqwest::RequestBuilder,
        patience: Duration,
    ) -> Result<Value, DaemonError> {
        let token = token(&self.auth)?;
        let request = request.bearer_auth(token.expose()).timeout(patience);
        let answer = request.send().await.map_err(|error| self.away(&error))?;
        let status = answer.status();
        let body: Result<Value, _> = answer.json().await;
        let body = body.map_err(|_| DaemonError::Foreign { addr: self.addr })?;
        if status.is_success() {
            return Ok(body);
        }
        let why = match body.get("message").and_then(Value::as_str) {
            Some(message) => message.to_owned(),
            None => words(status),
        };
        Err(DaemonError::Refused {
            addr: self.addr,
            status: status.as_u16(),
            why,
        })
    }

    fn away(&self, error: &reqwest::Error) -> DaemonError {
        DaemonError::Away {
            addr: self.addr,
            why: chain(error),
        }
    }

    fn url(&self, path: &str) -> String {
        match &self.name {
            Some(name) => format!("https://{name}:{}{path}", self.addr.port()),
            None => format!("http://{}{path}", self.addr),
        }
    }

    fn client(&self) -> Result<Client, DaemonError> {
        let mut builder = Self::builder(&self.rules)?;
        if let Some(name) = &self.name {
            builder = builder.resolve(name, self.addr);
        }
        builder.build().map_err(DaemonError::Http)
    }

    /// A plain client of the web, by the rules for every server.
    pub(crate) fn web(rules: &TransportRules) -> Result<Client, DaemonError> {
        Self::builder(rules)?.build().map_err(DaemonError::Http)
    }

    fn builder(rules: &TransportRules) -> Result<reqwest::ClientBuilder, DaemonError> {
        Ok(Client::builder()
            .connect_timeout(CONNECT)
            .timeout(ASK)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tls_backend_preconfigured(rules.tls_for_http()?))
    }
}

/// Whoever listens there gets to see it: it is good for this one question, has what the console knows an
/// administrator by, and neither calls nor trunks.
fn token(auth: &LiveKitAuthManager) -> Result<Secret<String>, AuthError> {
    let admin = ParticipantIdentity::parse("trunkline-cli").map_err(|_| AuthError::Nobody)?;
    let rights = VideoGrant {
        room_create: true,
        room_list: true,
        room_record: true,
        ..VideoGrant::default()
    };
    let spec = TokenSpec::new(Role::Admin, admin).saying(|claims| claims.with_video(rights));
    auth.mint_for(&spec, LIFE)
}

fn words(status: StatusCode) -> String {
    status
        .canonical_reason()
        .unwrap_or("no reason given")
        .to_owned()
}

/// On this machine or beside it.
const CONNECT: Duration = Duration::from_secs(3);
const ASK: Duration = Duration::from_secs(5);

/// What changes something waits for LiveKit as well.
const DO: Duration = Duration::from_secs(60);

/// A token's.
const LIFE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use trunkline_base::time::UnixTime;
    use trunkline_base::token::{ApiKey, KeyRing};

    use super::*;

    #[test]
    fn whoever_listens_in_place_of_the_daemon_gets_a_minute_and_no_calls() {
        let key = ApiKey::new("APIdaemon", "a secret that is long enough for a test");
        let keys = KeyRing::from(key);
        let token = token(&LiveKitAuthManager::new(keys.clone())).unwrap();
        let now = UnixTime::from_system(SystemTime::now());
        let claims = keys.verify(token.expose(), now).unwrap();
        assert_eq!(claims.life_secs(), Some(60));
        assert_eq!((claims.sip, claims.agent), (None, None));
        let rights = claims.video.unwrap();
        assert!(!rights.ingress_admin && !rights.room_admin && !rights.room_join);
        assert!(rights.room_create && rights.room_list && rights.room_record);
    }
}
