//! What an utterance answers: a question that was asked, or none.

use super::Stepper;
use super::choose::{Choice, SURE};
use crate::brain::Act;
use crate::flow::model::{Intent, Slot};
use crate::flow::said::{Courtesy, courtesy, yes_no};
use crate::flow::slots::{Found, SlotKind, Value};
use crate::flow::words::tokens;
use crate::turn::Verdict;

impl<'a> Stepper<'a> {
    pub(super) fn answer(&mut self, text: &str) -> Verdict {
        let meant = yes_no(text);
        let heard = self.before.question_heard();
        if !heard && is_courtesy(text, meant) {
            // "Stop" and "no" to what was being announced.
            if self.denied && self.before.acts() {
                return self.leave_undone();
            }
            return self.go_on();
        }
        let meant = meant.filter(|_| heard);
        let greeted = std::mem::take(&mut self.state.presence);
        if greeted && (meant.is_some() || is_presence(text)) {
            return self.ask_last();
        }
        if let Some(offered) = self.state.offered.take() {
            match meant {
                Some(true) => {
                    self.reached(format!("yes {}", offered.intent));
                    return self.start(&offered.intent, &offered.text, true);
                }
                Some(false)
                    if matches!(self.choose(text, None), Choice::Nothing | Choice::Denied(_)) =>
                {
                    return self.decline(&offered.intent);
                }
                Some(false) | None => {}
            }
            if let Choice::Offer(again) = self.choose(text, None)
                && again == offered.intent
            {
                return self.start(&offered.intent, &offered.text, true);
            }
        }
        if self.state.doing.is_some() && is_abandoning(text) {
            self.give_up();
            return self.leave_undone();
        }
        if let Some((name, slot)) = self.asked() {
            return self.slot(&name, slot, text);
        }
        if heard && let Some(verdict) = self.plain_no(text, meant) {
            return verdict;
        }
        match self.choose(text, None) {
            Choice::Nothing => match self.place(meant) {
                Some(verdict) => verdict,
                None => self.clarify(text),
            },
            choice => self.follow(choice, text),
        }
    }

    /// The slot that was asked for.
    pub(super) fn asked(&self) -> Option<(String, &'a Slot)> {
        let name = self.state.doing.as_ref()?.slot.clone()?;
        let slot = self.flow.slots.get(&name)?;
        Some((name, slot))
    }

    /// Does what was chosen.
    pub(super) fn follow(&mut self, choice: Choice, text: &str) -> Verdict {
        match choice {
            Choice::Start { intent, sure, .. } => {
                self.reached(format!("wish {intent}"));
                self.served = true;
                let leaves = |intent: &Intent| matches!(intent.act, Some(Act::HangUp(_)));
                let verdict = self.start(&intent, text, sure);
                // After a goodbye nobody goes on.
                if sure && self.intent(&intent).is_some_and(leaves) {
                    return Verdict::Whole;
                }
                verdict
            }
            Choice::Offer(intent) => self.offer(&intent, text),
            Choice::Denied(intent) => {
                self.give_up_on(&intent);
                self.leave_undone()
            }
            Choice::Nothing => self.miss(),
        }
    }

    /// An answer to the question for a slot.
    pub(super) fn slot(&mut self, name: &str, slot: &Slot, text: &str) -> Verdict {
        let doing = self.state.doing.as_ref();
        let confirming = doing.is_some_and(|doing| doing.confirming);
        if let Some(value) = doing.and_then(|doing| pick(&doing.choices, text)) {
            return self.filled(name, value);
        }
        if confirming && slot.kind != SlotKind::YesNo {
            return self.confirmation(name, slot, text);
        }
        let present = doing.map(|doing| doing.intent.clone());
        let choice = self.choose(text, present.as_deref());
        if slot.kind == SlotKind::Name
            && matches!(&choice, Choice::Start { score, .. } if *score >= SURE)
        {
            return self.follow(choice, text);
        }
        match self.find(slot, text) {
            Found::Whole(value) => self.filled(name, value),
            // "Bye-bye" is no start of a number either.
            Found::Part(_) if matches!(choice, Choice::Offer(_)) => self.follow(choice, text),
            Found::Part(part) => {
                self.reached(format!("part {name} {part}"));
                if let Some(doing) = &mut self.state.doing {
                    doing.partial = part;
                }
                self.say(&slot.more);
                Verdict::Incomplete
            }
            Found::Unclear(why) => self.unclear(name, slot, &why),
            Found::Nothing => match choice {
                Choice::Nothing => self.ask_again(name, slot),
                choice => self.follow(choice, text),
            },
        }
    }

    /// The value was read back: yes, no, or another one.
    fn confirmation(&mut self, name: &str, slot: &Slot, text: &str) -> Verdict {
        let known = self.state.values.get(name).cloned();
        let meant = yes_no(text).filter(|_| self.before.question_heard());
        match self.find(slot, text) {
            Found::Whole(value) if Some(&value) != known.as_ref() => {
                return self.filled(name, value);
            }
            Found::Whole(_) if meant != Some(false) => return self.confirmed(name),
            Found::Unclear(why) => return self.unclear(name, slot, &why),
            Found::Whole(_) | Found::Part(_) | Found::Nothing => {}
        }
        match meant {
            Some(true) => self.confirmed(name),
            Some(false) => self.ask_afresh(name),
            None => match self.choose(text, None) {
                Choice::Nothing => {
                    self.miss_quietly();
                    self.pursue();
                    Verdict::Unknown
                }
                choice => self.follow(choice, text),
            },
        }
    }

