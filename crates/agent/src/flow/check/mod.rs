//! From what was typed to a dialogue without mistakes: every problem is reported, with its place.

mod acts;
mod lines;
mod slots;
mod tools;

use std::collections::{BTreeMap, BTreeSet};

use trunkline_service::config::{Report, Source, Spanned, nearest};

use super::intents::Matcher;
use super::model::{Flow, Intent, Ladder, Place};
use super::raw::{RawFlow, RawIntent, RawLadder, RawState};
use super::template::{FILTERS, Template, TemplateError};
use crate::brain::Act;
use crate::tools::ToolConfig;

/// Checks a dialogue. Problems go to the report; with any, the flow must not be used.
pub fn check(
    raw: &RawFlow,
    tools: &ToolConfig,
    source: &Source,
    report: &mut Report,
) -> Option<Flow> {
    let before = report.problems().len();
    let mut checker = Checker {
        raw,
        tools,
        source,
        report,
        names: names(raw),
        intents: intent_names(raw),
    };
    let flow = checker.flow();
    (report.problems().len() == before).then_some(flow)
}

struct Checker<'a> {
    raw: &'a RawFlow,
    /// What the agent has besides the flow.
    tools: &'a ToolConfig,
    source: &'a Source,
    report: &'a mut Report,
    /// What a template may name.
    names: BTreeSet<String>,
    intents: BTreeSet<String>,
}

const KINDS: &[&str] = &["digits", "date", "time", "number", "name", "yes_no"];
/// Scores that worked on telephone-quality transcripts; higher asks back more often, lower
/// mistakes more.
const ACCEPT: f32 = 0.55;
const CLARIFY: f32 = 0.38;

fn names(raw: &RawFlow) -> BTreeSet<String> {
    let builtin = ["today", "tomorrow", "time"].map(str::to_owned);
    raw.values
        .keys()
        .chain(raw.slots.keys())
        .chain(raw.tools.keys())
        .cloned()
        .chain(builtin)
        .collect()
}

fn intent_names(raw: &RawFlow) -> BTreeSet<String> {
    let local = raw.states.iter().flat_map(|(state, raw)| {
        raw.value
            .intents
            .keys()
            .map(move |intent| format!("{state}/{intent}"))
    });
    raw.intents.keys().cloned().chain(local).collect()
}

