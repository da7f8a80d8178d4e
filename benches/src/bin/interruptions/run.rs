//! One trial: a call, and what became of the sound in it.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_benches::journal::{self, Record};
use trunkline_benches::phone::{Ear, Phone, Span};
use trunkline_tests::Daemon;

use crate::trials::{Act, Kind, Trial};

/// The sound comes when the agent has spoken for so long.
const INTO: Duration = Duration::from_millis(2300);
/// A quiet this long means that the agent stopped: the answer that is talked over has no pause, and a
/// new answer comes no sooner after a stop.
const STOPPED: Duration = Duration::from_millis(260);
/// Stopping later than this after the sound's end has another reason.
const ITS_DOING: Duration = Duration::from_millis(1200);
/// How long the line is watched after the sound.
const AFTER: Duration = Duration::from_millis(4000);
/// Quiet after which an answer is over.
const FINISHED: Duration = Duration::from_millis(1100);
/// For the agent's first sound, and for one answer.
const ANSWER: Duration = Duration::from_secs(30);

/// What became of a trial.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// The call went as a call goes, so the rest means something.
    pub(crate) valid: bool,
    /// From the sound's beginning to the agent's last sound, if that ended because of it.
    pub(crate) stopped_after: Option<Duration>,
    /// How long it was silent before it went on.
    pub(crate) held_up: Option<Duration>,
    /// The agent spoke into the sentence.
    pub(crate) cut_into: bool,
    /// Turns that nobody meant.
    pub(crate) turns: usize,
    /// What was understood.
    pub(crate) heard: Vec<String>,
    /// What the journal says of the interruption.
    pub(crate) barge_in_ms: Option<f64>,
}

impl Outcome {
    /// Whether the agent's speech ended, or a sentence was cut into.
    pub(crate) const fn stopped(&self) -> bool {
        self.stopped_after.is_some() || self.cut_into
    }

    /// In a line.
    pub(crate) fn line(&self, trial: &Trial) -> String {
        let after = self.stopped_after.map_or(0, |after| after.as_millis());
        let what = match (self.valid, self.stopped_after, self.cut_into) {
            (false, ..) => "no trial".to_owned(),
            (_, Some(_), _) => format!("stopped after {after} ms"),
            (_, _, true) => "cut into".to_owned(),
            (_, None, false) => "went on".to_owned(),
        };
        format!(
            "{}: {}: {what}, heard {:?}",
            trial.kind.name(),
            trial.name,
            self.heard
        )
    }

    /// For programs.
    pub(crate) fn to_json(&self, trial: &Trial) -> Value {
        json!({
            "kind": trial.kind.name(),
            "name": trial.name,
            "valid": self.valid,
            "stopped_after_ms": self.stopped_after.map(|after| after.as_secs_f64() * 1e3),
            "held_up_ms": self.held_up.map(|silent| silent.as_secs_f64() * 1e3),
            "cut_into": self.cut_into,
            "turns": self.turns,
            "heard": self.heard,
            "barge_in_ms": self.barge_in_ms,
        })
    }
}

/// A first call, while the fixed sentences are being made.
pub(crate) async fn settle(daemon: &Daemon) {
    const WARM: Duration = Duration::from_secs(40);
    if let Some(mut phone) = Phone::dial(&target(daemon), "4800").await {
        phone.listen(WARM).await;
        phone.hang_up().await;
    }
}

fn target(daemon: &Daemon) -> String {
    format!("sip:agent@{}", daemon.addr("sip"))
}

