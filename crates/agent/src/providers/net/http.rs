//! Requests and answers whose every wait has an end.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, Response};
use tokio::time::{Instant, timeout_at};

use crate::provider::{Failure, ProviderError};

/// How long a provider may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Until the first piece of the answer.
    pub first: Duration,
    /// Silence inside an answer that counts as cut.
    pub stall: Duration,
    /// Until the last piece.
    pub total: Duration,
}

impl Default for Deadlines {
    /// Fit for a telephone.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(5),
            stall: Duration::from_secs(5),
            total: Duration::from_secs(30),
        }
    }
}

/// The body of an answer, piece by piece.
#[derive(Debug)]
pub struct Body {
    provider: &'static str,
    response: Response,
    stall: Duration,
    first: Option<Instant>,
    ends: Instant,
}

/// Sends a request, and waits for an answer that is a success.
///
/// # Errors
/// [`Failure::Unreachable`], [`Failure::TimedOut`], or what the status means; the answer's text is
/// not read, since nobody knows what it holds.
///
/// # Cancel safety
/// Dropping the future drops the request.
pub async fn send(
    provider: &'static str,
    request: RequestBuilder,
    deadlines: Deadlines,
) -> Result<Body, ProviderError> {
    let now = Instant::now();
    let ends = now + deadlines.total;
    let first = ends.min(now + deadlines.first);
    let response = timeout_at(first, request.send())
        .await
        .map_err(|_| Failure::TimedOut.of(provider))?
        .map_err(|error| broken(&error).of(provider))?;
    let status = response.status();
    if !status.is_success() {
        let wait = wanted_wait(response.headers());
        return Err(Failure::of_status(status.as_u16(), wait).of(provider));
    }
    Ok(Body {
        provider,
        response,
        stall: deadlines.stall,
        first: Some(first),
        ends,
    })
}

/// A request that got no answer. A body that cannot be built is our own mistake.
fn broken(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        let reason = "the request cannot be built".to_owned();
        return Failure::Broken { reason };
    }
    if error.is_timeout() {
        return Failure::TimedOut;
    }
    Failure::Unreachable
}

/// `Retry-After` in seconds, or in milliseconds as some say it. As a date it is not read.
fn wanted_wait(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms")
        .map(|millis| millis / 1000.0)
        .or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}

impl Body {
    /// A header of the answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The next piece; nothing at the end.
    ///
    /// # Errors
    /// [`Failure::TimedOut`] before the first piece, [`Failure::Stalled`] after it,
    /// [`Failure::TooLong`], or [`Failure::Cut`].
    ///
    /// # Cancel safety
    /// A piece may be lost when the future is dropped, and the answer with it.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ProviderError> {
        let (until, late) = match self.first {
            Some(first) => (first, Failure::TimedOut),
            None => {
                let stall = Instant::now() + self.stall;
                if self.ends < stall {
                    (self.ends, Failure::TooLong)
                } else {
                    (stall, Failure::Stalled)
                }
            }
        };
        let read = timeout_at(until, self.response.chunk()).await;
        let piece = read
            .map_err(|_| late.of(self.provider))?
            .map_err(|_| Failure::Cut.of(self.provider))?;
        Ok(piece)
    }

    /// What came is the beginning of the answer: from here on silence is a stall.
    pub fn has_begun(&mut self) {
        self.first = None;
    }

    /// All of it.
    ///
    /// # Errors
    /// As [`next`](Body::next); [`Failure::Garbage`] when it is longer than `most`.
    pub async fn whole(mut self, most: usize) -> Result<Vec<u8>, ProviderError> {
        let mut whole = Vec::new();
        while let Some(piece) = self.next().await? {
            self.has_begun();
            if whole.len() + piece.len() > most {
                return Err(Failure::Garbage.of(self.provider));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn a_wanted_wait_is_read_where_it_is_a_number() {
        let wait = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            wanted_wait(&headers).map(|wait| wait.as_millis())
        };
        assert_eq!(wait("retry-after", "2"), Some(2000));
        assert_eq!(wait("retry-after-ms", "250"), Some(250));
        assert_eq!(wait("retry-after", "-1"), None);
        assert_eq!(wait("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), None);
        assert_eq!(wait("retry-after", "nan"), None);
    }
}