impl Checker<'_> {
    fn flow(&mut self) -> Flow {
        let raw = self.raw;
        let mut intents: BTreeMap<String, Intent> = BTreeMap::new();
        let mut examples: Vec<(String, Vec<String>)> = Vec::new();
        let globals = raw
            .intents
            .iter()
            .map(|(name, intent)| (name.clone(), intent));
        let locals = raw.states.iter().flat_map(|(state, place)| {
            place
                .value
                .intents
                .iter()
                .map(move |(name, intent)| (format!("{state}/{name}"), intent))
        });
        for (name, intent) in globals.chain(locals) {
            let sentences = intent
                .value
                .examples
                .iter()
                .map(|example| example.value.clone());
            examples.push((name.clone(), sentences.collect()));
            intents.insert(name, self.intent(intent));
        }
        if raw.intents.is_empty() {
            let what = "a flow without intents understands nothing";
            self.report.at(
                self.source,
                &raw.greeting,
                what,
                "add at least one under `intents`".to_owned(),
            );
        }
        let matcher = Matcher::new(
            examples
                .iter()
                .map(|(name, list)| (name.as_str(), list.as_slice())),
            &raw.synonyms,
        );
        let understanding = &raw.understanding;
        Flow {
            greeting: self.template(&raw.greeting),
            values: raw.values.clone(),
            slots: raw
                .slots
                .iter()
                .map(|(name, slot)| (name.clone(), self.slot(slot)))
                .collect(),
            intents,
            states: raw
                .states
                .iter()
                .map(|(name, place)| (name.clone(), self.place(name, place)))
                .collect(),
            keys: raw
                .keys
                .iter()
                .filter_map(|(key, intent)| self.key(key, intent))
                .collect(),
            tools: raw
                .tools
                .iter()
                .filter_map(|(name, tool)| Some((name.clone(), self.tool(tool)?)))
                .collect(),
            fallback: self.ladder(&raw.fallback),
            silence: self.ladder(&raw.silence),
            apology: raw.apology.value.clone(),
            matcher,
            accept: self.share(understanding.accept.as_ref(), ACCEPT),
            clarify: self.share(understanding.clarify.as_ref(), CLARIFY),
            wording: self.wording(understanding),
            patience: self.patience(&raw.patience),
        }
    }

    fn intent(&mut self, spanned: &Spanned<RawIntent>) -> Intent {
        let raw = &spanned.value;
        if raw.say.is_none() && raw.act.is_none() && raw.then.is_none() {
            let remedy = "add `say`, `do` or `then`".to_owned();
            self.report
                .at(self.source, spanned, "this intent does nothing", remedy);
        }
        for example in &raw.examples {
            if super::words::tokens(&example.value).is_empty() {
                let remedy = "write a sentence as a caller would say it".to_owned();
                self.report
                    .at(self.source, example, "this example has no words", remedy);
            }
        }
        for slot in &raw.needs {
            self.known(
                slot,
                "slot",
                self.raw.slots.contains_key(&slot.value),
                |raw| raw.slots.keys().cloned().collect(),
            );
        }
        if let Some(tool) = &raw.call {
            self.known(
                tool,
                "tool",
                self.raw.tools.contains_key(&tool.value),
                |raw| raw.tools.keys().cloned().collect(),
            );
        }
        if let Some(then) = &raw.then {
            self.known(
                then,
                "state",
                self.raw.states.contains_key(&then.value),
                |raw| raw.states.keys().cloned().collect(),
            );
        }
        let (act, vacant) = self.act(raw);
        let label = match &act {
            Some(Act::HangUp(_)) => "end the call",
            Some(Act::Transfer { .. }) => "speak to a person",
            Some(Act::SendKeys(_) | Act::SetAttribute { .. }) | None => "go on with that",
        };
        Intent {
            label: self.line(raw.label.as_ref(), label),
            labelled: raw.label.is_some(),
            needs: raw.needs.iter().map(|slot| slot.value.clone()).collect(),
            call: raw.call.as_ref().map(|tool| tool.value.clone()),
            say: raw.say.as_ref().map(|text| self.template(text)),
            act,
            vacant,
            then: raw.then.as_ref().map(|state| state.value.clone()),
        }
    }

    fn place(&mut self, name: &str, spanned: &Spanned<RawState>) -> Place {
        let raw = &spanned.value;
        let mut local = |intent: &Spanned<String>| {
            let here = format!("{name}/{}", intent.value);
            if self.intents.contains(&here) {
                here
            } else {
                self.follow(intent)
            }
        };
        let yes = raw.yes.as_ref().map(&mut local);
        let no = raw.no.as_ref().map(&mut local);
        Place {
            say: raw.say.as_ref().map(|text| self.template(text)),
            yes,
            no,
        }
    }

    fn key(&mut self, key: &str, intent: &Spanned<String>) -> Option<(String, String)> {
        if key.len() != 1 || !key.chars().all(|c| c.is_ascii_digit() || c == '*') {
            let what = format!("`{key}` is no key of a telephone");
            self.report
                .at(self.source, intent, what, "use 0 to 9 or *".to_owned());
            return None;
        }
        Some((key.to_owned(), self.follow(intent)))
    }

    fn ladder(&mut self, raw: &RawLadder) -> Ladder {
        Ladder {
            say: raw.say.iter().map(|text| self.template(text)).collect(),
            then: raw.then.as_ref().map(|intent| self.follow(intent)),
        }
    }

    fn templates(&mut self, raw: &BTreeMap<String, Spanned<String>>) -> BTreeMap<String, Template> {
        raw.iter()
            .map(|(key, text)| (key.clone(), self.template(text)))
            .collect()
    }

    fn template(&mut self, text: &Spanned<String>) -> Template {
        let template = self.parse(text);
        let unknown: Vec<String> = template
            .names()
            .filter(|name| !self.names.contains(*name))
            .map(str::to_owned)
            .collect();
        for name in unknown {
            let known: Vec<&str> = self.names.iter().map(String::as_str).collect();
            let remedy = nearest(&name, &known);
            self.report.at(
                self.source,
                text,
                format!("nothing is called `{name}`"),
                remedy,
            );
        }
        template
    }

    fn parse(&mut self, text: &Spanned<String>) -> Template {
        match Template::parse(&text.value) {
            Ok(template) => template,
            Err(error) => {
                let remedy = match &error {
                    TemplateError::Filter(name) => nearest(name, FILTERS),
                    TemplateError::Brace | TemplateError::Empty => {
                        "write a place as {name} or {name|filter}".to_owned()
                    }
                };
                self.report.at(self.source, text, error.to_string(), remedy);
                Template::default()
            }
        }
    }

    /// The name of an intent that is followed without being said.
    fn follow(&mut self, intent: &Spanned<String>) -> String {
        self.known(
            intent,
            "intent",
            self.intents.contains(&intent.value),
            intent_list,
        );
        intent.value.clone()
    }

    fn known(
        &mut self,
        name: &Spanned<String>,
        what: &str,
        is_known: bool,
        list: impl Fn(&RawFlow) -> Vec<String>,
    ) {
        if is_known {
            return;
        }
        let all = list(self.raw);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let remedy = nearest(&name.value, &all);
        self.report.at(
            self.source,
            name,
            format!("no {what} is called `{}`", name.value),
            remedy,
        );
    }

    fn share(&mut self, value: Option<&Spanned<f32>>, default: f32) -> f32 {
        let Some(value) = value else { return default };
        if !(0.0..=1.0).contains(&value.value) {
            self.report
                .at(self.source, value, "a score lies between 0 and 1", None);
        }
        value.value
    }
}

fn intent_list(raw: &RawFlow) -> Vec<String> {
    raw.intents.keys().cloned().collect()
}
