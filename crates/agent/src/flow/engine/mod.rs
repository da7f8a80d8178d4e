//! From what was heard to what is said and done: a pure step from state to state.
//!
//! `mod` the step and its frame · `choose` which request is meant, and how surely · `answer` what
//! an utterance answers · `pursue` a request served slot by slot · `patience` what happens when
//! a conversation does not advance · `undone` what could not be done after all.

mod answer;
mod choose;
mod patience;
mod pursue;
mod undone;

use time::OffsetDateTime;

use super::answer::Answer;
use super::model::{Flow, Intent};
use super::said::{refuses, unfinished, yes_no};
use super::slots::{SlotKind, Value};
use super::state::State;
use super::template::Template;
use crate::brain::{Act, Farewell, Question};
use crate::turn::{DigitPlan, Heard, Keys, Verdict};

/// What follows from an utterance.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) steps: Vec<Step>,
    pub(super) verdict: Verdict,
}

/// One thing to do; a call is always the last and is followed by [`Flow::called`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Say(String),
    Act(Act),
    Call(String),
}

impl Flow {
    /// One step of the dialogue.
    pub(super) fn hear(
        &self,
        state: &mut State,
        question: &Question,
        now: OffsetDateTime,
    ) -> Outcome {
        let before = std::mem::take(&mut state.answer);
        state.answer.begin();
        let mut step = Stepper::new(self, state, before, now);
        let verdict = match question {
            Question::Heard(Heard::Speech(text)) => step.speech(text.expose()),
            Question::Heard(Heard::Digits(keys)) => step.keys(keys.expose()),
            Question::Silence(times) => step.silence(*times),
            Question::Undone(undone) => {
                step.undone(undone);
                let steps = step.steps;
                return Outcome {
                    steps,
                    verdict: Verdict::Complete,
                };
            }
        };
        step.lose_patience();
        step.keep_promises();
        let verdict = step.on_leaving(verdict);
        let steps = step.steps;
        Outcome { steps, verdict }
    }

    /// Goes on after a tool has answered, or failed.
    pub(super) fn called(
        &self,
        state: &mut State,
        tool: &str,
        result: Option<serde_json::Value>,
        now: OffsetDateTime,
    ) -> Vec<Step> {
        let mut step = Stepper::new(self, state, Answer::default(), now);
        step.called(tool, result);
        step.steps
    }

    /// How keys are collected in a state.
    pub(super) fn digit_plan(&self, state: &State) -> DigitPlan {
        let asked = state.doing.as_ref().and_then(|doing| doing.slot.as_ref());
        let digits = Keys::of("0123456789#".chars());
        match asked
            .and_then(|name| self.slots.get(name))
            .map(|slot| &slot.kind)
        {
            Some(SlotKind::Digits { max, .. }) => DigitPlan {
                max: *max,
                wanted: digits,
                ..DigitPlan::default()
            },
            Some(SlotKind::Number) => DigitPlan {
                max: 9,
                wanted: digits,
                ..DigitPlan::default()
            },
            Some(_) | None => DigitPlan {
                wanted: Keys::of(self.keys.keys().flat_map(|keys| keys.chars())),
                ..DigitPlan::default()
            },
        }
    }

    /// The text of a template in a state.
    pub(super) fn fill(&self, template: &Template, state: &State, now: OffsetDateTime) -> String {
        template.fill(|name| self.value(name, state, now))
    }

    fn value(&self, name: &str, state: &State, now: OffsetDateTime) -> Option<Value> {
        match name {
            "today" => Some(Value::Date(now.date())),
            "tomorrow" => now.date().next_day().map(Value::Date),
            "time" => Some(Value::Time(now.time())),
            _ => state
                .values
                .get(name)
                .cloned()
                .or_else(|| self.values.get(name).cloned().map(Value::Text)),
        }
    }
}

/// One step in the making.
struct Stepper<'a> {
    flow: &'a Flow,
    state: &'a mut State,
    now: OffsetDateTime,
    /// The answer before this one.
    before: Answer,
    /// The step brought the conversation on.
    advanced: bool,
    /// A value was found in what was said.
    found: bool,
    /// A request of the caller's was understood.
    served: bool,
    /// Something was refused.
    denied: bool,
    /// Why the call ends, if this step ends it.
    farewell: Farewell,
    steps: Vec<Step>,
}

impl<'a> Stepper<'a> {
    fn new(flow: &'a Flow, state: &'a mut State, before: Answer, now: OffsetDateTime) -> Self {
        Self {
            flow,
            state,
            now,
            before,
            advanced: false,
            found: false,
            served: false,
            denied: false,
            farewell: Farewell::Done,
            steps: Vec::new(),
        }
    }

    fn speech(&mut self, text: &str) -> Verdict {
        if self.state.recording.hear(text) {
            self.hang_up_on_machine();
            return Verdict::Complete;
        }
        self.denied = refuses(text);
        let verdict = self.answer(text);
        // "It is" may be a whole answer, and may lead to one.
        let answered = self.found || (self.advanced && yes_no(text).is_some());
        if !answered && unfinished(text) {
            return Verdict::Incomplete;
        }
        verdict
    }

    /// What is made of words that end the call: how finished they sound decides when that is a guess.
    fn on_leaving(&self, verdict: Verdict) -> Verdict {
        let leaves = |step: &Step| matches!(step, Step::Act(Act::HangUp(_)));
        if !self.steps.iter().any(leaves) {
            return verdict;
        }
        match (verdict, self.farewell) {
            (Verdict::Whole, Farewell::Done) => Verdict::Goodbye,
            (Verdict::Whole | Verdict::Complete, Farewell::NoProgress | Farewell::Machine) => {
                Verdict::Unknown
            }
            (verdict, _) => verdict,
        }
    }

    fn keys(&mut self, keys: &str) -> Verdict {
        if let Some((name, slot)) = self.asked()
            && matches!(slot.kind, SlotKind::Digits { .. } | SlotKind::Number)
        {
            return self.slot(&name, slot, keys);
        }
        match self.flow.keys.get(keys).cloned() {
            Some(intent) => {
                self.reached(format!("key {keys}"));
                self.start(&intent, "", true)
            }
            None => self.miss(),
        }
    }

    /// Does what was announced and cut short, unless the caller does not want it.
    fn keep_promises(&mut self) {
        let ends = |step: &Step| matches!(step, Step::Act(Act::HangUp(_)));
        if self.denied || self.steps.iter().any(ends) {
            return;
        }
        let owed: Vec<Act> = self.before.promised().cloned().collect();
        for act in owed {
            let again = self
                .steps
                .iter()
                .any(|step| *step == Step::Act(act.clone()));
            if !again {
                self.act(act);
            }
        }
    }

    fn say(&mut self, line: &Template) {
        let text = self.flow.fill(line, self.state, self.now);
        self.utter(text);
    }

    /// A line of the flow's own with something named in it.
    fn say_of(&mut self, line: &Template, place: &str, said: &str) {
        let text = line.fill(|name| {
            if name == place {
                Some(Value::Text(said.to_owned()))
            } else {
                self.flow.value(name, self.state, self.now)
            }
        });
        self.utter(text);
    }

    fn utter(&mut self, text: String) {
        self.state.answer.say(&text);
        self.steps.push(Step::Say(text));
    }

    fn act(&mut self, act: Act) {
        let act = match act {
            Act::HangUp(_) => Act::HangUp(self.farewell),
            act => act,
        };
        self.state.answer.act(act.clone());
        self.steps.push(Step::Act(act));
    }

    fn intent(&self, name: &str) -> Option<&'a Intent> {
        self.flow.intents.get(name)
    }
}
