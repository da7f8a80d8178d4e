//! The conversation itself: one task, one `select!`, every piece of state in one place.

mod acts;
mod cost;
mod listening;
mod models;
mod obey;
mod record;
mod speak;
mod writing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use trunkline_base::id::guid;
use trunkline_service::tasks::Stop;

use super::bill::Bill;
use super::hearing::{Hearing, level_of};
use super::journal::Journal;
use super::lately::Lately;
use super::listener::Listener;
use super::make::Made;
use super::mouth::Mouth;
use super::reply::Reply;
use super::stage::{Incoming, Stage};
use super::{CloseReason, Shared, VOICE_RATE};
use crate::brain::{Brain, Question};
use crate::provider::{ProviderError, Stt, SttEvent, VadStream};
use crate::turn::{Echo, Input, Line, Machine, ReplyId, Sound};
use listening::{Listening, Report};
use record::Record;

pub(super) use crate::brain::Facts;

/// Pieces of answers on their way here. They are taken at once, so it fills only while this task
/// does not run.
const MADE_LANE: usize = 64;

/// A wake-up that is never needed stands this far off.
const FAR: Duration = Duration::from_secs(3600);

/// Sound that was made, and the reply it belongs to.
type MadeFor = (ReplyId, Made);

pub(super) struct Conversation {
    shared: Shared,
    facts: Facts,
    machine: Machine,
    brain: Box<dyn Brain>,
    vad: Box<dyn VadStream>,
    hearing: Hearing,
    echo: Echo,
    lately: Lately,
    listening: Listening,
    /// Where what hears words does so while they are spoken.
    listener: Option<Listener>,
    stage: Box<dyn Stage>,
    journal: Journal,
    mouth: Mouth,
    replies: BTreeMap<ReplyId, Reply>,
    records: BTreeMap<ReplyId, Record>,
    made: (mpsc::Sender<MadeFor>, mpsc::Receiver<MadeFor>),
    work: JoinSet<Report>,
    /// The segment of the transcript the caller speaks into.
    caller_segment: String,
    /// The record of a turn that was answered too soon and goes on.
    unfinished: Option<Record>,
    /// From the caller's first sound over the agent to the agent's last.
    barge_in: Option<Duration>,
    /// Failures in a row.
    faults: u32,
    /// The apology that is being said.
    apology: Option<ReplyId>,
    /// When the call ends by the agent's own wish.
    hang_up_at: Option<(Instant, CloseReason)>,
    /// The call is being passed on.
    transferring: bool,
    ending: Option<CloseReason>,
    rng: SmallRng,
    bill: Bill,
}

impl Conversation {
    pub(super) fn new(
        shared: Shared,
        facts: Facts,
        stage: Box<dyn Stage>,
        journal: Journal,
    ) -> Self {
        let now = Instant::now().into_std();
        let mut rng = SmallRng::from_rng(&mut rand::rng());
        Self {
            machine: Machine::new(shared.config.turns.clone(), now),
            brain: shared.mind.brain(&facts),
            vad: shared.speech.vad().start(),
            hearing: Hearing::default(),
            echo: Echo::new(VOICE_RATE),
            lately: Lately::default(),
            listening: Listening::default(),
            listener: listener(shared.speech.stt()),
            stage,
            journal,
            mouth: Mouth::new(),
            replies: BTreeMap::new(),
            records: BTreeMap::new(),
            made: mpsc::channel(MADE_LANE),
            work: JoinSet::new(),
            caller_segment: guid("SG_", &mut rng),
            unfinished: None,
            barge_in: None,
            faults: 0,
            apology: None,
            hang_up_at: None,
            transferring: false,
            ending: None,
            rng,
            bill: Bill::default(),
            shared,
            facts,
        }
    }

    /// Greets, and talks until somebody ends it.
    pub(super) async fn run(
        mut self,
        mut incoming: mpsc::Receiver<Incoming>,
        stop: Stop,
    ) -> CloseReason {
        self.greet();
        let reason = loop {
            self.obey();
            if let Some(reason) = self.ending {
                break reason;
            }
            let (frame, wake) = (self.mouth.due(), self.wake_at());
            tokio::select! {
                biased;
                () = stop.hurry() => break CloseReason::JobShutdown,
                () = sleep_until(frame) => self.on_frame_due(),
                event = incoming.recv() => self.on_incoming(event.unwrap_or(Incoming::Closed)),
                Some(report) = self.work.join_next(), if !self.work.is_empty() => {
                    self.on_report(report);
                }
                Some((reply, made)) = self.made.1.recv() => self.on_made(reply, made),
                event = heard(&mut self.listener) => self.on_heard(event),
                () = sleep_until(wake) => self.on_time(),
            }
        };
        self.close_records();
        self.write_bill();
        self.journal.close().await;
        reason
    }

    fn on_incoming(&mut self, event: Incoming) {
        match event {
            Incoming::Frame(samples) => self.on_frame(&samples),
            Incoming::Digit(key) => self.input(Input::Digit(key)),
            Incoming::Line(line) => self.on_line(line),
            Incoming::Left => {
                self.input(Input::CallerLeft);
                self.obey();
                self.ending = Some(CloseReason::ParticipantDisconnected);
            }
            Incoming::Closed => self.ending = Some(CloseReason::JobShutdown),
        }
    }

    fn on_line(&mut self, line: Line) {
        tracing::info!(?line, "the caller's line changed");
        self.input(Input::Line(line));
    }

    fn on_frame(&mut self, samples: &[i16]) {
        let now = Instant::now().into_std();
        let Self {
            hearing,
            vad,
            machine,
            echo,
            listener,
            ..
        } = self;
        if let Some(listener) = listener {
            listener.hear(samples);
        }
        hearing.push(samples, |window| {
            let level = level_of(window);
            let sound = Sound {
                voice: vad.process(window),
                level,
                own: echo.heard(window, level),
            };
            machine.handle_input(Input::Window(sound), now);
        });
    }

    fn on_time(&mut self) {
        if let Some((at, reason)) = self.hang_up_at
            && Instant::now() >= at
        {
            self.ending = Some(reason);
        }
        self.give_up_questions();
        self.machine.handle_timeout(Instant::now().into_std());
    }

    fn wake_at(&self) -> Instant {
        let now = Instant::now();
        let turn = self
            .machine
            .poll_timeout(now.into_std())
            .map(|(at, _)| Instant::from_std(at));
        [
            turn,
            self.hang_up_at.map(|(at, _)| at),
            self.questions_due(),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(now + FAR)
    }

    fn input(&mut self, input: Input) {
        self.machine.handle_input(input, Instant::now().into_std());
    }

    /// The time on the caller's clock.
    fn clock(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc().to_offset(self.shared.config.utc_offset)
    }

    fn ask_brain(&mut self, question: &Question) -> crate::brain::Thought {
        self.tell_progress();
        self.brain.think(question, self.clock())
    }
}

/// Whoever hears whole utterances at once is asked for them when they are wanted.
fn listener(stt: &Arc<dyn Stt>) -> Option<Listener> {
    let listens = stt.recogniser().is_none();
    listens.then(|| Listener::new(Arc::clone(stt)))
}

/// What a provider that listens says next.
async fn heard(listener: &mut Option<Listener>) -> Option<Result<SttEvent, ProviderError>> {
    match listener {
        Some(listener) => listener.next().await,
        None => std::future::pending().await,
    }
}
