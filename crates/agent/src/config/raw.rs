//! `agent.yaml` as it is typed.

use std::collections::BTreeMap;

use serde::Deserialize;
use trunkline_base::secret::Secret;
use trunkline_service::config::{Node, Spanned};

use crate::flow::{RawFlow, RawPatience};
use crate::tools::{RawMcp, RawTarget, RawTool};

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAgent {
    /// What dispatches ask for.
    #[serde(default)]
    pub agent_name: Option<Spanned<String>>,
    /// phone or standard.
    #[serde(default)]
    pub profile: Option<Spanned<String>>,
    /// flow, openai (also called chat) or external.
    #[serde(default)]
    pub brain: Option<Spanned<String>>,
    /// Conversations at the same time.
    #[serde(default)]
    pub max_sessions: Option<Spanned<u32>>,
    /// Such as "+01:00".
    #[serde(default)]
    pub utc_offset: Option<Spanned<String>>,
    /// Failures after which a conversation is closed.
    #[serde(default)]
    pub max_unrecoverable_errors: Option<Spanned<u32>>,
    /// How long a caller may take to appear.
    #[serde(default)]
    pub caller_timeout: Option<Spanned<String>>,
    /// Both silent for this long: the caller is asked; 0 never asks.
    #[serde(default)]
    pub user_away_timeout: Option<Spanned<String>>,
    /// No interruption this long into the first speech.
    #[serde(default)]
    pub aec_warmup_duration: Option<Spanned<String>>,
    /// How turns are taken.
    #[serde(default)]
    pub turn_handling: RawTurnHandling,
    /// Voice activity.
    #[serde(default)]
    pub vad: RawVad,
    /// What a model or a program may do to a call.
    #[serde(default)]
    pub acts: Option<Vec<Spanned<String>>>,
    /// Who takes calls over, by name.
    #[serde(default)]
    pub transfer_to: BTreeMap<String, Spanned<RawTarget>>,
    /// Web services as tools, by name.
    #[serde(default)]
    pub tools: BTreeMap<String, Spanned<RawTool>>,
    /// Servers of tools.
    #[serde(default)]
    pub mcp: Vec<Spanned<RawMcp>>,
    /// What hears: a provider, or several in order.
    #[serde(default)]
    pub stt: Option<Node>,
    /// What speaks.
    #[serde(default)]
    pub tts: Option<Node>,
    /// What thinks, for the brain `openai`.
    #[serde(default)]
    pub llm: Option<Node>,
    /// What providers charge, by `provider/model`.
    #[serde(default)]
    pub prices: Option<Node>,
    /// A conversation that costs more ends with the answer it is at.
    #[serde(default)]
    pub max_cost_per_call: Option<Spanned<String>>,
    /// The brain that is a language model, and where that is unless `llm` says.
    #[serde(default, alias = "chat")]
    pub openai: Option<Spanned<RawChat>>,
    /// The program that leads conversations.
    #[serde(default)]
    pub external: Option<Spanned<RawExternal>>,
    /// The dialogue.
    #[serde(default)]
    pub flow: Option<RawFlow>,
}

/// How turns are taken.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawTurnHandling {
    /// When the caller's turn is over.
    pub endpointing: RawEndpointing,
    /// When the caller may talk over the agent.
    pub interruption: RawInterruption,
    /// Answers prepared early.
    pub preemptive_generation: RawPreemptive,
    /// Limits of a caller's turn.
    pub user_turn_limit: RawLimit,
    /// The end-of-turn model.
    pub turn_detection: RawDetection,
}

/// When the caller's turn is over.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawEndpointing {
    /// Wait after a finished sentence.
    pub min_delay: Option<Spanned<String>>,
    /// Wait after an unfinished one.
    pub max_delay: Option<Spanned<String>>,
    /// Wait after an understood request that sounds unfinished.
    pub understood_delay: Option<Spanned<String>>,
}

