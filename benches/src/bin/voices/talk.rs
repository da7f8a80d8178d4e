//! One call of one voice.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use trunkline_base::time::UnixTime;
use trunkline_benches::journal::{self, Record, Sides};
use trunkline_benches::phone::{Phone, Span};
use trunkline_benches::voices::{Voice, VoiceError};
use trunkline_tests::Daemon;

use crate::script::{self, Step, Want};

/// Quiet after which the agent has finished: longer than any pause within its answer.
const FINISHED: Duration = Duration::from_millis(1100);
/// How long an answer is waited for, and listened to.
const ANSWER: Duration = Duration::from_secs(25);
/// The phone's clock and the recording's agree to this much after they were laid over each other.
const APART: Duration = Duration::from_millis(250);

/// How the agent asks whether it heard right, and what it is told.
const ASKED_BACK: &str = "Would you like to";
const YES: &str = "Yes, please.";

/// What became of one call.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    pub(crate) asked: Vec<Asked>,
    pub(crate) late: usize,
    pub(crate) frames: usize,
    pub(crate) wrong: Option<String>,
}

/// One sentence and its answer.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) text: &'static str,
    pub(crate) heard: String,
    pub(crate) said: String,
    pub(crate) understood: bool,
    /// Only after the agent had asked whether it heard right.
    pub(crate) asked_back: bool,
    pub(crate) gap: Option<Duration>,
    pub(crate) gap_at_phone: Option<Duration>,
    pub(crate) stt_ms: Option<f64>,
    pub(crate) turn_ms: Option<f64>,
    pub(crate) llm_ms: Option<f64>,
    pub(crate) tts_ms: Option<f64>,
}

/// A sentence that was said.
struct Said {
    text: &'static str,
    want: Want,
    /// On the wall clock.
    at: u64,
    span: Span,
    asked_back: bool,
}

/// A first call, so that no figure has the making of fixed sentences in it.
pub(crate) async fn settle(daemon: &Daemon) {
    const WARM: Duration = Duration::from_secs(25);
    if let Some(mut phone) = Phone::dial(&target(daemon), "4700").await {
        phone.listen(WARM).await;
        phone.hang_up().await;
    }
}

/// Calls, asks everything, and reads what was written down.
pub(crate) async fn call(daemon: &Daemon, voice: &Voice, round: usize, number: usize) -> Talk {
    let steps = if voice.is_recorded() {
        script::recorded(round)
    } else {
        script::of(round, number)
    };
    // Before the call: the line waits for no synthesizer.
    let lines: Result<Vec<Line>, _> = steps.iter().map(|step| line(voice, *step)).collect();
    let lines = match lines {
        Ok(lines) => lines,
        Err(error) => return wrong(&error.to_string()),
    };
    let from = format!("47{round:02}{number:02}");
    let Some(mut phone) = Phone::dial(&target(daemon), &from).await else {
        return wrong("the call was not answered");
    };
    let yes = match voice.say(YES) {
        Ok(yes) => yes,
        Err(_) if voice.is_recorded() => Vec::new(),
        Err(error) => return wrong(&error.to_string()),
    };
    let caller = Manner {
        daemon,
        from: &from,
        yes: &yes,
    };
    let (said, ended) = caller.converse(&mut phone, &lines).await;
    let (late, frames, ear) = (phone.late, phone.frames, phone.ear().clone());
    phone.hang_up().await;
    let record = journal::of_caller(daemon, &from).await;
    let sides = record.sides().unwrap_or_default();
    let shift = shift(&said, &sides);
    let asked = said.iter().enumerate().map(|(index, one)| {
        let until = said.get(index + 1).map_or(u64::MAX, |next| next.at);
        let answered = ear.first_after(one.span.to);
        Asked {
            gap: shift.and_then(|shift| gap(&sides, one.span, shift)),
            gap_at_phone: answered.map(|at| at - one.span.to),
            ..written(&record, one, until)
        }
    });
    Talk {
        asked: asked.collect(),
        late,
        frames,
        wrong: (!ended && said.len() < sentences(&steps)).then(|| "the call ended early".into()),
    }
}

fn wrong(why: &str) -> Talk {
    Talk {
        wrong: Some(why.to_owned()),
        ..Talk::default()
    }
}

fn target(daemon: &Daemon) -> String {
    format!("sip:agent@{}", daemon.addr("sip"))
}

fn sentences(steps: &[Step]) -> usize {
    steps
        .iter()
        .filter(|step| matches!(step, Step::Say(..)))
        .count()
}

/// A step with its sound.
struct Line {
    step: Step,
    pcm: Vec<i16>,
}

fn line(voice: &Voice, step: Step) -> Result<Line, VoiceError> {
    let pcm = match step {
        Step::Say(text, _) => voice.say(text)?,
        Step::Press(_) => Vec::new(),
    };
    Ok(Line { step, pcm })
}

