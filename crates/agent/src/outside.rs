//! The way to services that are no LiveKit: chat endpoints, tools, external brains. Each is held to the
//! operator's rules for every server, wherever it sends us.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::{Attempt, Policy};
use trunkline_client::tls::TrustError;
use trunkline_client::url::TransportRules;

/// As reqwest's own.
const REDIRECTS: usize = 10;

/// Why there is no way.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// TLS cannot be set up.
    #[error("no HTTP client can be made")]
    Tls(#[from] TrustError),
    /// No HTTP client.
    #[error("no HTTP client can be made")]
    Http(#[from] reqwest::Error),
}

/// HTTP clients and what they trust. Cheap to clone; connections are shared.
#[derive(Clone, Debug)]
pub struct Outside {
    http: reqwest::Client,
    held: reqwest::Client,
    tls: Arc<rustls::ClientConfig>,
}

impl Outside {
    /// By these rules.
    ///
    /// # Errors
    /// [`OutsideError`] when TLS is of no use.
    pub fn new(rules: &Arc<TransportRules>) -> Result<Self, OutsideError> {
        let mut websocket = rules.tls_for_http()?;
        websocket.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            http: client(rules, |_| true)?,
            held: client(rules, is_same_host)?,
            tls: Arc::new(websocket),
        })
    }

    /// Follows a service to wherever the rules allow.
    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Follows a service nowhere but to its own host: for those whose answers a model reads.
    pub(crate) fn held(&self) -> &reqwest::Client {
        &self.held
    }

    /// For WebSockets.
    pub(crate) fn tls(&self) -> &Arc<rustls::ClientConfig> {
        &self.tls
    }
}

fn client(
    rules: &Arc<TransportRules>,
    may: impl Fn(&Attempt<'_>) -> bool + Send + Sync + 'static,
) -> Result<reqwest::Client, OutsideError> {
    let kept = Arc::clone(rules);
    let follow = Policy::custom(move |attempt| {
        let secure = |url: &reqwest::Url| url.scheme() == "https";
        let was_secure = attempt.previous().last().is_some_and(secure);
        let downgrade = was_secure && !secure(attempt.url());
        if downgrade || !may(&attempt) || kept.judge(attempt.url().as_str()).is_err() {
            attempt.stop()
        } else if attempt.previous().len() > REDIRECTS {
            attempt.error("too many redirects")
        } else {
            attempt.follow()
        }
    });
    Ok(reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .redirect(follow)
        .tls_backend_preconfigured(rules.tls_for_http()?)
        .build()?)
}

fn is_same_host(attempt: &Attempt<'_>) -> bool {
    let place = |url: &reqwest::Url| {
        let host = url.host_str().map(str::to_owned);
        (host, url.port_or_known_default())
    };
    let first = attempt.previous().first();
    first.is_some_and(|first| place(first) == place(attempt.url()))
}
