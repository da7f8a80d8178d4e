//! From what was typed to an agent that can be started.

use std::sync::Arc;

use time::UtcOffset;
use time::macros::format_description;
use trunkline_base::wire::Wire;
use trunkline_service::config::{Environment, Report, Source, Spanned, nearest};

use super::parts::Parts;
use super::prices::Prices;
use super::raw::{RawAgent, RawChat, RawExternal};
use super::turns::{Setter, apply};
use super::{AgentConfig, BrainConfig, CALLER_TIMEOUT, MAX_ERRORS, MAX_SESSIONS};
use crate::external::ExternalConfig;
use crate::flow::RawPatience;
use crate::llm::{ChatConfig, Patience};
use crate::provider::Llm;
use crate::providers::openai::{self, Chat, ChatSettings};
use crate::providers::{Kit, Plan, Wanted};
use crate::tools::{Sections, ToolConfig, headers};
use crate::turn::TurnConfig;

impl AgentConfig {
    /// Reads the text of `agent.yaml`.
    ///
    /// # Errors
    /// A report with every problem, each with its place and remedy.
    pub fn parse(source: &Source, env: &Environment) -> Result<Self, Report> {
        let mut report = Report::new();
        let raw: Option<RawAgent> = source.parse(env, &mut report);
        let config = raw.and_then(|raw| check(&raw, source, &mut report));
        report.finish(config)
    }
}

fn check(raw: &RawAgent, source: &Source, report: &mut Report) -> Option<AgentConfig> {
    let mut turns = profile(raw.profile.as_ref(), source, report);
    apply(raw, &mut turns, source, report);
    let utc_offset = offset(raw.utc_offset.as_ref(), source, report);
    let max_sessions = at_least_one(raw.max_sessions.as_ref(), MAX_SESSIONS, source, report);
    let max_unrecoverable_errors = at_least_one(
        raw.max_unrecoverable_errors.as_ref(),
        MAX_ERRORS,
        source,
        report,
    );
    let mut caller_timeout = CALLER_TIMEOUT;
    Setter { source, report }.time(&raw.caller_timeout, &mut caller_timeout);
    let sections = Sections {
        acts: raw.acts.as_ref(),
        transfer_to: &raw.transfer_to,
        tools: &raw.tools,
        mcp: &raw.mcp,
    };
    let tools = crate::tools::check(&sections, source, report);
    let parts = Parts::read(raw, source, report);
    let brain = brain(raw, (&tools, parts.llm), source, report);
    Some(AgentConfig {
        agent_name: raw
            .agent_name
            .as_ref()
            .map_or_else(String::new, |name| name.value.clone()),
        turns,
        brain: brain?,
        stt: parts.stt,
        prices: Prices::read(raw, source, report),
        tts: parts.tts,
        tools,
        max_sessions,
        utc_offset,
        max_unrecoverable_errors,
        caller_timeout,
        announcement: None,
        wire: Wire::default(),
        voice_cache: None,
    })
}

/// All brains are checked, so that switching to another one holds no surprise.
fn brain(
    raw: &RawAgent,
    (tools, llm): (&ToolConfig, Vec<Wanted<dyn Llm>>),
    source: &Source,
    report: &mut Report,
) -> Option<BrainConfig> {
    let flow = raw
        .flow
        .as_ref()
        .and_then(|flow| crate::flow::check(flow, tools, source, report));
    let chat = raw
        .openai
        .as_ref()
        .and_then(|chat| chat_config(&chat.value, llm, source, report));
    let external = raw
        .external
        .as_ref()
        .map(|external| external_config(&external.value, source, report));
    let name = raw
        .brain
        .as_ref()
        .map_or("flow", |brain| brain.value.as_str());
    let brain = match name {
        "flow" => flow.map(|flow| BrainConfig::Flow(Arc::new(flow))),
        "openai" | "chat" => chat.map(|(chat, llm)| BrainConfig::Chat(Arc::new(chat), llm)),
        "external" => external.map(|external| BrainConfig::External(Arc::new(external))),
        other => {
            if let Some(brain) = &raw.brain {
                let what = format!("no brain is called `{other}`");
                report.at(source, brain, what, nearest(other, BRAINS));
            }
            return None;
        }
    };
    let written = match name {
        "flow" => raw.flow.is_some(),
        "openai" | "chat" => raw.openai.is_some(),
        _ => raw.external.is_some(),
    };
    if !written {
        missing(name, raw, source, report);
    }
    brain
}

const BRAINS: &[&str] = &["flow", "openai", "chat", "external"];

fn missing(section: &str, raw: &RawAgent, source: &Source, report: &mut Report) {
    let what = format!("the brain `{section}` has no section of its own");
    let remedy = format!("add `{section}:` to the file, or choose the other brain");
    match &raw.brain {
        Some(brain) => report.at(source, brain, what, remedy),
        None => report.file(source.name(), what, remedy),
    }
}

fn profile(name: Option<&Spanned<String>>, source: &Source, report: &mut Report) -> TurnConfig {
    let Some(name) = name else {
        return TurnConfig::phone();
    };
    match name.value.as_str() {
        "phone" => TurnConfig::phone(),
        "standard" => TurnConfig::standard(),
        other => {
            let what = format!("no profile is called `{other}`");
            report.at(source, name, what, nearest(other, &["phone", "standard"]));
            TurnConfig::phone()
        }
    }
}