/// Calls, makes the sound, and reads what was written down.
pub(crate) async fn trial(daemon: &Daemon, trial: &Trial, number: usize) -> Outcome {
    let from = format!("48{number:04}");
    let Some(mut phone) = Phone::dial(&target(daemon), &from).await else {
        return Outcome::default();
    };
    if let Act::Echo(db) = trial.act {
        phone.echo(db);
    }
    let sound = perform(&mut phone, trial).await;
    let ear = phone.ear().clone();
    phone.hang_up().await;
    let record = journal::of_caller(daemon, &from).await;
    let turns = record.turns.iter().filter(|turn| !turn.heard.is_empty());
    let heard: Vec<String> = turns.map(|turn| turn.heard.clone()).collect();
    let barge_in_ms = record.turns.iter().find_map(|turn| turn.barge_in_ms);
    Outcome {
        valid: sound.is_some_and(|sound| spoken_over(trial, &ear, sound)),
        stopped_after: sound.and_then(|sound| match trial.kind {
            Kind::Echo if !answered_at_length(&record) => None,
            Kind::Echo => broken_off(&ear, sound),
            _ => stopped_after(trial, &ear, sound),
        }),
        held_up: sound.and_then(|sound| {
            let end = stopped_after(trial, &ear, sound)? + sound.from;
            let goes_on = ear.first_after(end + Duration::from_millis(1))?;
            Some(goes_on.saturating_sub(end))
        }),
        cut_into: sound.is_some_and(|sound| cut_into(trial, &ear, sound)),
        turns: turns_nobody_meant(trial, heard.len()),
        heard,
        barge_in_ms,
    }
}

/// The call up to its end; when the sound was to be heard. Nothing when it did not come to that.
async fn perform(phone: &mut Phone, trial: &Trial) -> Option<Span> {
    phone.heard_out(Duration::ZERO, FINISHED, ANSWER).await?;
    let Act::Ask(sentence) = &trial.act else {
        let question = phone.say(&trial.question).await?;
        if matches!(trial.act, Act::Echo(_)) {
            phone.heard_out(question.to, FINISHED, ANSWER).await;
            phone.listen(AFTER).await;
            return Some(question);
        }
        phone.hears(question.to, INTO, ANSWER).await?;
        let Act::Over(sound) = &trial.act else {
            return None;
        };
        let sound = phone.say(sound).await?;
        phone.listen(AFTER).await;
        return Some(sound);
    };
    let sentence = phone.say(sentence).await?;
    phone.heard_out(sentence.to, FINISHED, ANSWER).await;
    Some(sentence)
}

/// Whether the agent was speaking when the sound came: an answer may be short because something else
/// was understood.
fn spoken_over(trial: &Trial, ear: &Ear, sound: Span) -> bool {
    const AT_ONCE: Duration = Duration::from_millis(200);
    !matches!(trial.act, Act::Over(_)) || ear.within(sound.from, sound.from + AT_ONCE)
}

/// From the sound's beginning to the end of the agent's speech, if it ended soon enough for the
/// sound to be the reason.
fn stopped_after(trial: &Trial, ear: &Ear, sound: Span) -> Option<Duration> {
    if !matches!(trial.act, Act::Over(_)) {
        return None;
    }
    let end = ear.quiet_after(sound.from, STOPPED)?;
    (end <= sound.to + ITS_DOING).then(|| end.saturating_sub(sound.from))
}

/// Whether the question was answered with what takes long to say.
fn answered_at_length(record: &Record) -> bool {
    let mut said = record.turns.iter().map(|turn| &turn.said);
    said.any(|said| said.starts_with("We are open"))
}

/// How long the agent spoke before it stopped, if it came nowhere near the end of its answer.
fn broken_off(ear: &Ear, question: Span) -> Option<Duration> {
    const AT_LENGTH: Duration = Duration::from_secs(10);
    let begun = ear.first_after(question.to)?;
    let lasted = ear.quiet_after(begun, STOPPED)? - begun;
    (lasted < AT_LENGTH).then_some(lasted)
}

fn cut_into(trial: &Trial, ear: &Ear, sentence: Span) -> bool {
    trial.kind == Kind::Pause && ear.within(sentence.from, sentence.to)
}

/// The question makes one turn, and so does a wish to speak or a sentence.
fn turns_nobody_meant(trial: &Trial, heard: usize) -> usize {
    let meant = match trial.kind {
        // Of a wish it is counted whether it became one.
        Kind::Pause => heard,
        _ => 1,
    };
    heard.saturating_sub(meant)
}
