//! A dialogue as it is typed.

use std::collections::BTreeMap;

use serde::Deserialize;
use trunkline_service::config::Spanned;

/// The `flow` section.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawFlow {
    /// The first words.
    pub greeting: Spanned<String>,
    /// Fixed values for templates.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// Groups of words that mean the same.
    #[serde(default)]
    pub synonyms: Vec<Vec<String>>,
    /// What must be known.
    #[serde(default)]
    pub slots: BTreeMap<String, Spanned<RawSlot>>,
    /// What callers want.
    pub intents: BTreeMap<String, Spanned<RawIntent>>,
    /// Places in the dialogue with intents of their own.
    #[serde(default)]
    pub states: BTreeMap<String, Spanned<RawState>>,
    /// Keys of the telephone and the intents they mean.
    #[serde(default)]
    pub keys: BTreeMap<String, Spanned<String>>,
    /// Ways to learn or to do something.
    #[serde(default)]
    pub tools: BTreeMap<String, Spanned<RawTool>>,
    /// When nothing was understood.
    pub fallback: RawLadder,
    /// When the caller is silent.
    pub silence: RawLadder,
    /// When a part of the agent fails.
    pub apology: Spanned<String>,
    /// When an utterance counts as understood, and how it is asked back.
    #[serde(default)]
    pub understanding: RawUnderstanding,
    /// When a conversation leads nowhere.
    #[serde(default)]
    pub patience: RawPatience,
}

/// What must be known.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSlot {
    /// digits, date, time, number, name or yes_no.
    pub kind: Spanned<String>,
    /// For digits: how many, `6` or `6..8`.
    #[serde(default)]
    pub length: Option<Spanned<String>>,
    /// For a date: future, past or any.
    #[serde(default)]
    pub span: Option<Spanned<String>>,
    /// The question, then how it is asked again.
    pub ask: Vec<Spanned<String>>,
    /// Said when a part of the digits was given.
    #[serde(default)]
    pub more: Option<Spanned<String>>,
    /// Said to have the value confirmed.
    #[serde(default)]
    pub confirm: Option<Spanned<String>>,
    /// Whether the value is kept for later requests.
    #[serde(default)]
    pub keep: bool,
    /// The intent to follow when it was asked in vain.
    #[serde(default)]
    pub otherwise: Option<Spanned<String>>,
}

/// What callers want.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawIntent {
    /// How it is said.
    #[serde(default)]
    pub examples: Vec<Spanned<String>>,
    /// What it is, for "Would you like to …?".
    #[serde(default)]
    pub label: Option<Spanned<String>>,
    /// What must be known first.
    #[serde(default)]
    pub needs: Vec<Spanned<String>>,
    /// The tool to ask.
    #[serde(default)]
    pub call: Option<Spanned<String>>,
    /// The answer.
    #[serde(default)]
    pub say: Option<Spanned<String>>,
    /// `hang_up`, or `transfer` (which may be called `hand_off`), after the answer.
    #[serde(default, rename = "do")]
    pub act: Option<Spanned<String>>,
    /// For `transfer`: to whom, of `transfer_to`.
    #[serde(default)]
    pub to: Option<Spanned<String>>,
    /// The state that follows.
    #[serde(default)]
    pub then: Option<Spanned<String>>,
}

/// A place in the dialogue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawState {
    /// Said on the way in.
    #[serde(default)]
    pub say: Option<Spanned<String>>,
    /// The intent a plain yes means here.
    #[serde(default)]
    pub yes: Option<Spanned<String>>,
    /// The intent a plain no means here.
    #[serde(default)]
    pub no: Option<Spanned<String>>,
    /// Intents that only exist here.
    #[serde(default)]
    pub intents: BTreeMap<String, Spanned<RawIntent>>,
}

/// A way to learn or do something: one of the kinds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTool {
    /// A call to a web service that answers JSON.
    #[serde(default)]
    pub http: Option<RawHttp>,
    /// A list in this file.
    #[serde(default)]
    pub table: Option<RawTable>,
    /// A tool of the agent's: one of `tools`, or of a server under `mcp`.
    #[serde(default, rename = "use")]
    pub used: Option<Spanned<String>>,
    /// Its arguments; templates. Without them it gets the values of the slots by their names.
    #[serde(default)]
    pub with: BTreeMap<String, Spanned<String>>,
    /// Whether it changes something; an `http` tool does unless its method is GET.
    #[serde(default)]
    pub changes: Option<bool>,
    /// Said while it works.
    #[serde(default)]
    pub wait: Option<Spanned<String>>,
    /// Said when it does not.
    pub failed: Spanned<String>,
}

/// A call to a web service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawHttp {
    /// GET when absent.
    #[serde(default)]
    pub method: Option<Spanned<String>>,
    /// Where; a template.
    pub url: Spanned<String>,
    /// Extra headers; templates.
    #[serde(default)]
    pub headers: BTreeMap<String, Spanned<String>>,
    /// JSON to send; its values are templates.
    #[serde(default)]
    pub body: BTreeMap<String, Spanned<String>>,
    /// Five seconds when absent.
    #[serde(default)]
    pub timeout: Option<Spanned<String>>,
}

/// A list in this file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTable {
    /// The slot that picks the row.
    pub by: Spanned<String>,
    /// Rows by value; the values of a row are templates.
    #[serde(default)]
    pub rows: BTreeMap<String, BTreeMap<String, Spanned<String>>>,
    /// The row for every other value; without it those fail.
    #[serde(default)]
    pub otherwise: Option<BTreeMap<String, Spanned<String>>>,
}

/// What is said the first, second, … time, and what then.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLadder {
    /// In order.
    pub say: Vec<Spanned<String>>,
    /// The intent to follow after the last one.
    #[serde(default)]
    pub then: Option<Spanned<String>>,
}

/// When an utterance counts as understood.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawUnderstanding {
    /// Score from which a request is followed.
    pub accept: Option<Spanned<f32>>,
    /// Score from which it is asked back.
    pub clarify: Option<Spanned<f32>>,
    /// How it is asked back; `{label}` is the intent's label.
    pub question: Option<Spanned<String>>,
    /// Said when something was refused: "don't hang up".
    pub denied: Option<Spanned<String>>,
    /// Asked then, when no other question is open.
    pub resume: Option<Spanned<String>>,
    /// Said instead of the answer where nobody takes calls over.
    pub nobody: Option<Spanned<String>>,
    /// Said when a transfer failed.
    pub not_transferred: Option<Spanned<String>>,
    /// Said to a day the calendar does not have; `{said}` is the day.
    pub no_such_day: Option<Spanned<String>>,
    /// Said to a day that is over.
    pub past: Option<Spanned<String>>,
    /// Said to a day that is still to come where a past one is asked for.
    pub ahead: Option<Spanned<String>>,
    /// Said when weekday and date do not fit; `{said}` is "December 5 is a Saturday".
    pub weekday: Option<Spanned<String>>,
    /// Asked when several days or times were said.
    pub several: Option<Spanned<String>>,
}

/// When a conversation leads nowhere.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawPatience {
    /// Turns in a row without any progress that end the call.
    pub turns: Option<Spanned<u32>>,
    /// Said then.
    pub say: Option<Spanned<String>>,
    /// Said to a machine before the call is ended; nothing when absent.
    pub machine: Option<Spanned<String>>,
}
