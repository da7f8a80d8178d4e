//! A request being served: its slots asked for one by one, its tool called, what it comes to.

use super::{Step, Stepper};
use crate::brain::Act;
use crate::flow::model::{Intent, Slot};
use crate::flow::slots::{Found, SlotKind, Value};
use crate::flow::state::Doing;
use crate::turn::Verdict;

impl Stepper<'_> {
    /// Begins to serve a request; slots the same sentence fills are not asked for. `sure` is
    /// whether what cannot be undone may follow without asking.
    pub(super) fn start(&mut self, intent: &str, text: &str, sure: bool) -> Verdict {
        self.state.offered = None;
        let mut doing = Doing::new(intent);
        doing.sure = sure;
        let mut verdict = Verdict::Complete;
        let (mut unclear, mut full) = (None, false);
        let needs = self
            .intent(intent)
            .map(|intent| intent.needs.clone())
            .unwrap_or_default();
        for name in needs {
            let Some(slot) = self.flow.slots.get(&name) else {
                continue;
            };
            if slot.kind == SlotKind::YesNo {
                continue;
            }
            match slot.kind.find(text, "", false, self.now.date()) {
                Found::Whole(value) => {
                    full |= is_full(slot, &value);
                    self.note_value(&name, &value);
                    self.state.values.insert(name, value);
                }
                Found::Part(part) => {
                    doing.partial = part;
                    verdict = Verdict::Incomplete;
                }
                Found::Unclear(why) => unclear = Some((name, why)),
                Found::Nothing => {}
            }
        }
        self.state.doing = Some(doing);
        if let Some((name, why)) = unclear
            && self.missing(intent) == Some(&name)
            && let Some(slot) = self.flow.slots.get(&name)
        {
            return self.unclear(&name, slot, &why);
        }
        if full && verdict == Verdict::Complete && self.missing(intent).is_none() {
            verdict = Verdict::Whole;
        }
        self.pursue();
        verdict
    }

    /// The first slot of a request that has no value.
    fn missing(&self, intent: &str) -> Option<&String> {
        let needs = self.flow.intents.get(intent).map(|intent| &intent.needs);
        needs
            .into_iter()
            .flatten()
            .find(|name| !self.state.values.contains_key(*name))
    }

    fn note_value(&mut self, name: &str, value: &Value) {
        self.found = true;
        self.reached(format!("value {name} {value:?}"));
    }

    pub(super) fn filled(&mut self, name: &str, value: Value) -> Verdict {
        let full = self
            .flow
            .slots
            .get(name)
            .is_some_and(|slot| is_full(slot, &value));
        self.note_value(name, &value);
        self.state.recording.refute();
        self.state.values.insert(name.to_owned(), value);
        if let Some(doing) = &mut self.state.doing {
            doing.partial.clear();
            doing.choices.clear();
            doing.tries = 0;
            doing.confirmed.retain(|confirmed| confirmed != name);
        }
        self.pursue();
        if full {
            Verdict::Whole
        } else {
            Verdict::Complete
        }
    }

    pub(super) fn confirmed(&mut self, name: &str) -> Verdict {
        let value = self.state.values.get(name);
        self.reached(format!("confirmed {name} {value:?}"));
        if let Some(doing) = &mut self.state.doing {
            doing.confirmed.push(name.to_owned());
        }
        self.pursue();
        Verdict::Complete
    }

    pub(super) fn ask_afresh(&mut self, name: &str) -> Verdict {
        self.state.values.remove(name);
        if let Some(doing) = &mut self.state.doing {
            doing.tries = 0;
        }
        self.pursue();
        Verdict::Complete
    }

    /// Goes on with the present request as far as it gets.
    pub(super) fn pursue(&mut self) {
        let Some(doing) = &mut self.state.doing else {
            return;
        };
        doing.confirming = false;
        let Some(intent) = self.flow.intents.get(&doing.intent) else {
            return;
        };
        for name in &intent.needs {
            let Some(slot) = self.flow.slots.get(name) else {
                continue;
            };
            if !self.state.values.contains_key(name) {
                return self.ask(name);
            }
            let confirmed = self
                .state
                .doing
                .as_ref()
                .is_some_and(|doing| doing.confirmed.iter().any(|done| done == name));
            if let Some(confirm) = slot.confirm.as_ref().filter(|_| !confirmed) {
                if let Some(doing) = &mut self.state.doing {
                    doing.slot = Some(name.clone());
                    doing.confirming = true;
                }
                return self.say(confirm);
            }
        }
        if let Some(doing) = &mut self.state.doing {
            doing.slot = None;
        }
        let granted = self
            .state
            .doing
            .as_ref()
            .is_some_and(|doing| doing.sure || !doing.confirmed.is_empty());
        let acts = intent.act.is_some() && !intent.vacant;
        if !granted && (acts || self.flow.changes(intent)) {
            let name = self.state.doing.as_ref().map(|doing| doing.intent.clone());
            self.offer(&name.unwrap_or_default(), "");
            return;
        }
        if let Some(name) = &intent.call {
            if let Some(wait) = self
                .flow
                .tools
                .get(name)
                .and_then(|tool| tool.wait.as_ref())
            {
                self.say(wait);
            }
            self.steps.push(Step::Call(name.clone()));
            return;
        }
        self.conclude(intent);
    }

    pub(super) fn called(&mut self, tool: &str, result: Option<serde_json::Value>) {
        let intent = self.state.doing.as_ref().map(|doing| doing.intent.clone());
        let intent = intent.and_then(|name| self.flow.intents.get(&name));
        match (result, intent) {
            (Some(result), Some(intent)) => {
                self.state
                    .values
                    .insert(tool.to_owned(), Value::Json(result));
                self.conclude(intent);
            }
            (Some(_), None) => {}
            (None, intent) => {
                if let Some(tool) = self.flow.tools.get(tool) {
                    self.say(&tool.failed);
                }
                self.forget(intent);
                // A value that led nowhere is not used again.
                for name in intent
                    .map(|intent| intent.needs.as_slice())
                    .unwrap_or_default()
                {
                    self.state.values.remove(name);
                }
            }
        }
    }

    /// Says and does what the request comes to.
    fn conclude(&mut self, intent: &Intent) {
        if intent.vacant {
            self.say(&self.flow.wording.nobody);
        } else if let Some(say) = &intent.say {
            self.say(say);
        }
        if let Some(act) = intent.act.as_ref().filter(|_| !intent.vacant) {
            self.act(act.clone());
        }
        self.state.place.clone_from(&intent.then);
        // Who is put through is not asked for more, unless it fails.
        let leaves = matches!(intent.act, Some(Act::Transfer { .. })) && !intent.vacant;
        let line = intent
            .then
            .as_ref()
            .filter(|_| !leaves)
            .and_then(|place| self.flow.states.get(place))
            .and_then(|place| place.say.as_ref());
        if let Some(line) = line {
            self.say(line);
        }
        self.forget(Some(intent));
    }

    /// The request that is being served is not served any more.
    pub(super) fn give_up(&mut self) {
        let intent = self.state.doing.as_ref().map(|doing| doing.intent.clone());
        self.forget(intent.and_then(|name| self.intent(&name)));
    }

    pub(super) fn give_up_on(&mut self, intent: &str) {
        if self
            .state
            .doing
            .as_ref()
            .is_some_and(|doing| doing.intent == intent)
        {
            self.give_up();
        }
    }

    fn forget(&mut self, intent: Option<&Intent>) {
        self.state.doing = None;
        for name in intent
            .map(|intent| intent.needs.as_slice())
            .unwrap_or_default()
        {
            if self.flow.slots.get(name).is_some_and(|slot| !slot.keep) {
                self.state.values.remove(name);
            }
        }
    }

    pub(super) fn ask(&mut self, name: &str) {
        let Some(slot) = self.flow.slots.get(name) else {
            return;
        };
        let Some(doing) = &mut self.state.doing else {
            return;
        };
        let tries = doing.tries;
        doing.slot = Some(name.to_owned());
        doing.confirming = false;
        doing.tries += 1;
        let line = if tries == 0 && !doing.partial.is_empty() {
            Some(&slot.more)
        } else {
            slot.ask.get(tries).or_else(|| slot.ask.last())
        };
        if let Some(line) = line {
            self.say(line);
        }
    }
}

/// Whether a number is as long as it can be: nothing more is waited for.
fn is_full(slot: &Slot, value: &Value) -> bool {
    match (&slot.kind, value) {
        (SlotKind::Digits { max, .. }, Value::Text(digits)) => digits.len() == *max,
        _ => false,
    }
}