    fn find(&self, slot: &Slot, text: &str) -> Found {
        let so_far = self
            .state
            .doing
            .as_ref()
            .map_or("", |doing| doing.partial.as_str());
        // Loose readings answer a question, and only one that was heard.
        let asked = self.before.question_heard() || slot.kind != SlotKind::Name;
        slot.kind.find(text, so_far, asked, self.now.date())
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

    /// A polite no, and nothing else, to the question of the present state.
    fn plain_no(&mut self, text: &str, meant: Option<bool>) -> Option<Verdict> {
        let place = self.flow.states.get(self.state.place.as_deref()?)?;
        let intent = place.no.clone()?;
        // Among courtesies a "no" is one, whatever else is said to be fine.
        let begins = || {
            let tokens = tokens(text);
            let first = tokens.first().map(String::as_str);
            matches!(first, Some("no" | "nope" | "nah"))
        };
        let plain = is_courtesy(text, None) && (meant == Some(false) || begins());
        plain.then(|| self.agree(&intent))
    }

    /// A plain yes or no to the question of the present state.
    fn place(&mut self, meant: Option<bool>) -> Option<Verdict> {
        let place = self.flow.states.get(self.state.place.as_deref()?)?;
        let intent = match meant? {
            true => place.yes.clone(),
            false => place.no.clone(),
        }?;
        // "No, that's wrong" is no "no, thank you", and what cannot be undone needs that one.
        let acts = self
            .intent(&intent)
            .is_some_and(|intent| intent.act.is_some());
        (meant == Some(true) || !acts).then(|| self.agree(&intent))
    }

    fn agree(&mut self, intent: &str) -> Verdict {
        self.reached(format!("place {intent}"));
        self.start(intent, "", true)
    }

    /// The question that is open is asked once more.
    pub(super) fn ask_last(&mut self) -> Verdict {
        if let Some(offered) = self.state.offered.clone() {
            return self.offer(&offered.intent, &offered.text);
        }
        if self.state.doing.is_some() {
            if let Some(doing) = &mut self.state.doing {
                doing.tries = doing.tries.saturating_sub(1);
            }
            self.pursue();
            return Verdict::Complete;
        }
        let place = self
            .state
            .place
            .as_ref()
            .and_then(|place| self.flow.states.get(place));
        match place.and_then(|place| place.say.as_ref()) {
            Some(line) => self.say(line),
            None => self.say(&self.flow.wording.resume),
        }
        Verdict::Complete
    }

    /// What was not wanted is not done.
    pub(super) fn leave_undone(&mut self) -> Verdict {
        self.denied = true;
        self.say(&self.flow.wording.denied);
        self.ask_last()
    }

    fn decline(&mut self, offered: &str) -> Verdict {
        self.give_up_on(offered);
        self.leave_undone()
    }
}

/// Nothing but politeness, agreement and refusal.
fn is_courtesy(text: &str, meant: Option<bool>) -> bool {
    let tokens = tokens(text);
    if tokens.is_empty() {
        return false;
    }
    let courteous = courtesy(&tokens, &[])
        .iter()
        .all(|mark| matches!(mark, Some(Courtesy::Neutral | Courtesy::Enough)));
    courteous || (meant.is_some() && tokens.len() <= 3)
}

/// "I'm here", "hello": an answer to "are you still there?".
fn is_presence(text: &str) -> bool {
    const HERE: &[&str] = &[
        "here",
        "hello",
        "hi",
        "there",
        "still",
        "i",
        "am",
        "yes",
        "listening",
    ];
    let tokens = tokens(text);
    !tokens.is_empty() && tokens.iter().all(|token| HERE.contains(&token.as_str()))
}

/// "Never mind", "forget it".
fn is_abandoning(text: &str) -> bool {
    const PHRASES: &[&str] = &[
        "never mind",
        "nevermind",
        "forget it",
        "forget about it",
        "forget that",
        "leave it",
        "cancel that",
        "stop that",
        "not any more",
        "i changed my mind",
        "i have changed my mind",
    ];
    let tokens = tokens(text);
    let marks = courtesy(&tokens, &[]);
    let bare: Vec<&str> = tokens
        .iter()
        .zip(marks)
        .filter(|(_, mark)| mark.is_none())
        .map(|(token, _)| token.as_str())
        .collect();
    PHRASES.contains(&bare.join(" ").as_str())
}

/// "The first one", after two were named.
fn pick(choices: &[Value], text: &str) -> Option<Value> {
    let tokens = tokens(text);
    let bare: Vec<&str> = tokens
        .iter()
        .map(String::as_str)
        .filter(|word| !["the", "one", "please", "day", "um", "uh"].contains(word))
        .collect();
    let index = match bare.as_slice() {
        ["first" | "former" | "earlier"] => 0,
        ["second" | "latter" | "later"] => 1,
        ["third"] => 2,
        ["last"] => choices.len().checked_sub(1)?,
        _ => return None,
    };
    choices.get(index).cloned()
}
