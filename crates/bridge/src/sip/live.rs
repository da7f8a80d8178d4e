//! Settings that count from the next call on, while others go on by those they began with.

use trunkline_sip::endpoint::{EndpointConfig, Limits, SessionTimers};

use super::config::GatewayConfig;

impl GatewayConfig {
    /// The same with what may change while calls go on, as another has it. Sockets, addresses,
    /// server and keys stay.
    pub(crate) fn going_by(&self, other: &Self) -> Self {
        let other = other.clone();
        Self {
            answer: other.answer,
            agent_wait: other.agent_wait,
            pin_wait: other.pin_wait,
            ringing_timeout: other.ringing_timeout,
            max_call_duration: other.max_call_duration,
            media_timeout: other.media_timeout,
            hold_limit: other.hold_limit,
            session_timer: other.session_timer,
            codecs: other.codecs,
            opus_complexity: other.opus_complexity,
            encryption: other.encryption,
            limits: other.limits,
            max_calls: other.max_calls,
            invites_per_second: other.invites_per_second,
            strangers_per_second: other.strangers_per_second,
            strangers: other.strangers,
            scanners: other.scanners,
            dialling: other.dialling,
            ..self.clone()
        }
    }

    /// What of them the signalling goes by.
    pub(super) fn endpoint(&self) -> EndpointConfig {
        EndpointConfig {
            limits: Limits {
                calls: self.max_calls,
                invites_per_second: self.invites_per_second,
                strangers_per_second: self.strangers_per_second,
                ..Limits::default()
            },
            strangers: self.strangers,
            scanners: self.scanners.clone(),
            session: SessionTimers {
                expires: self.session_timer,
                ..SessionTimers::default()
            },
            ..EndpointConfig::new(concat!("trunkline/", env!("CARGO_PKG_VERSION")))
        }
    }
}
