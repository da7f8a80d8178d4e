//! The providers of a chain, and which of them are well.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;
use trunkline_service::metrics::{Counter, Gauge, count, set};

use crate::provider::ProviderError;

/// Wait before the first probe of a provider that failed; doubled each time.
const PROBE: Duration = Duration::from_secs(5);

/// The longest wait between two probes.
const PROBE_LONGEST: Duration = Duration::from_secs(120);

/// One provider of a chain.
#[derive(Clone)]
pub struct Link<T: ?Sized> {
    /// The provider.
    pub provider: Arc<T>,
    /// How long an attempt may take until something comes of it.
    pub attempt: Duration,
    /// Tries after the first, before the next provider is asked.
    pub retries: u32,
}

/// Asks a provider for something small; whether it answered.
pub(super) type Probe<T> = fn(Arc<T>, Duration) -> BoxFuture<'static, bool>;

/// The providers of a chain.
pub(super) struct Members<T: ?Sized> {
    kind: &'static str,
    members: Vec<Member<T>>,
    probe: Probe<T>,
}

struct Member<T: ?Sized> {
    name: &'static str,
    link: Link<T>,
    /// There while it is ill. The lock is held for a look, never across an await.
    probing: Arc<Mutex<Option<AbortOnDropHandle<()>>>>,
}

impl<T: ?Sized + Send + Sync + 'static> Members<T> {
    pub(super) fn new(
        kind: &'static str,
        links: Vec<Link<T>>,
        name: impl Fn(&T) -> &'static str,
        probe: Probe<T>,
    ) -> Self {
        let member = |link: Link<T>| Member {
            name: name(&link.provider),
            link,
            probing: Arc::default(),
        };
        let members: Vec<Member<T>> = links.into_iter().map(member).collect();
        if members.len() > 1 {
            members
                .iter()
                .for_each(|member| tell(kind, member.name, true));
        }
        Self {
            kind,
            members,
            probe,
        }
    }

    pub(super) fn first(&self) -> Option<&Link<T>> {
        self.members.first().map(|member| &member.link)
    }

    pub(super) fn link(&self, index: usize) -> Option<&Link<T>> {
        self.members.get(index).map(|member| &member.link)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Link<T>> {
        self.members.iter().map(|member| &member.link)
    }

    /// Whom to ask, and in which order: those that are well, then the others. Each as often as it
    /// may be tried.
    pub(super) fn order(&self) -> Vec<usize> {
        let (well, ill): (Vec<usize>, Vec<usize>) =
            (0..self.members.len()).partition(|index| self.is_well(*index));
        let tries = |index: usize| {
            let retries = self.link(index).map_or(0, |link| link.retries);
            std::iter::repeat_n(index, usize::try_from(retries).unwrap_or(0) + 1)
        };
        well.into_iter().chain(ill).flat_map(tries).collect()
    }

    pub(super) fn is_well(&self, index: usize) -> bool {
        let member = self.members.get(index);
        member.is_some_and(|member| lock(&member.probing).is_none())
    }

    /// A provider failed: it is passed over until a probe finds it well. Needs a tokio runtime
    /// around it.
    pub(super) fn failed(&self, index: usize, error: &ProviderError) {
        let failure = error.failure.as_str();
        let labels = [("provider", error.provider), ("failure", failure)];
        count(Counter::ProviderFailures, 1, &labels);
        let Some(member) = self.members.get(index) else {
            return;
        };
        tracing::warn!(kind = self.kind, %error, "a provider failed");
        if self.members.len() < 2 {
            return;
        }
        let mut probing = lock(&member.probing);
        if probing.is_some() {
            return;
        }
        tell(self.kind, member.name, false);
        let (kind, name, probe) = (self.kind, member.name, self.probe);
        let (provider, limit) = (Arc::clone(&member.link.provider), member.link.attempt);
        let healed = Arc::downgrade(&member.probing);
        #[expect(
            clippy::disallowed_methods,
            reason = "the member owns the task and aborts it"
        )]
        let task = tokio::spawn(async move {
            let mut wait = PROBE;
            loop {
                sleep(wait).await;
                if probe(Arc::clone(&provider), limit).await {
                    break;
                }
                wait = (wait * 2).min(PROBE_LONGEST);
            }
            tracing::info!(kind, provider = name, "a provider is well again");
            tell(kind, name, true);
            if let Some(healed) = healed.upgrade() {
                *lock(&healed) = None;
            }
        });
        *probing = Some(AbortOnDropHandle::new(task));
    }
}

fn lock<T>(probing: &Mutex<T>) -> MutexGuard<'_, T> {
    probing.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tell(kind: &'static str, provider: &'static str, well: bool) {
    let labels = [("part", kind), ("provider", provider)];
    set(Gauge::ProviderAvailable, f64::from(u8::from(well)), &labels);
}
