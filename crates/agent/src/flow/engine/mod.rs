//! From what was heard to what is said and done: a pure step from state to state.

mod pursue;

use time::OffsetDateTime;

use super::answer::Answer;
use super::model::{Flow, Intent, Ladder, Slot};
use super::slots::{Found, SlotKind, Value, yes_no};
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

/// A name is taken for a request only when it fits one this well.
const SURE: f32 = 0.8;

/// Two requests this close are asked back instead of chosen from.
const MARGIN: f32 = 0.03;

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
        let mut step = Stepper {
            flow: self,
            state,
            now,
            before,
            farewell: Farewell::Done,
            steps: Vec::new(),
        };
        let verdict = match question {
            Question::Heard(Heard::Speech(text)) => step.speech(text.expose()),
            Question::Heard(Heard::Digits(keys)) => step.keys(keys.expose()),
            Question::Silence(times) => step.silence(*times),
        };
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
        let mut step = Stepper {
            flow: self,
            state,
            now,
            before: Answer::default(),
            farewell: Farewell::Done,
            steps: Vec::new(),
        };
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

    pub(super) fn value(&self, name: &str, state: &State, now: OffsetDateTime) -> Option<Value> {
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
    /// Why the call ends, if this step ends it.
    farewell: Farewell,
    steps: Vec<Step>,
}