fn offset(text: Option<&Spanned<String>>, source: &Source, report: &mut Report) -> UtcOffset {
    let Some(text) = text else {
        return UtcOffset::UTC;
    };
    let format = format_description!("[offset_hour sign:mandatory]:[offset_minute]");
    UtcOffset::parse(&text.value, format).unwrap_or_else(|_| {
        let remedy = "write hours and minutes, such as \"+01:00\"".to_owned();
        report.at(source, text, "this is no offset from UTC", remedy);
        UtcOffset::UTC
    })
}

fn at_least_one(
    value: Option<&Spanned<u32>>,
    default: u32,
    source: &Source,
    report: &mut Report,
) -> u32 {
    let Some(value) = value else { return default };
    if value.value == 0 {
        report.at(
            source,
            value,
            "none at all would be no agent",
            "write 1 or more".to_owned(),
        );
    }
    value.value
}

/// What the model is told, and who it is: `llm`, or the endpoint of this section.
fn chat_config(
    raw: &RawChat,
    llm: Vec<Wanted<dyn Llm>>,
    source: &Source,
    report: &mut Report,
) -> Option<(ChatConfig, Vec<Wanted<dyn Llm>>)> {
    let mut config = ChatConfig {
        instructions: raw.instructions.value.clone(),
        greeting: raw.greeting.clone(),
        apology: raw.apology.value.clone(),
        temperature: raw.temperature.as_ref().map(|value| value.value),
        max_tokens: raw.max_tokens,
        ..ChatConfig::default()
    };
    if let Some(steps) = raw.max_tool_steps {
        config.max_tool_steps = steps;
    }
    config.patience = patience(&raw.patience, source, report);
    if !llm.is_empty() {
        return Some((config, llm));
    }
    Some((config, vec![endpoint(raw, source, report)?]))
}

/// The endpoint of the section itself.
fn endpoint(raw: &RawChat, source: &Source, report: &mut Report) -> Option<Wanted<dyn Llm>> {
    let mut missing = |key: &str| {
        let what =
            format!("the section `openai` has no `{key}`, and there is no `llm` in its place");
        let remedy = format!("add a line `{key}: \u{2026}` to it, or a section `llm`");
        report.at(source, &raw.instructions, what, remedy);
    };
    if raw.base_url.is_none() {
        missing("base_url");
    }
    if raw.model.is_none() {
        missing("model");
    }
    let (base_url, model) = raw.base_url.as_ref().zip(raw.model.as_ref())?;
    if reqwest::Url::parse(&base_url.value).is_err() {
        let remedy = "write the whole address up to /v1".to_owned();
        report.at(source, base_url, "this is no web address", remedy);
    }
    let url = base_url.value.trim_end_matches('/').to_owned();
    let mut settings = ChatSettings::new(url.clone(), raw.api_key.clone(), model.value.clone());
    let mut set = Setter { source, report };
    set.time(&raw.first_byte_timeout, &mut settings.deadlines.first);
    set.time(&raw.total_timeout, &mut settings.deadlines.total);
    let plan = Plan::new(openai::NAME, move |kit: &Kit| {
        Arc::new(Chat::new(settings.clone(), kit.http.clone())) as Arc<dyn Llm>
    });
    Some(Wanted {
        plan: plan.at("openai.base_url", url),
        attempt: None,
        retries: None,
    })
}

fn external_config(raw: &RawExternal, source: &Source, report: &mut Report) -> ExternalConfig {
    let url = raw.url.value.trim();
    let parsed = reqwest::Url::parse(url).ok();
    let known = |url: &reqwest::Url| {
        matches!(url.scheme(), "http" | "https" | "ws" | "wss") && url.has_host()
    };
    if !parsed.as_ref().is_some_and(known) {
        let remedy = "write the whole address, such as https://example.com/turns, or \
                      wss://example.com/turns for a WebSocket"
            .to_owned();
        report.at(source, &raw.url, "no brain is reached there", remedy);
    }
    let mut config = ExternalConfig::new(url.to_owned());
    config.headers = headers(&raw.headers, source, report);
    config.greeting.clone_from(&raw.greeting);
    config.apology.clone_from(&raw.apology.value);
    config.early_turns = raw.early_turns.unwrap_or(config.early_turns);
    let mut set = Setter { source, report };
    set.time(&raw.first_byte_timeout, &mut config.first_byte);
    set.time(&raw.stall_timeout, &mut config.stall);
    set.time(&raw.total_timeout, &mut config.total);
    config
}

fn patience(raw: &RawPatience, source: &Source, report: &mut Report) -> Patience {
    let mut patience = Patience::default();
    if let Some(turns) = &raw.turns {
        if turns.value < 2 {
            let remedy = "write 2 or more, such as 6".to_owned();
            report.at(source, turns, "that is no patience", remedy);
        }
        patience.turns = turns.value;
    }
    if let Some(say) = &raw.say {
        patience.say.clone_from(&say.value);
    }
    patience.machine = raw.machine.as_ref().map(|text| text.value.clone());
    patience
}
