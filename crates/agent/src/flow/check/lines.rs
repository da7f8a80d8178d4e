//! The lines a flow has by itself, and its patience.

use trunkline_service::config::Spanned;

use super::Checker;
use crate::flow::model::{Patience, Wording};
use crate::flow::raw::{RawPatience, RawUnderstanding};
use crate::flow::template::Template;

/// Turns without progress that end a call: both fallback lines, the offer of a person, and half
/// as much again.
const TURNS: u32 = 6;

const GIVEN_UP: &str = "I'm sorry, we are not getting anywhere. Please call again. Goodbye.";

impl Checker<'_> {
    pub(super) fn wording(&mut self, raw: &RawUnderstanding) -> Wording {
        let mut line = |text: &Option<Spanned<String>>, place: &str, default: &str| match text {
            Some(text) => self.named_template(text, place),
            None => Template::parse(default).unwrap_or_default(),
        };
        Wording {
            question: line(&raw.question, "label", "Would you like to {label}?"),
            no_such_day: line(&raw.no_such_day, "said", "I'm sorry, there is no {said}."),
            past: line(&raw.past, "said", "I'm sorry, {said} is already over."),
            ahead: line(&raw.ahead, "said", "I'm sorry, {said} is still to come."),
            weekday: line(
                &raw.weekday,
                "said",
                "I'm not sure which day you mean: {said}.",
            ),
            several: line(&raw.several, "said", "Which one do you mean: {said}?"),
            nobody: self.line(
                raw.nobody.as_ref(),
                "I'm sorry, I cannot put you through to anybody from here.",
            ),
            not_transferred: self.line(
                raw.not_transferred.as_ref(),
                "I'm sorry, I could not put you through just now.",
            ),
            denied: self.line(raw.denied.as_ref(), "All right, I won't do that."),
            resume: self.line(raw.resume.as_ref(), "What can I do for you?"),
        }
    }

    pub(super) fn patience(&mut self, raw: &RawPatience) -> Patience {
        let turns = raw.turns.as_ref().map_or(TURNS, |turns| {
            if turns.value < 2 {
                let remedy = "write 2 or more, such as 6".to_owned();
                self.report
                    .at(self.source, turns, "that is no patience", remedy);
            }
            turns.value
        });
        Patience {
            turns: usize::from(u16::try_from(turns).unwrap_or(u16::MAX)),
            say: Some(self.line(raw.say.as_ref(), GIVEN_UP)),
            machine: raw.machine.as_ref().map(|text| self.template(text)),
        }
    }

    pub(super) fn line(&mut self, text: Option<&Spanned<String>>, default: &str) -> Template {
        match text {
            Some(text) => self.template(text),
            None => Template::parse(default).unwrap_or_default(),
        }
    }

    /// A line of the flow's own, in which something must be named.
    pub(super) fn named_template(&mut self, text: &Spanned<String>, place: &str) -> Template {
        let template = self.parse(text);
        if !template.names().any(|name| name == place) {
            let remedy = format!("write {{{place}}} where it is named");
            let what = "this line does not name what it is about";
            self.report.at(self.source, text, what, remedy);
        }
        template
    }
}
