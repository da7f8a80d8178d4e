//! One ladder for a conversation that does not advance: asked again, asked otherwise, a person
//! offered, ended with a reason. Only what the caller achieves leads back to its foot; an answer
//! to silence, a question back and an offer are steps on it like any other.

use super::choose::Consequence;
use super::{Step, Stepper};
use crate::brain::{Act, Farewell};
use crate::flow::model::Slot;
use crate::flow::said::{clauses, wish};
use crate::flow::slots::{Unclear, Value};
use crate::flow::state::Offered;
use crate::turn::Verdict;

/// A slot is asked for at least this often before a person is offered.
const MOST_TRIES: usize = 3;

/// What a step that led nowhere counts.
const WHOLE: usize = 2;

/// Things achieved in one call that are kept apart.
const MOST_REACHED: usize = 256;

impl Stepper<'_> {
    /// The conversation got somewhere, if it had not been there before.
    pub(super) fn reached(&mut self, what: String) {
        if self.state.reached.len() < MOST_REACHED && self.state.reached.insert(what) {
            self.advanced = true;
            self.state.misses = 0;
        }
    }

    /// Counts a step that led nowhere, and by half one that only led where the caller had been;
    /// too many end the call.
    pub(super) fn lose_patience(&mut self) {
        if self.advanced {
            self.state.stalls = 0;
            return;
        }
        self.state.stalls += if self.served { 1 } else { WHOLE };
        let ends = self
            .steps
            .iter()
            .any(|step| matches!(step, Step::Act(Act::HangUp(_))));
        if self.state.stalls >= WHOLE * self.flow.patience.turns && !ends {
            self.leave(Farewell::NoProgress);
        }
    }

    pub(super) fn hang_up_on_machine(&mut self) {
        self.leave(Farewell::Machine);
    }

    fn leave(&mut self, farewell: Farewell) {
        self.steps.clear();
        self.state.answer.begin();
        self.state.doing = None;
        self.state.offered = None;
        self.farewell = farewell;
        let line = match farewell {
            Farewell::Machine => self.flow.patience.machine.as_ref(),
            Farewell::Done | Farewell::Silence | Farewell::NoProgress => {
                self.flow.patience.say.as_ref()
            }
        };
        if let Some(line) = line {
            self.say(line);
        }
        self.act(Act::HangUp(farewell));
    }

    pub(super) fn silence(&mut self, times: u32) -> Verdict {
        let index = usize::try_from(times.saturating_sub(1)).unwrap_or(usize::MAX);
        let ladder = &self.flow.silence;
        self.state.presence = true;
        match (ladder.say.get(index), &ladder.then) {
            (Some(line), _) => self.say(line),
            (None, Some(intent)) => {
                self.farewell = Farewell::Silence;
                return self.start(intent, "", true);
            }
            (None, None) => {
                if let Some(last) = ladder.say.last() {
                    self.say(last);
                }
            }
        }
        Verdict::Complete
    }

    /// Nothing was understood.
    pub(super) fn miss(&mut self) -> Verdict {
        let ladder = &self.flow.fallback;
        self.state.misses += 1;
        if self.state.misses == ladder.say.len() + 1
            && let Some(intent) = self.last_resort(ladder.then.as_ref())
        {
            return self.resort(intent);
        }
        let line = ladder
            .say
            .get(self.state.misses - 1)
            .or_else(|| ladder.say.last());
        if let Some(line) = line {
            self.say(line);
        }
        Verdict::Unknown
    }

    pub(super) fn miss_quietly(&mut self) {
        self.state.misses += 1;
    }

    /// Nobody is offered who is not there.
    fn last_resort<'b>(&self, intent: Option<&'b String>) -> Option<&'b String> {
        let is_vacant = |name: &String| self.intent(name).is_some_and(|intent| intent.vacant);
        intent.filter(|name| !is_vacant(name))
    }

    /// The last thing that can be done for the caller; what cannot be undone is only offered.
    fn resort(&mut self, intent: &str) -> Verdict {
        let acts = self
            .intent(intent)
            .is_some_and(|intent| intent.act.is_some());
        if acts {
            self.offer(intent, "");
        } else {
            self.start(intent, "", false);
        }
        Verdict::Unknown
    }

    /// Asks whether this is meant; what was said is kept for the yes.
    pub(super) fn offer(&mut self, name: &str, text: &str) -> Verdict {
        let Some(intent) = self.intent(name) else {
            return self.miss();
        };
        if intent.vacant {
            return self.start(name, text, true);
        }
        let label = self.flow.fill(&intent.label, self.state, self.now);
        self.say_of(&self.flow.wording.question, "label", &label);
        self.state.offered = Some(Offered {
            intent: name.to_owned(),
            text: text.to_owned(),
        });
        Verdict::Unknown
    }

    /// Asks back what is nearly understood.
    pub(super) fn clarify(&mut self, text: &str) -> Verdict {
        let clauses = clauses(text);
        let ranked = self.rank(&wish(&clauses).meant, |_| true);
        let candidate = ranked
            .into_iter()
            .filter(|found| found.score >= self.flow.clarify)
            .filter(|found| self.consequence(found, &clauses) != Consequence::Not)
            .find(|found| {
                self.intent(&found.intent)
                    .is_some_and(|intent| intent.labelled && intent.act.is_none())
            });
        let patient = self.state.misses < self.flow.fallback.say.len();
        match candidate.filter(|_| patient) {
            Some(found) => {
                self.miss_quietly();
                self.offer(&found.intent, text)
            }
            None => self.miss(),
        }
    }

    pub(super) fn ask_again(&mut self, name: &str, slot: &Slot) -> Verdict {
        let tries = self.state.doing.as_ref().map_or(0, |doing| doing.tries);
        if tries == slot.ask.len().max(MOST_TRIES) {
            let next = slot.otherwise.as_ref().or(self.flow.fallback.then.as_ref());
            if let Some(intent) = self.last_resort(next) {
                if let Some(doing) = &mut self.state.doing {
                    doing.tries += 1;
                }
                return self.resort(intent);
            }
        }
        self.ask(name);
        Verdict::Unknown
    }

    /// Says why a value cannot be taken, and asks anew.
    pub(super) fn unclear(&mut self, name: &str, slot: &Slot, why: &Unclear) -> Verdict {
        self.state.values.remove(name);
        if let Some(doing) = &mut self.state.doing {
            doing.slot = Some(name.to_owned());
            doing.confirming = false;
            doing.choices.clear();
        }
        let wording = &self.flow.wording;
        match why {
            Unclear::NoSuchDay(said) => self.say_of(&wording.no_such_day, "said", said),
            Unclear::Past(date) => self.say_of(&wording.past, "said", &spoken(&Value::Date(*date))),
            Unclear::Ahead(date) => {
                self.say_of(&wording.ahead, "said", &spoken(&Value::Date(*date)));
            }
            Unclear::OtherWeekday(date) => {
                let said = format!("{} {} is a {}", date.month(), date.day(), date.weekday());
                self.say_of(&wording.weekday, "said", &said);
            }
            Unclear::Several(values) => {
                let said: Vec<String> = values.iter().map(spoken).collect();
                if let Some(doing) = &mut self.state.doing {
                    doing.choices.clone_from(values);
                    doing.tries += 1;
                }
                self.say_of(&wording.several, "said", &said.join(", or "));
                return Verdict::Unknown;
            }
            Unclear::Refused => {}
        }
        // The plain question, not the one for an answer that was not understood.
        if let Some(doing) = &mut self.state.doing {
            doing.tries = 1;
        }
        if let Some(line) = slot.ask.first() {
            self.say(line);
        }
        Verdict::Unknown
    }
}

fn spoken(value: &Value) -> String {
    crate::flow::template::spoken(value)
}
