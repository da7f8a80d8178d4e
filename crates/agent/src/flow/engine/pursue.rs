//! A request being served: its slots asked for one by one, its tool called, what it comes to.

use super::{Step, Stepper};
use crate::flow::model::Intent;
use crate::flow::slots::{Found, SlotKind, Value};
use crate::flow::state::Doing;
use crate::turn::Verdict;

impl Stepper<'_> {
    /// Begins to serve a request; slots the same sentence fills are not asked for.
    pub(super) fn start(&mut self, intent: &str, text: &str) -> Verdict {
        self.state.misses = 0;
        self.state.offered = None;
        let mut doing = Doing::new(intent);
        let mut verdict = Verdict::Complete;
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
                    self.state.values.insert(name, value);
                }
                Found::Part(part) => {
                    doing.partial = part;
                    verdict = Verdict::Incomplete;
                }
                Found::Nothing => {}
            }
        }
        self.state.doing = Some(doing);
        self.pursue();
        verdict
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
        if let Some(say) = &intent.say {
            self.say(say);
        }
        if let Some(act) = &intent.act {
            self.act(act.clone());
        }
        self.state.place.clone_from(&intent.then);
        let line = intent
            .then
            .as_ref()
            .and_then(|place| self.flow.states.get(place))
            .and_then(|place| place.say.as_ref());
        if let Some(line) = line {
            self.say(line);
        }
        self.forget(Some(intent));
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
