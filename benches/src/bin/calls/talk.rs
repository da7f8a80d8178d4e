//! One caller: greeted, it asks its question, hears the answer out, and asks again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use trunkline_benches::phone::{Beat, SAMPLES};
use trunkline_bridge::sip::{Caller, CallerOptions};
use trunkline_media::level;

/// The agent is heard in a frame at least this loud, in dBov.
const LOUD: i8 = -50;
/// Frames of quiet after which the agent has finished: longer than any pause within its answer.
const FINISHED: u32 = 100;

/// What one caller saw of one conversation.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) answered: bool,
    pub(crate) greeted: bool,
    /// Questions asked to their end.
    pub(crate) questions: usize,
    /// Milliseconds from the end of a question to the first sound of its answer.
    pub(crate) answers: Vec<f64>,
    /// Frames that came more than 20 ms after the beat of the ones before.
    pub(crate) late: usize,
    pub(crate) frames: usize,
    pub(crate) lost: u64,
}

/// Phones and talks for so long.
pub(crate) async fn converse(
    options: CallerOptions,
    question: Arc<[i16]>,
    length: Duration,
) -> Heard {
    let mut heard = Heard::default();
    let Ok(mut call) = Caller::call(options).await else {
        return heard;
    };
    heard.answered = true;
    let end = tokio::time::Instant::now() + length;
    let mut beat = Beat::default();
    let mut mouth = Mouth::new(&question);
    loop {
        let frame = tokio::select! {
            frame = call.recv() => frame,
            () = tokio::time::sleep_until(end) => break,
        };
        let Some(frame) = frame else { break };
        heard.frames += 1;
        heard.late += usize::from(beat.is_late(&frame));
        let loud = level::dbov(&frame.samples) >= LOUD;
        heard.greeted |= loud;
        call.send(&mouth.next(loud, &mut heard)).await;
    }
    heard.lost = call.hangup().await.lost;
    heard
}

/// What the caller says, frame by frame.
struct Mouth<'a> {
    question: &'a [i16],
    /// Samples of it already said; all of them while an answer is awaited or heard.
    said: usize,
    /// When the question ended, until the answer begins.
    asked: Option<Instant>,
    quiet: u32,
    heard_any: bool,
}

impl<'a> Mouth<'a> {
    const fn new(question: &'a [i16]) -> Self {
        Self {
            question,
            said: question.len(),
            asked: None,
            quiet: 0,
            heard_any: false,
        }
    }

    fn next(&mut self, loud: bool, heard: &mut Heard) -> [i16; SAMPLES] {
        self.quiet = if loud { 0 } else { self.quiet + 1 };
        self.heard_any |= loud;
        if loud && let Some(asked) = self.asked.take() {
            heard.answers.push(asked.elapsed().as_secs_f64() * 1e3);
        }
        let waits = self.said == self.question.len();
        if waits && self.heard_any && self.quiet > FINISHED {
            (self.said, self.quiet) = (0, 0);
        }
        let mut out = [0; SAMPLES];
        let rest = self.question.get(self.said..).unwrap_or_default();
        for (to, from) in out.iter_mut().zip(rest) {
            *to = *from;
        }
        if !rest.is_empty() && rest.len() <= SAMPLES {
            heard.questions += 1;
            (self.asked, self.quiet) = (Some(Instant::now()), 0);
        }
        self.said += rest.len().min(SAMPLES);
        out
    }
}
