//! What a connection is at, as far as its clocks go. The socket says when bytes come, the handler
//! when a request begins and when its answer has been given.
//!
//! ```text
//! head ──request──► busy ──answered──► quiet ──first byte──► head          busy ──upgrade──► open
//! ```

use std::future::pending;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::clocks::Clocks;

/// One connection's.
#[derive(Debug)]
pub(super) struct Pulse {
    clocks: Clocks,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// Since when it is quiet, or since the first byte of a head.
    since: Instant,
    /// Part of a head may have come.
    in_head: bool,
    /// Requests that are not answered to the end.
    requests: usize,
    /// Bytes between requests are a head's. With HTTP/2 they are anything.
    by_bytes: bool,
    /// It became something else than requests and answers.
    open: bool,
}

impl State {
    fn due(&self, clocks: &Clocks) -> Option<Instant> {
        let limit = if self.in_head {
            clocks.head
        } else {
            clocks.idle
        };
        (self.requests == 0 && !self.open).then(|| self.since + limit)
    }
}

impl Pulse {
    /// Of a connection that is just there: its first request is awaited.
    pub(super) fn new(clocks: Clocks) -> Self {
        let state = State {
            since: Instant::now(),
            in_head: true,
            requests: 0,
            by_bytes: true,
            open: false,
        };
        Self {
            clocks,
            state: watch::Sender::new(state),
        }
    }

    /// Bytes came.
    pub(super) fn heard(&self) {
        self.state.send_if_modified(|state| {
            let begins = state.requests == 0 && state.by_bytes && !state.in_head && !state.open;
            if begins {
                state.in_head = true;
                state.since = Instant::now();
            }
            begins
        });
    }

    /// A head is complete.
    pub(super) fn request(&self, is_multiplexed: bool) {
        self.state.send_modify(|state| {
            state.requests += 1;
            state.in_head = false;
            state.by_bytes = !is_multiplexed;
        });
    }

    /// Its answer has been given, or nobody waits for it.
    pub(super) fn answered(&self) {
        self.state.send_modify(|state| {
            state.requests = state.requests.saturating_sub(1);
            state.since = Instant::now();
        });
    }

    /// It is a WebSocket now.
    pub(super) fn opened(&self) {
        self.state.send_modify(|state| state.open = true);
    }

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        let state = self.state.borrow();
        state.requests > 0 || state.open
    }

    /// Whether it became a WebSocket.
    pub(super) fn is_open(&self) -> bool {
        self.state.borrow().open
    }

    /// Resolves when a clock has run out, and says which.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn overdue(&self) -> &'static str {
        let mut changes = self.state.subscribe();
        loop {
            let state = *changes.borrow_and_update();
            let due = async {
                match state.due(&self.clocks) {
                    Some(due) => sleep_until(due).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = changes.changed() => {}
                () = due => return if state.in_head { "head" } else { "idle" },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{advance, timeout};

    use super::*;

    /// How long until a clock runs out, if it does within ten minutes.
    async fn left(pulse: &Pulse) -> Option<(u64, &'static str)> {
        let began = Instant::now();
        let overdue = timeout(Duration::from_secs(600), pulse.overdue()).await;
        overdue.ok().map(|which| (began.elapsed().as_secs(), which))
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_has_no_more_time_than_one_that_stands_still() {
        let pulse = Pulse::new(Clocks::default());
        for _ in 0..5 {
            advance(Duration::from_secs(1)).await;
            pulse.heard();
        }
        assert_eq!(left(&pulse).await, Some((5, "head")));
    }

    #[tokio::test(start_paused = true)]
    async fn between_requests_it_may_rest_and_then_each_head_has_its_time() {
        let pulse = Pulse::new(Clocks::default());
        pulse.request(false);
        assert_eq!(left(&pulse).await, None);
        pulse.answered();
        advance(Duration::from_secs(60)).await;
        pulse.heard();
        assert_eq!(left(&pulse).await, Some((10, "head")));
        pulse.request(false);
        pulse.answered();
        assert_eq!(left(&pulse).await, Some((65, "idle")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_of_many_requests_rests_when_the_last_is_answered() {
        let pulse = Pulse::new(Clocks::default());
        pulse.request(true);
        pulse.request(true);
        pulse.answered();
        assert_eq!(left(&pulse).await, None);
        pulse.answered();
        // A ping or a window update is no head.
        pulse.heard();
        assert_eq!(left(&pulse).await, Some((65, "idle")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_websocket_has_no_clock_here() {
        let pulse = Pulse::new(Clocks::default());
        pulse.request(false);
        pulse.opened();
        pulse.answered();
        pulse.heard();
        assert_eq!(left(&pulse).await, None);
    }
}