impl Stepper<'_> {
    fn speech(&mut self, text: &str) -> Verdict {
        if !self.before.question_heard() && yes_no(text).is_some() && self.best(text).is_none() {
            return self.go_on();
        }
        if let Some(offered) = self.state.offered.take() {
            match yes_no(text) {
                Some(true) => return self.start(&offered, ""),
                Some(false) if self.best(text).is_none() => return self.miss(),
                Some(false) | None => {}
            }
        }
        let asked = self
            .state
            .doing
            .as_ref()
            .and_then(|doing| doing.slot.clone());
        if let Some((name, slot)) = asked.and_then(|name| {
            let slot = self.flow.slots.get(&name)?;
            Some((name, slot))
        }) {
            return self.slot(&name, slot, text);
        }
        if let Some(verdict) = self.place(text) {
            return verdict;
        }
        match self.best(text) {
            Some(intent) => self.start(&intent, text),
            None => self.clarify(text),
        }
    }

    /// Nothing was asked yet that this could answer: what was cut is said again.
    fn go_on(&mut self) -> Verdict {
        let Some(rest) = self.before.rest() else {
            return self.miss();
        };
        for line in rest.lines {
            self.utter(line);
        }
        for act in rest.acts {
            self.act(act);
        }
        Verdict::Complete
    }

    fn keys(&mut self, keys: &str) -> Verdict {
        let asked = self
            .state
            .doing
            .as_ref()
            .and_then(|doing| doing.slot.clone());
        if let Some(name) = asked
            && let Some(slot) = self.flow.slots.get(&name)
            && matches!(slot.kind, SlotKind::Digits { .. } | SlotKind::Number)
        {
            return self.slot(&name, slot, keys);
        }
        match self.flow.keys.get(keys).cloned() {
            Some(intent) => self.start(&intent, ""),
            None => self.miss(),
        }
    }

    fn silence(&mut self, times: u32) -> Verdict {
        let index = usize::try_from(times.saturating_sub(1)).unwrap_or(usize::MAX);
        let ladder: &Ladder = &self.flow.silence;
        match (ladder.say.get(index), &ladder.then) {
            (Some(line), _) => self.say(line),
            (None, Some(intent)) => {
                let intent = intent.clone();
                self.farewell = Farewell::Silence;
                return self.start(&intent, "");
            }
            (None, None) => {
                if let Some(last) = ladder.say.last() {
                    self.say(last);
                }
            }
        }
        Verdict::Complete
    }

    /// An answer to the question for a slot.
    fn slot(&mut self, name: &str, slot: &Slot, text: &str) -> Verdict {
        let confirming = self
            .state
            .doing
            .as_ref()
            .is_some_and(|doing| doing.confirming);
        if confirming && !matches!(slot.kind, SlotKind::YesNo) {
            match yes_no(text) {
                Some(true) => return self.confirmed(name),
                Some(false) if self.find(slot, text) == Found::Nothing => {
                    return self.ask_afresh(name);
                }
                Some(false) | None => {}
            }
        }
        let other = self.other(text);
        if slot.kind == SlotKind::Name
            && let Some(intent) = other.clone().filter(|(_, score)| *score >= SURE)
        {
            return self.start(&intent.0, text);
        }
        match self.find(slot, text) {
            Found::Whole(value) => self.filled(name, value),
            Found::Part(part) => {
                if let Some(doing) = &mut self.state.doing {
                    doing.partial = part;
                }
                self.say(&slot.more);
                Verdict::Incomplete
            }
            Found::Nothing => match other {
                Some((intent, _)) => self.start(&intent, text),
                None => self.ask_again(name, slot),
            },
        }
    }

    fn find(&self, slot: &Slot, text: &str) -> Found {
        let so_far = self
            .state
            .doing
            .as_ref()
            .map_or("", |doing| doing.partial.as_str());
        slot.kind.find(text, so_far, true, self.now.date())
    }

    fn filled(&mut self, name: &str, value: Value) -> Verdict {
        self.state.values.insert(name.to_owned(), value);
        if let Some(doing) = &mut self.state.doing {
            doing.partial.clear();
            doing.tries = 0;
            doing.confirmed.retain(|confirmed| confirmed != name);
        }
        self.pursue();
        Verdict::Complete
    }

    fn confirmed(&mut self, name: &str) -> Verdict {
        if let Some(doing) = &mut self.state.doing {
            doing.confirmed.push(name.to_owned());
        }
        self.pursue();
        Verdict::Complete
    }

    fn ask_afresh(&mut self, name: &str) -> Verdict {
        self.state.values.remove(name);
        if let Some(doing) = &mut self.state.doing {
            doing.tries = 0;
        }
        self.pursue();
        Verdict::Complete
    }

    fn ask_again(&mut self, name: &str, slot: &Slot) -> Verdict {
        let tries = self.state.doing.as_ref().map_or(0, |doing| doing.tries);
        if tries >= slot.ask.len().max(MOST_TRIES) {
            let next = slot
                .otherwise
                .clone()
                .or_else(|| self.flow.fallback.then.clone());
            if let Some(intent) = next {
                self.state.values.remove(name);
                return self.start(&intent, "");
            }
        }
        self.ask(name);
        Verdict::Unknown
    }

    /// An intent other than the present one that the text means.
    fn other(&self, text: &str) -> Option<(String, f32)> {
        let present = self.state.doing.as_ref().map(|doing| doing.intent.clone());
        let place = self.state.place.as_deref();
        let allowed =
            |intent: &str| self.flow.reachable(intent, place) && Some(intent) != present.as_deref();
        let best = self.flow.matcher.rank(text, allowed).into_iter().next()?;
        (best.score >= self.flow.accept).then_some((best.intent, best.score))
    }

    /// The intent the text clearly means.
    fn best(&self, text: &str) -> Option<String> {
        let place = self.state.place.as_deref();
        let ranked = self
            .flow
            .matcher
            .rank(text, |intent| self.flow.reachable(intent, place));
        let best = ranked.first()?;
        let close = ranked
            .get(1)
            .is_some_and(|second| best.score - second.score < MARGIN);
        (best.score >= self.flow.accept && (!close || best.score >= SURE))
            .then(|| best.intent.clone())
    }

    /// A plain yes or no, or an intent of the present state.
    fn place(&mut self, text: &str) -> Option<Verdict> {
        let place = self.flow.states.get(self.state.place.as_deref()?)?;
        let clear = self.best(text);
        if let Some(intent) = &clear {
            let intent = intent.clone();
            return Some(self.start(&intent, text));
        }
        let meant = match yes_no(text)? {
            true => place.yes.clone(),
            false => place.no.clone(),
        }?;
        Some(self.start(&meant, ""))
    }

    fn clarify(&mut self, text: &str) -> Verdict {
        let place = self.state.place.as_deref();
        let ranked = self
            .flow
            .matcher
            .rank(text, |intent| self.flow.reachable(intent, place));
        let candidate = ranked
            .into_iter()
            .filter(|found| found.score >= self.flow.clarify)
            .find(|found| {
                self.intent(&found.intent)
                    .is_some_and(|intent| intent.label.is_some())
            });
        let Some(found) = candidate else {
            return self.miss();
        };
        let label = self
            .intent(&found.intent)
            .and_then(|intent| intent.label.as_ref());
        if let Some(label) = label {
            let label = self.flow.fill(label, self.state, self.now);
            let question = self.flow.question.fill(|name| match name {
                "label" => Some(Value::Text(label.clone())),
                other => self.flow.value(other, self.state, self.now),
            });
            self.utter(question);
        }
        self.state.offered = Some(found.intent);
        Verdict::Unknown
    }

    fn miss(&mut self) -> Verdict {
        let ladder = &self.flow.fallback;
        self.state.misses += 1;
        if self.state.misses > ladder.say.len()
            && let Some(intent) = ladder.then.clone()
        {
            self.start(&intent, "");
            return Verdict::Unknown;
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

    fn say(&mut self, line: &Template) {
        let text = self.flow.fill(line, self.state, self.now);
        self.utter(text);
    }

    fn utter(&mut self, text: String) {
        self.state.answer.say(&text);
        self.steps.push(Step::Say(text));
    }

    fn act(&mut self, act: Act) {
        let act = match act {
            Act::HangUp(_) => Act::HangUp(self.farewell),
            act @ Act::HandOff { .. } => act,
        };
        self.state.answer.act(act.clone());
        self.steps.push(Step::Act(act));
    }

    fn intent(&self, name: &str) -> Option<&Intent> {
        self.flow.intents.get(name)
    }
}

/// A slot is asked for at least this often before the request is given up.
const MOST_TRIES: usize = 3;
