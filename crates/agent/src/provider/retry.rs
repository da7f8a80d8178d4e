//! Asking again.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::{Failure, ProviderError};

/// How often and how soon a provider is asked again that failed before anything came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Tries after the first.
    pub tries: u32,
    /// Wait before the first of them; doubled each time.
    pub interval: Duration,
}

impl Default for Retry {
    /// As livekit/agents: three, the first of them soon.
    fn default() -> Self {
        Self {
            tries: 3,
            interval: Duration::from_millis(100),
        }
    }
}

impl Retry {
    /// Never.
    pub const NONE: Self = Self {
        tries: 0,
        interval: Duration::ZERO,
    };

    /// Tries until it succeeds, fails for good, or `ends` is near. A provider that names a wait is
    /// left alone for so long.
    ///
    /// # Errors
    /// That of the last try.
    ///
    /// # Cancel safety
    /// As that of a try.
    pub async fn run<T, F>(
        self,
        ends: Instant,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let mut interval = self.interval;
        for tries in 0.. {
            let error = match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let wait = match error.failure {
                Failure::RateLimited { wait: Some(wait) } => wait.max(interval),
                _ => interval,
            };
            let late = Instant::now() + wait >= ends;
            if !error.failure.is_retryable() || tries >= self.tries || late {
                return Err(error);
            }
            tracing::debug!(%error, tries, "asking a provider again");
            sleep(wait).await;
            interval *= 2;
        }
        Err(Failure::TooLong.of("retry"))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const NAME: &str = "test";

    async fn tries(failure: Failure, ends: Duration) -> (u32, Duration) {
        let (count, begun) = (Cell::new(0), Instant::now());
        let attempt = || {
            count.set(count.get() + 1);
            let failure = failure.clone();
            async move { Err::<(), _>(failure.of(NAME)) }
        };
        let ended = Retry::default().run(begun + ends, attempt).await;
        assert_eq!(ended, Err(failure.of(NAME)));
        (count.get(), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
        let long = Duration::from_secs(60);
        let (count, took) = tries(Failure::Failed(503), long).await;
        assert_eq!((count, took.as_millis()), (4, 700));
        assert_eq!(tries(Failure::Unauthorised(401), long).await.0, 1);
        assert_eq!(tries(Failure::Garbage, long).await.0, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_names_a_wait_is_left_alone_for_so_long() {
        let busy = Failure::RateLimited {
            wait: Some(Duration::from_secs(2)),
        };
        let (count, took) = tries(busy.clone(), Duration::from_secs(60)).await;
        assert_eq!((count, took.as_secs()), (4, 6));
        // Nobody waits for as long as it wants.
        assert_eq!(tries(busy, Duration::from_secs(1)).await.0, 1);
    }
}
