//! `config/agent.yaml`: who the agent is, how it takes turns, and which brain it has.
//!
//! Delays have the names of livekit/agents (`turn_handling.endpointing.min_delay`, …); a
//! `profile` sets them all, and single ones may be set on top.

mod check;
mod raw;
#[cfg(test)]
mod tests;
mod turns;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use time::UtcOffset;
use trunkline_base::wire::Wire;

pub use raw::RawAgent;

use crate::brain::Mind;
use crate::flow::Flow;
use crate::llm::ChatConfig;
use crate::turn::TurnConfig;

/// An agent that can be started.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// What dispatches ask for.
    pub agent_name: String,
    /// How turns are taken.
    pub turns: TurnConfig,
    /// What decides what is said.
    pub brain: BrainConfig,
    /// Conversations at the same time.
    pub max_sessions: u32,
    /// The callers' clock.
    pub utc_offset: UtcOffset,
    /// Failures that cannot be got over, after which a conversation is closed.
    pub max_unrecoverable_errors: u32,
    /// How long a caller may take to appear in the room.
    pub caller_timeout: Duration,
    /// What a telephone caller hears before anything else, to the end: that the call is recorded.
    /// Whoever records says so; it is no setting of this file.
    pub announcement: Option<String>,
    /// On which a server in this process is reached past the system's network.
    pub wire: Wire,
    /// Where the sound of fixed sentences is kept from one start to the next.
    pub voice_cache: Option<PathBuf>,
}

/// Which brain, with what it needs.
#[derive(Clone, Debug)]
pub enum BrainConfig {
    /// A dialogue written in YAML.
    Flow(Arc<Flow>),
    /// A chat endpoint.
    Chat(Arc<ChatConfig>),
}

impl BrainConfig {
    /// What makes brains; HTTP connections are shared between them.
    pub(crate) fn mind(&self, http: reqwest::Client) -> Arc<dyn Mind> {
        match self {
            Self::Flow(flow) => Arc::new(crate::flow::FlowMind {
                flow: Arc::clone(flow),
                http,
            }),
            Self::Chat(chat) => Arc::new(crate::llm::ChatMind::new(Arc::clone(chat), http)),
        }
    }
}

impl AgentConfig {
    /// Where the agent sends what callers say, each with the key that names it in the file. The
    /// host of a tool's address cannot be a value of the dialogue: such an address does not parse.
    pub fn addresses(&self) -> Vec<(String, String)> {
        match &self.brain {
            BrainConfig::Chat(chat) => {
                vec![("openai.base_url".to_owned(), chat.base_url.clone())]
            }
            BrainConfig::Flow(flow) => flow
                .addresses()
                .map(|(tool, url)| (format!("flow.tools.{tool}.http"), url))
                .collect(),
        }
    }
}
