//! What the client tells of itself, for metrics: names of RPCs and closed words, never a room, an
//! identity, an address or a token.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::breaker::State;
use super::rpc::RpcInfo;

/// A call that came to its end.
#[derive(Clone, Copy, Debug)]
pub struct Called {
    /// What was called.
    pub rpc: &'static RpcInfo,
    /// `ok`, a Twirp code, or what went wrong in one word.
    pub outcome: &'static str,
    /// Attempts made, the first included.
    pub attempts: u32,
    /// From the call to its end.
    pub elapsed: Duration,
}

/// What a breaker looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guard {
    /// Whether the server works.
    Reach,
    /// Whether it takes our tokens.
    Token,
}

/// Is told of calls and breakers. It is called in the middle of them: return at once.
pub trait Observer: Send + Sync {
    /// A call ended.
    fn called(&self, call: &Called);

    /// A breaker changed its state.
    fn breaker(&self, service: &'static str, guard: Guard, state: State);
}

/// An observer, or none.
#[derive(Clone, Default)]
pub struct Watch(Option<Arc<dyn Observer>>);

impl Watch {
    /// Tells this one.
    pub fn by(observer: impl Observer + 'static) -> Self {
        Self(Some(Arc::new(observer)))
    }

    pub(super) fn called(&self, call: &Called) {
        if let Some(observer) = &self.0 {
            observer.called(call);
        }
    }

    pub(super) fn breaker(&self, service: &'static str, guard: Guard, state: State) {
        if let Some(observer) = &self.0 {
            observer.breaker(service, guard, state);
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.0.is_some()).finish()
    }
}
