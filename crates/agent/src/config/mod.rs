//! `config/agent.yaml`: who the agent is, how it takes turns, and which brain it has.
//!
//! Delays have the names of livekit/agents (`turn_handling.endpointing.min_delay`, …); a
//! `profile` sets them all, and single ones may be set on top.

mod check;
mod parts;
mod prices;
mod raw;
#[cfg(test)]
mod tests;
mod turns;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use time::UtcOffset;
use trunkline_base::wire::Wire;

pub use prices::Prices;
pub use raw::RawAgent;

use crate::brain::Mind;
use crate::external::ExternalConfig;
use crate::flow::Flow;
use crate::llm::ChatConfig;
use crate::outside::Outside;
use crate::provider::{Llm, Stt, Tts};
use crate::providers::{Kit, Wanted};
use crate::speech::Speech;
use crate::tools::{Tool, ToolConfig, Toolbox};
use crate::turn::TurnConfig;

/// Sessions one process takes unless told otherwise.
const MAX_SESSIONS: u32 = 50;

/// As livekit/agents: the third failure that cannot be got over ends the conversation.
const MAX_ERRORS: u32 = 3;

/// A caller joins before or just after the agent; later means that the call was given up.
const CALLER_TIMEOUT: Duration = Duration::from_secs(60);

/// An agent that can be started.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// What dispatches ask for.
    pub agent_name: String,
    /// How turns are taken.
    pub turns: TurnConfig,
    /// What hears, in the order in which they are asked; none means the models of this machine.
    pub stt: Vec<Wanted<dyn Stt>>,
    /// What speaks, likewise.
    pub tts: Vec<Wanted<dyn Tts>>,
    /// What providers charge, and what a conversation may cost.
    pub prices: Prices,
    /// What decides what is said.
    pub brain: BrainConfig,
    /// What it can do besides, and what it may do to a call.
    pub tools: ToolConfig,
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
#[derive(Clone)]
pub enum BrainConfig {
    /// A dialogue written in YAML.
    Flow(Arc<Flow>),
    /// A language model.
    Chat(Arc<ChatConfig>, Vec<Wanted<dyn Llm>>),
    /// A program somewhere else.
    External(Arc<ExternalConfig>),
    /// Yours.
    Own(Arc<dyn Mind>),
}

impl fmt::Debug for BrainConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flow(flow) => f.debug_tuple("Flow").field(flow).finish(),
            Self::Chat(chat, llm) => f.debug_tuple("Chat").field(chat).field(llm).finish(),
            Self::External(external) => f.debug_tuple("External").field(external).finish(),
            Self::Own(_) => f.write_str("Own"),
        }
    }
}

impl AgentConfig {
    /// An agent with a mind of yours and the turns of the `phone` profile, without a file.
    pub fn new(agent_name: impl Into<String>, mind: Arc<dyn Mind>) -> Self {
        Self {
            agent_name: agent_name.into(),
            turns: TurnConfig::phone(),
            stt: Vec::new(),
            tts: Vec::new(),
            prices: Prices::default(),
            brain: BrainConfig::Own(mind),
            tools: ToolConfig::default(),
            max_sessions: MAX_SESSIONS,
            utc_offset: UtcOffset::UTC,
            max_unrecoverable_errors: MAX_ERRORS,
            caller_timeout: CALLER_TIMEOUT,
            announcement: None,
            wire: Wire::default(),
            voice_cache: None,
        }
    }

    /// With a mind of yours instead of the file's.
    #[must_use]
    pub fn with_brain(mut self, mind: Arc<dyn Mind>) -> Self {
        self.brain = BrainConfig::Own(mind);
        self
    }

    /// With a tool of yours besides the file's, for the flow and the chat endpoint.
    #[must_use]
    pub fn with_tool(mut self, tool: Arc<dyn Tool>) -> Self {
        self.tools = self.tools.with(tool);
        self
    }

    /// What makes brains; connections, and what their tools need, are shared between them. Must run
    /// inside a tokio runtime.
    pub fn mind(&self, outside: &Outside) -> Arc<dyn Mind> {
        let tools = || Arc::new(Toolbox::start(&self.tools, outside.held()));
        match &self.brain {
            BrainConfig::Flow(flow) => Arc::new(crate::flow::FlowMind {
                flow: Arc::clone(flow),
                http: outside.held().clone(),
                tools: tools(),
            }),
            BrainConfig::Chat(chat, llm) => Arc::new(crate::llm::ChatMind::new(
                Arc::clone(chat),
                parts::llm(llm, &kit(outside)),
                tools(),
            )),
            BrainConfig::External(external) => Arc::new(crate::external::ExternalMind::new(
                Arc::clone(external),
                outside.clone(),
                Arc::clone(&self.tools.powers),
            )),
            BrainConfig::Own(mind) => Arc::clone(mind),
        }
    }

    /// Where the agent sends what callers say, each with the key that names it in the file. The
    /// host of a tool's address cannot be a value of the dialogue: such an address does not parse.
    pub fn addresses(&self) -> Vec<(String, String)> {
        let own = match &self.brain {
            BrainConfig::Chat(_, llm) => of(llm),
            BrainConfig::Flow(flow) => flow
                .addresses()
                .map(|(tool, url)| (format!("flow.tools.{tool}.http"), url))
                .collect(),
            BrainConfig::External(external) => {
                // The rule is the same for a WebSocket, and is written down for the web.
                let url = match external.url.strip_prefix("ws") {
                    Some(rest) => format!("http{rest}"),
                    None => external.url.clone(),
                };
                vec![("external.url".to_owned(), url)]
            }
            BrainConfig::Own(_) => Vec::new(),
        };
        let tools = match &self.brain {
            BrainConfig::Flow(_) | BrainConfig::Chat(..) => self.tools.addresses(),
            BrainConfig::External(_) | BrainConfig::Own(_) => Vec::new(),
        };
        [
            of(&self.stt),
            of(&self.tts),
            own,
            tools.into_iter().collect(),
        ]
        .concat()
    }

    /// Until words of the caller must be there, whoever is asked for them.
    pub(crate) fn hearing_limit(&self) -> Duration {
        parts::hearing_limit(&self.stt)
    }

    /// Until a sentence must begin to sound, whoever says it.
    pub(crate) fn speaking_limit(&self) -> Duration {
        parts::speaking_limit(&self.tts)
    }

    /// Whether all that hears and speaks is somewhere else, so that no model need be on this machine.
    pub fn is_remote(&self) -> bool {
        parts::is_remote(&self.stt) && parts::is_remote(&self.tts)
    }

    /// What hears and speaks in conversations: those of the file, and the models of this machine
    /// for what it leaves to them.
    pub(crate) fn speech(&self, outside: &Outside, local: &Speech) -> Speech {
        let kit = Kit {
            speech: Some(local.clone()),
            ..kit(outside)
        };
        Speech::from_parts(
            parts::stt(&self.stt, &kit),
            parts::tts(&self.tts, &kit),
            Arc::clone(local.vad()),
            Arc::clone(local.eot()),
        )
    }
}

/// Where these send what callers say.
fn of<T: ?Sized>(wanted: &[Wanted<T>]) -> Vec<(String, String)> {
    let plans = wanted.iter().map(|wanted| wanted.plan.addresses.clone());
    plans.flatten().collect()
}

/// What providers are made with.
fn kit(outside: &Outside) -> Kit {
    Kit {
        http: outside.http().clone(),
        tls: Some(Arc::clone(outside.tls())),
        speech: None,
    }
}
