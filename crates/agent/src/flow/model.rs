//! The checked dialogue.

use std::collections::BTreeMap;

use super::intents::Matcher;
use super::slots::SlotKind;
use super::template::Template;
use crate::brain::Act;
use crate::tools::Exchange;

/// A dialogue without mistakes, shared by all conversations.
#[derive(Clone, Debug)]
pub struct Flow {
    pub(super) greeting: Template,
    pub(super) values: BTreeMap<String, String>,
    pub(super) slots: BTreeMap<String, Slot>,
    /// By name; those of a state are called `state/name`.
    pub(super) intents: BTreeMap<String, Intent>,
    pub(super) states: BTreeMap<String, Place>,
    pub(super) keys: BTreeMap<String, String>,
    pub(super) tools: BTreeMap<String, Tool>,
    pub(super) fallback: Ladder,
    pub(super) silence: Ladder,
    pub(super) apology: String,
    pub(super) matcher: Matcher,
    pub(super) accept: f32,
    pub(super) clarify: f32,
    pub(super) wording: Wording,
    pub(super) patience: Patience,
}

/// What the flow says by itself.
#[derive(Clone, Debug)]
pub(super) struct Wording {
    /// Asks back; `{label}` is the request.
    pub(super) question: Template,
    /// What was refused is not done.
    pub(super) denied: Template,
    /// No question is open.
    pub(super) resume: Template,
    /// There is nobody to transfer the call to.
    pub(super) nobody: Template,
    /// A transfer failed.
    pub(super) not_transferred: Template,
    pub(super) no_such_day: Template,
    pub(super) past: Template,
    pub(super) ahead: Template,
    pub(super) weekday: Template,
    pub(super) several: Template,
}

/// How long a conversation may lead nowhere.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    pub(super) turns: usize,
    /// Said before the call is ended for want of progress.
    pub(super) say: Option<Template>,
    /// Said to a machine before the call is ended.
    pub(super) machine: Option<Template>,
}

#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) kind: SlotKind,
    pub(super) ask: Vec<Template>,
    pub(super) more: Template,
    pub(super) confirm: Option<Template>,
    pub(super) keep: bool,
    pub(super) otherwise: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Intent {
    /// What it is, for "Would you like to …?".
    pub(super) label: Template,
    /// The label was written, so that it may be offered.
    pub(super) labelled: bool,
    pub(super) needs: Vec<String>,
    pub(super) call: Option<String>,
    pub(super) say: Option<Template>,
    pub(super) act: Option<Act>,
    /// The act is a transfer, and there is nobody to transfer to.
    pub(super) vacant: bool,
    pub(super) then: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) say: Option<Template>,
    pub(super) yes: Option<String>,
    pub(super) no: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Ladder {
    pub(super) say: Vec<Template>,
    pub(super) then: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub(super) work: Work,
    /// It changes something.
    pub(super) changes: bool,
    pub(super) wait: Option<Template>,
    pub(super) failed: Template,
}

#[derive(Clone, Debug)]
pub(super) enum Work {
    Http(Http),
    Table(Table),
    Used(Used),
}

#[derive(Clone, Debug)]
pub(super) struct Http {
    pub(super) exchange: Exchange,
    pub(super) url: Template,
    pub(super) headers: BTreeMap<String, Template>,
    pub(super) body: BTreeMap<String, Template>,
}

/// A tool of the agent's.
#[derive(Clone, Debug)]
pub(super) struct Used {
    pub(super) name: String,
    pub(super) with: BTreeMap<String, Template>,
}

#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) by: String,
    pub(super) rows: BTreeMap<String, BTreeMap<String, Template>>,
    pub(super) otherwise: Option<BTreeMap<String, Template>>,
}

impl Flow {
    /// Whether an intent can be meant in this state.
    pub(super) fn reachable(&self, intent: &str, state: Option<&str>) -> bool {
        match intent.split_once('/') {
            None => true,
            Some((place, _)) => state == Some(place),
        }
    }

    /// Whether a request changes something by its tool.
    pub(super) fn changes(&self, intent: &Intent) -> bool {
        let tool = intent.call.as_ref().and_then(|name| self.tools.get(name));
        tool.is_some_and(|tool| tool.changes)
    }

    /// The addresses its tools call, by the tool's name.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (&str, String)> {
        self.tools
            .iter()
            .filter_map(|(name, tool)| match &tool.work {
                Work::Http(http) => Some((name.as_str(), http.url.written())),
                Work::Table(_) | Work::Used(_) => None,
            })
    }

    /// Every sentence that is the same for all callers.
    pub(super) fn fixed(&self) -> Vec<String> {
        let ladders = self.fallback.say.iter().chain(&self.silence.say);
        let slots = self
            .slots
            .values()
            .flat_map(|slot| slot.ask.iter().chain([&slot.more]));
        let intents = self
            .intents
            .values()
            .filter_map(|intent| intent.say.as_ref());
        let places = self.states.values().filter_map(|place| place.say.as_ref());
        let tools = self
            .tools
            .values()
            .flat_map(|tool| tool.wait.iter().chain([&tool.failed]));
        let wording = &self.wording;
        let wording = [
            &wording.denied,
            &wording.resume,
            &wording.nobody,
            &wording.not_transferred,
        ];
        let patience = self.patience.say.iter().chain(&self.patience.machine);
        let own = |template: &Template| {
            template
                .names()
                .all(|name| self.values.contains_key(name))
                .then(|| self.plain(template))
        };
        [&self.greeting]
            .into_iter()
            .chain(slots)
            .chain(intents)
            .chain(places)
            .chain(ladders)
            .chain(tools)
            .chain(wording)
            .chain(patience)
            .filter_map(own)
            .chain([self.apology.clone()])
            .collect()
    }

    /// A text that needs no more than the fixed values.
    pub(super) fn plain(&self, template: &Template) -> String {
        template.fill(|name| {
            self.values
                .get(name)
                .cloned()
                .map(super::slots::Value::Text)
        })
    }
}
