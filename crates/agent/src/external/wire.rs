//! What goes over the wire, as `docs/brains.md` has it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::course::Course;
use crate::brain::{Act, ExternalError, Facts, Farewell, Question};
use crate::tools::Powers;
use crate::turn::Heard;

/// Longest line that is read.
pub(super) const LONGEST_LINE: usize = 64 * 1024;

/// One line of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Line {
    /// Which turn it answers; over HTTP that is known.
    pub(super) turn: Option<u64>,
    /// Whole sentences.
    pub(super) say: Option<String>,
    /// A piece of a sentence.
    pub(super) delta: Option<String>,
    pub(super) set_attribute: BTreeMap<String, String>,
    pub(super) send_dtmf: Option<String>,
    pub(super) transfer: Option<String>,
    pub(super) hang_up: bool,
    /// There are no more lines.
    pub(super) done: bool,
    /// The program cannot answer.
    pub(super) error: Option<String>,
}

impl Line {
    /// Reads a line; an empty one says that the program is still there.
    pub(super) fn parse(text: &str) -> Result<Self, ExternalError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::default());
        }
        if text.len() > LONGEST_LINE {
            return Err(ExternalError::Garbled);
        }
        let line: Self = serde_json::from_str(text).map_err(|_| ExternalError::Garbled)?;
        match line.error {
            // What it says is for its own log: it may quote the caller.
            Some(_) => Err(ExternalError::Failed),
            None => Ok(line),
        }
    }

    /// The words of it.
    pub(super) fn text(&self) -> String {
        match (&self.delta, &self.say) {
            (None, None) => String::new(),
            (Some(delta), None) => delta.clone(),
            (delta, Some(say)) => format!("{}{say}\n", delta.as_deref().unwrap_or_default()),
        }
    }

    /// What it wants done, in order.
    pub(super) fn acts(self) -> Vec<Act> {
        let set = self.set_attribute.into_iter();
        let set = set.map(|(key, value)| Act::SetAttribute { key, value });
        set.chain(self.send_dtmf.map(Act::SendKeys))
            .chain(self.transfer.map(|to| Act::Transfer { to }))
            .chain(self.hang_up.then_some(Act::HangUp(Farewell::Done)))
            .collect()
    }
}

/// What every turn of a conversation has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'a> {
    pub(super) conversation: &'a str,
    pub(super) call: &'a Facts,
    pub(super) powers: &'a Powers,
}

#[derive(Serialize)]
struct Whom<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

impl Setting<'_> {
    /// A turn, as it is sent.
    pub(super) fn turn(
        &self,
        number: u64,
        question: &Question,
        course: &Course,
        now: OffsetDateTime,
    ) -> Json {
        let Facts {
            room,
            call,
            identity,
            attributes,
        } = self.call;
        let whom = self.powers.targets.iter().map(|(name, target)| Whom {
            name,
            description: target.description.as_deref(),
        });
        let whom: Vec<Whom<'_>> = whom.filter(|_| self.powers.transfer).collect();
        let mut turn = json!({
            "type": "turn",
            "conversation": self.conversation,
            "turn": number,
            "time": now.format(&Rfc3339).unwrap_or_default(),
            "call": {
                "room": room.to_string(),
                "id": call.as_ref().map(ToString::to_string),
                "identity": identity.expose(),
                "attributes": attributes.expose(),
            },
            "acts": self.powers.acts(),
            "transfer_to": whom,
            "history": course.history,
            "heard": course.heard,
            "refused": course.refused,
        });
        if let (Json::Object(turn), Json::Object(asked)) = (&mut turn, asked(question)) {
            turn.extend(asked);
        }
        turn
    }
}

fn asked(question: &Question) -> Json {
    match question {
        Question::Heard(Heard::Speech(text)) => json!({"event": "speech", "text": text.expose()}),
        Question::Heard(Heard::Digits(keys)) => json!({"event": "keys", "text": keys.expose()}),
        Question::Silence(times) => json!({"event": "silence", "times": times}),
        Question::Undone(undone) => json!({
            "event": "undone",
            "act": act_name(&undone.act),
            "why": undone.why,
        }),
    }
}

/// An act by the name that it is asked for with.
pub(super) fn act_name(act: &Act) -> &'static str {
    match act {
        Act::HangUp(_) => "hang_up",
        Act::Transfer { .. } => "transfer",
        Act::SendKeys(_) => "send_dtmf",
        Act::SetAttribute { .. } => "set_attribute",
    }
}
