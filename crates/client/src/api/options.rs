//! How the client behaves.

use std::time::Duration;

use trunkline_base::retry::BudgetPolicy;

use super::observe::Watch;
use super::regions::Failover;
use super::wire::Connections;
use super::{breaker, retry};

/// How the client behaves. The defaults suit a server in the same region.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// For a whole call, repeats included, unless the call itself takes longer by nature.
    pub deadline: Duration,
    /// What a dial may take over its ringing.
    pub dial_margin: Duration,
    /// How calls that may be repeated are.
    pub rules: retry::Rules,
    /// What repeats may cost in all.
    pub budget: BudgetPolicy,
    /// When a server that keeps failing is left alone.
    pub breaker: breaker::BreakerPolicy,
    /// Whether calls go to another region when one fails.
    pub failover: Failover,
    /// How connections are kept.
    pub connections: Connections,
    /// Who is told of calls.
    pub watch: Watch,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            dial_margin: Duration::from_secs(2),
            rules: retry::Rules::default(),
            budget: BudgetPolicy::API,
            breaker: breaker::BreakerPolicy::default(),
            failover: Failover::Cloud,
            connections: Connections::default(),
            watch: Watch::default(),
        }
    }
}
