//! What the API client tells of itself, as metrics.

use trunkline_client::api::breaker::State;
use trunkline_client::api::{Called, Guard, Observer};
use trunkline_service::metrics::{Counter, Gauge, Timing, count, observe, set};

/// Counts calls and repeats, times them, and shows breakers.
pub(super) struct ApiMetrics;

impl Observer for ApiMetrics {
    fn called(&self, call: &Called) {
        let rpc = ("rpc", call.rpc.name);
        count(Counter::ApiCalls, 1, &[rpc, ("outcome", call.outcome)]);
        observe(Timing::ApiCall, call.elapsed, &[rpc]);
        let repeats = u64::from(call.attempts.saturating_sub(1));
        if repeats > 0 {
            count(Counter::ApiRepeats, repeats, &[rpc]);
        }
    }

    fn breaker(&self, service: &'static str, guard: Guard, state: State) {
        let guard = match guard {
            Guard::Reach => "reach",
            Guard::Token => "token",
        };
        let level = match state {
            State::Closed => 0.0,
            State::HalfOpen => 0.5,
            State::Open => 1.0,
        };
        let labels = [("service", service), ("guard", guard)];
        set(Gauge::ApiBreaker, level, &labels);
        if state == State::Open {
            tracing::warn!(
                service,
                guard,
                "the LiveKit API keeps failing and is left alone"
            );
        }
    }
}