/// When the caller may talk over the agent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawInterruption {
    pub enabled: Option<bool>,
    /// Speech this long.
    pub min_duration: Option<Spanned<String>>,
    /// And this many words.
    pub min_words: Option<usize>,
    /// Whether playout goes on when nothing followed.
    pub resume_false_interruption: Option<bool>,
    /// How long nothing must follow.
    pub false_interruption_timeout: Option<Spanned<String>>,
    /// Whether speech over an uninterruptible answer is dropped.
    pub discard_audio_if_uninterruptible: Option<bool>,
    /// Until how long before the end of a speech that asks nothing listening noises are ignored.
    pub backchannel_boundary: Option<Spanned<String>>,
    /// The listening noises.
    pub backchannels: Option<Vec<Spanned<String>>>,
    /// Words that stop the agent at once.
    pub commands: Option<Vec<Spanned<String>>>,
    /// Other short words that count though they are hardly heard.
    pub short_words: Option<Vec<Spanned<String>>>,
}

/// Answers prepared early.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawPreemptive {
    pub enabled: Option<bool>,
    /// Their sound too?
    pub preemptive_tts: Option<bool>,
    /// Not for longer turns.
    pub max_speech_duration: Option<Spanned<String>>,
    /// Tries in one turn.
    pub max_retries: Option<u32>,
}

/// Limits of a caller's turn.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawLimit {
    pub max_words: Option<usize>,
    /// Time.
    pub max_duration: Option<Spanned<String>>,
}

/// The end-of-turn model.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawDetection {
    pub enabled: Option<bool>,
    /// Probability that counts as finished.
    pub threshold: Option<Spanned<f32>>,
}

/// Voice activity.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawVad {
    /// Probability that starts speech.
    pub activation_threshold: Option<Spanned<f32>>,
    /// Probability under which it pauses.
    pub deactivation_threshold: Option<Spanned<f32>>,
    /// Voice this long is speech.
    pub min_speech_duration: Option<Spanned<String>>,
    /// Silence this long ends it.
    pub min_silence_duration: Option<Spanned<String>>,
    /// Sound kept from before.
    pub prefix_padding_duration: Option<Spanned<String>>,
}

/// What a language model is told, and where it is unless `llm` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawChat {
    /// Up to and with `/v1`.
    #[serde(default)]
    pub base_url: Option<Spanned<String>>,
    /// Sent as a bearer token.
    #[serde(default)]
    pub api_key: Secret<String>,
    #[serde(default)]
    pub model: Option<Spanned<String>>,
    /// The system message.
    pub instructions: Spanned<String>,
    /// The first words; none waits for the caller.
    #[serde(default)]
    pub greeting: Option<String>,
    /// Said when a part of the agent fails.
    pub apology: Spanned<String>,
    /// Randomness.
    #[serde(default)]
    pub temperature: Option<Spanned<f32>>,
    /// Longest answer.
    #[serde(default)]
    pub max_tokens: Option<u32>,
    /// Until the first word.
    #[serde(default)]
    pub first_byte_timeout: Option<Spanned<String>>,
    /// Until the last one.
    #[serde(default)]
    pub total_timeout: Option<Spanned<String>>,
    /// Rounds of tools in one answer.
    #[serde(default)]
    pub max_tool_steps: Option<usize>,
    /// When a conversation leads nowhere.
    #[serde(default)]
    pub patience: RawPatience,
}

/// The program that leads conversations.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawExternal {
    /// http, https, ws or wss.
    pub url: Spanned<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, Spanned<Secret<String>>>,
    /// The first words; none waits for the caller.
    #[serde(default)]
    pub greeting: Option<String>,
    /// Said when a part of the agent fails.
    pub apology: Spanned<String>,
    /// Whether turns are sent before it is sure that they are over.
    #[serde(default)]
    pub early_turns: Option<bool>,
    /// Until the first line.
    #[serde(default)]
    pub first_byte_timeout: Option<Spanned<String>>,
    /// Between two lines.
    #[serde(default)]
    pub stall_timeout: Option<Spanned<String>>,
    /// Until the last one.
    #[serde(default)]
    pub total_timeout: Option<Spanned<String>>,
}
