//! One delivery: the signed request, and the retries until the receiver took it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, SignError, sign};

/// What is sent, already encoded; the signature covers exactly these bytes.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) url: String,
    pub(crate) body: String,
}

/// How often and how patiently a delivery is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    pub retries: u32,
    pub first_wait: Duration,
    pub longest_wait: Duration,
}

impl Default for Patience {
    /// The official server's figures.
    fn default() -> Self {
        Self {
            retries: 4,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(30),
        }
    }
}

impl Patience {
    /// The wait before retry number `made + 1`; a receiver that names a wait is believed.
    fn wait(self, made: u32, asked: Option<Duration>) -> Duration {
        let doubled = self.first_wait.saturating_mul(1 << made.min(16));
        asked.unwrap_or(doubled).min(self.longest_wait)
    }
}

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attempt {
    Answered {
        status: StatusCode,
        retry_after: Option<Duration>,
    },
    NoConnection,
}

/// Why an event never arrived.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    #[error("the receiver answered {status}")]
    Refused { status: StatusCode },
    #[error("the receiver could not be reached")]
    Unreachable,
    #[error("the event could not be signed")]
    Sign(#[from] SignError),
}

/// Makes one attempt at a delivery.
pub(crate) trait Post {
    fn post(&self, parcel: &Parcel, headers: HeaderMap) -> impl Future<Output = Attempt> + Send;
}

/// Sends until a 2xx, a final refusal, or the end of patience. Each attempt is signed anew, since
/// a signature lives only five minutes.
pub(crate) async fn deliver(
    parcel: &Parcel,
    key: &ApiKey,
    patience: Patience,
    transport: &impl Post,
) -> Result<(), DeliveryError> {
    let mut made = 0;
    loop {
        let headers = headers(&parcel.body, key, crate::clock::now())?;
        let (error, asked) = match transport.post(parcel, headers).await {
            Attempt::Answered { status, .. } if status.is_success() => return Ok(()),
            Attempt::Answered {
                status,
                retry_after,
            } => {
                let error = DeliveryError::Refused { status };
                if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() {
                    return Err(error);
                }
                (error, retry_after)
            }
            Attempt::NoConnection => (DeliveryError::Unreachable, None),
        };
        if made >= patience.retries {
            return Err(error);
        }
        tokio::time::sleep(patience.wait(made, asked)).await;
        made += 1;
    }
}

impl Post for reqwest::Client {
    async fn post(&self, parcel: &Parcel, headers: HeaderMap) -> Attempt {
        let request = Self::post(self, &parcel.url)
            .headers(headers)
            .body(parcel.body.clone());
        match request.timeout(ATTEMPT_LIMIT).send().await {
            Ok(response) => {
                let retry_after = response.headers().get(header::RETRY_AFTER);
                let seconds = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
                Attempt::Answered {
                    status: response.status(),
                    retry_after: seconds.map(Duration::from_secs),
                }
            }
            Err(error) => {
                tracing::debug!(reason = %error.without_url(), "webhook attempt failed");
                Attempt::NoConnection
            }
        }
    }
}

/// The headers of one attempt. The token goes without "Bearer".
pub(crate) fn headers(body: &str, key: &ApiKey, now: UnixTime) -> Result<HeaderMap, SignError> {
    let sha256 = STANDARD.encode(Sha256::digest(body.as_bytes()));
    let claims = Claims {
        sha256,
        ..Claims::new("", now, SIGNATURE_SECS)
    };
    let token = sign(&claims, key)?;
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/webhook+json"),
    );
    headers.insert(header::USER_AGENT, HeaderValue::from_static("LiveKit"));
    if let Ok(token) = HeaderValue::from_str(&token) {
        headers.insert(header::AUTHORIZATION, token);
    }
    Ok(headers)
}

/// Life of a signature.
const SIGNATURE_SECS: u64 = 300;
/// A receiver that takes longer than this to answer one event would hold up its room's next ones.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use tokio::time::Instant;
    use trunkline_base::token::KeyRing;

    fn key() -> ApiKey {
        ApiKey::new("devkey", "secret")
    }

    fn parcel() -> Parcel {
        Parcel {
            url: "http://receiver/".to_owned(),
            body: r#"{"event":"x"}"#.to_owned(),
        }
    }

    /// Answers as scripted and remembers when each attempt was made.
    struct Script {
        answers: Vec<Attempt>,
        start: Instant,
        times: Mutex<Vec<Duration>>,
    }

    impl Post for Script {
        async fn post(&self, _: &Parcel, _: HeaderMap) -> Attempt {
            let mut times = self.times.lock().unwrap();
            times.push(self.start.elapsed());
            self.answers[(times.len() - 1).min(self.answers.len() - 1)].clone()
        }
    }

    async fn run(script: &[Attempt]) -> (Result<(), DeliveryError>, Vec<Duration>) {
        let (answers, times) = (script.to_vec(), Mutex::default());
        let script = Script {
            answers,
            start: Instant::now(),
            times,
        };
        let result = deliver(&parcel(), &key(), Patience::default(), &script).await;
        (result, script.times.into_inner().unwrap())
    }

    fn answered(status: u16) -> Attempt {
        Attempt::Answered {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: None,
        }
    }

    #[test]
    fn the_signature_covers_the_exact_bytes() {
        let now = UnixTime::from_secs(1_800_000_000);
        let headers = headers(&parcel().body, &key(), now).unwrap();
        assert_eq!(headers["content-type"], "application/webhook+json");
        assert_eq!(headers["user-agent"], "LiveKit");
        let token = headers["authorization"].to_str().unwrap();
        let claims = KeyRing::from(key()).verify(token, now).unwrap();
        let digest = STANDARD.encode(Sha256::digest(parcel().body));
        assert_eq!((claims.sha256, claims.exp), (digest, now.secs() + 300));
    }

    #[tokio::test(start_paused = true)]
    async fn errors_of_the_receiver_are_retried_four_times_with_growing_waits() {
        let (result, times) = run(&[answered(500), Attempt::NoConnection, answered(429)]).await;
        assert!(matches!(result, Err(DeliveryError::Refused { status }) if status == 429));
        let secs: Vec<_> = times.iter().map(Duration::as_secs).collect();
        assert_eq!(secs, [0, 1, 3, 7, 15]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_recovered_receiver_gets_the_event() {
        let (result, times) = run(&[Attempt::NoConnection, answered(204)]).await;
        assert!(result.is_ok() && times.len() == 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_that_is_the_callers_is_final() {
        let (result, times) = run(&[answered(400)]).await;
        assert!(matches!(result, Err(DeliveryError::Refused { .. })) && times.len() == 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_named_wait_is_believed() {
        let busy = Attempt::Answered {
            status: StatusCode::SERVICE_UNAVAILABLE,
            retry_after: Some(Duration::from_secs(9)),
        };
        let (_, times) = run(&[busy, answered(200)]).await;
        assert_eq!(times[1], Duration::from_secs(9));
    }
}