/// How a caller behaves.
struct Manner<'a> {
    daemon: &'a Daemon,
    from: &'a str,
    yes: &'a [i16],
}

impl Manner<'_> {
    /// What was said, and whether all of it was.
    async fn converse(&self, phone: &mut Phone, lines: &[Line]) -> (Vec<Said>, bool) {
        let mut said = Vec::new();
        let mut since = Duration::ZERO;
        for line in lines {
            if phone.heard_out(since, FINISHED, ANSWER).await.is_none() {
                return (said, false);
            }
            let (text, want) = match line.step {
                Step::Press(keys) => {
                    since = phone.now();
                    phone.press(keys).await;
                    continue;
                }
                Step::Say(text, want) => (text, want),
            };
            let at = wall_clock();
            let Some(span) = phone.say(&line.pcm).await else {
                return (said, false);
            };
            let asked_back = self.asked_back(phone, span.to).await;
            since = asked_back.unwrap_or(span.to);
            said.push(Said {
                text,
                want,
                at,
                span,
                asked_back: asked_back.is_some(),
            });
        }
        // The agent may hang up with its last word.
        phone.heard_out(since, FINISHED, ANSWER).await;
        (said, true)
    }

    /// An agent that is not sure asks whether it heard right, and is told; when it was.
    async fn asked_back(&self, phone: &mut Phone, since: Duration) -> Option<Duration> {
        phone.heard_out(since, FINISHED, ANSWER).await?;
        let record = journal::so_far(self.daemon, self.from).await;
        let last = record.turns.last()?;
        if self.yes.is_empty() || !last.said.starts_with(ASKED_BACK) {
            return None;
        }
        Some(phone.say(self.yes).await?.to)
    }
}

fn wall_clock() -> u64 {
    UnixTime::from_system(SystemTime::now()).0
}

/// How far the recording's clock is ahead of the phone's: where its first sound of the caller is.
fn shift(said: &[Said], sides: &Sides) -> Option<i64> {
    let (phone, recording) = (said.first()?.span.from, sides.caller.first()?.start);
    Some(millis(recording) - millis(phone))
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// From the end of the caller's sound to the agent's next, where it did not speak already.
fn gap(sides: &Sides, span: Span, shift: i64) -> Option<Duration> {
    let due = u64::try_from(millis(span.to) + shift).ok()?;
    let due = Duration::from_millis(due);
    let ends = sides.caller.iter().map(|segment| segment.end);
    let end = ends.min_by_key(|end| end.abs_diff(due))?;
    if end.abs_diff(due) > APART || sides.agent.iter().any(|s| s.start < end && s.end > end) {
        return None;
    }
    let answer = sides.agent.iter().find(|segment| segment.start >= end)?;
    Some(answer.start - end)
}

/// What the journal says of a sentence: all turns that began between it and the next one.
fn written(record: &Record, said: &Said, until: u64) -> Asked {
    /// A turn's beginning is told by the agent, which hears the first sound a little later or, by
    /// what it adds in front, earlier.
    const BEFORE_MS: u64 = 400;
    let (from, until) = (said.at - BEFORE_MS, until.saturating_sub(BEFORE_MS));
    let turns = record
        .turns
        .iter()
        .filter(|turn| (from..until).contains(&turn.at));
    let turns: Vec<_> = turns.filter(|turn| !turn.heard.is_empty()).collect();
    let join = |of: fn(&journal::Turn) -> &str| {
        let parts: Vec<&str> = turns.iter().map(|turn| of(turn)).collect();
        parts.join(" ").trim().to_owned()
    };
    let answer = join(|turn| &turn.said);
    let first = turns.first();
    Asked {
        text: said.text,
        understood: said.want.met_by(&answer),
        asked_back: said.asked_back,
        heard: join(|turn| &turn.heard),
        said: answer,
        stt_ms: first.and_then(|turn| turn.stt_ms),
        turn_ms: first.and_then(|turn| turn.turn_ms),
        llm_ms: first.and_then(|turn| turn.llm_ms),
        tts_ms: first.and_then(|turn| turn.tts_ms),
        ..Asked::default()
    }
}

impl Talk {
    /// For programs.
    pub(crate) fn to_json(&self, voice: &Voice) -> Value {
        let asked = self.asked.iter().map(|one| {
            json!({
                "text": one.text,
                "heard": one.heard,
                "said": one.said,
                "understood": one.understood,
                "asked_back": one.asked_back,
                "gap_ms": one.gap.map(millis),
                "gap_at_phone_ms": one.gap_at_phone.map(millis),
                "hear_ms": one.stt_ms,
                "decide_ms": one.turn_ms,
                "think_ms": one.llm_ms,
                "voice_ms": one.tts_ms,
            })
        });
        json!({ "voice": voice.name, "sentences": asked.collect::<Vec<_>>(), "wrong": self.wrong })
    }
}
