//! Where requests for a URI go, by the DNS: [`trunkline_sip::locate`] with real answers.

mod dns;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Semaphore;
use tracing::debug;
use trunkline_sip::locate::{Answer, Health, LocateError, Means, Plan, Target};
use trunkline_sip::uri::Uri;

use super::clock::now;
use dns::Dns;

/// Finds targets, and remembers which of them failed. Copies share what they know.
#[derive(Clone)]
pub struct Resolver {
    dns: Dns,
    means: Means,
    /// A list of what failed, read and written between awaits.
    health: Arc<Mutex<Health>>,
    places: Arc<Semaphore>,
}

impl Resolver {
    /// Asks these servers, or the system's when there are none.
    pub fn new(servers: &[SocketAddr], means: Means) -> Self {
        Self {
            dns: Dns::new(servers),
            means,
            health: Arc::new(Mutex::new(Health::new())),
            places: Arc::new(Semaphore::new(PLACES)),
        }
    }

    /// The targets of a URI in the order they are to be tried, those that failed lately last. An
    /// address asks nobody.
    ///
    /// # Errors
    /// [`LocateError`]: there is none, in words.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn resolve(&self, uri: &Uri) -> Result<Vec<Target>, LocateError> {
        let mut plan = Plan::new(uri, self.means.clone(), rand::random())?;
        let asking = async {
            // It is never closed.
            let _place = self.places.acquire().await;
            loop {
                let questions = plan.questions();
                if questions.is_empty() {
                    return;
                }
                let answers = questions.iter().map(|question| self.dns.ask(question));
                plan.answer(join_all(answers).await);
            }
        };
        if tokio::time::timeout(LIMIT, asking).await.is_err() {
            debug!("the dns took too long");
            plan.answer(vec![Answer::Failed]);
            return Err(LocateError::Silent(uri.host.clone()));
        }
        let mut targets = plan.finish()?;
        self.health().sort(&mut targets, now());
        Ok(targets)
    }

    /// A target did not answer, refused the connection or is overloaded: others come first for a
    /// while, as long as it asked for if it did.
    pub fn failed(&self, target: &Target, after: Option<Duration>) {
        self.health().failed(target.clone(), after, now());
    }

    /// A target answered.
    pub fn works(&self, target: &Target) {
        self.health().works(target);
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        // Whoever panicked while holding it left a list that is whole.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For all questions about one URI. A caller waits for this, and hears a word after it.
const LIMIT: Duration = Duration::from_secs(6);

/// URIs looked up at a time. Filling it means that the DNS is slow; more wait their turn.
const PLACES: usize = 32;
