//! Whole conversations with scripted models, a stage in memory and virtual time.

mod acts;
mod answers;
mod costs;
mod dialogue;
mod failures;
mod interruptions;
mod journal;
mod lines;
mod listening;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use trunkline_base::id::{CallId, RoomName};
use trunkline_client::url::TransportRules;
use trunkline_service::config::{Environment, Source};
use trunkline_service::tasks::Tasks;
use trunkline_store::{Store, Turn};

use super::conversation::{Conversation, Facts};
use super::journal::Journal;
use super::stage::{Doing, Incoming, Note, Stage};
use super::*;
use crate::config::AgentConfig;
use crate::outside::Outside;
use crate::provider::{Batch, Failure, Tts, TtsStream, Utterance};
use crate::speech::Speech;
use crate::speech::testing::{
    LoudnessVad, ScriptedEot, ScriptedStt, ScriptedTts, babbling_speech, scripted_speech,
};
use crate::tools::Target;
use crate::turn::Line;

/// What was played and told, with the time of each frame.
#[derive(Clone, Debug, Default)]
struct Heard {
    frames: Arc<Mutex<Vec<(Instant, bool)>>>,
    sound: Arc<Mutex<Vec<i16>>>,
    notes: Arc<Mutex<Vec<Note>>>,
    /// Transfers and keys.
    done: Arc<Mutex<Vec<String>>>,
}

impl Stage for Heard {
    fn play(&mut self, frame: &[i16; VOICE_FRAME]) -> bool {
        let loud = frame.iter().any(|sample| sample.unsigned_abs() > 1000);
        self.frames.lock().unwrap().push((Instant::now(), loud));
        self.sound.lock().unwrap().extend_from_slice(frame);
        true
    }

    fn tell(&mut self, note: Note) {
        self.notes.lock().unwrap().push(note);
    }

    fn transfer(&mut self, name: &str, target: &Target) -> Doing {
        let wish = format!("{name} at {}", target.to);
        self.done.lock().unwrap().push(wish);
        let end = match target.to.ends_with("busy") {
            true => Err("the line is busy".to_owned()),
            false => Ok(()),
        };
        async move {
            sleep(RINGING).await;
            end
        }
        .boxed()
    }

    fn press(&mut self, keys: &str) -> Doing {
        self.done.lock().unwrap().push(format!("keys {keys}"));
        async { Ok(()) }.boxed()
    }
}

/// How long whoever takes a call over lets it ring.
const RINGING: Duration = Duration::from_secs(20);

fn outside() -> Outside {
    Outside::new(&Arc::new(TransportRules::default())).unwrap()
}

impl Heard {
    fn loud_after(&self, from: Instant) -> Option<Instant> {
        let frames = self.frames.lock().unwrap();
        frames
            .iter()
            .find(|(at, loud)| *loud && *at > from)
            .map(|(at, _)| *at)
    }

    fn last_loud_before(&self, until: Instant) -> Option<Instant> {
        let frames = self.frames.lock().unwrap();
        frames
            .iter()
            .rev()
            .find(|(at, loud)| *loud && *at < until)
            .map(|(at, _)| *at)
    }

    fn states(&self) -> Vec<&'static str> {
        let notes = self.notes.lock().unwrap();
        let state = |note: &Note| match note {
            Note::State(state) => Some(state.as_str()),
            _ => None,
        };
        notes.iter().filter_map(state).collect()
    }

    fn transcripts(&self, by_caller: bool) -> Vec<String> {
        let notes = self.notes.lock().unwrap();
        let text = |note: &Note| match note {
            Note::Transcript(piece) if piece.last && piece.by_caller == by_caller => {
                Some(piece.text.expose().clone())
            }
            _ => None,
        };
        notes.iter().filter_map(text).collect()
    }
}

impl Heard {
    /// The latest 20 ms that are this many milliseconds old, at 16 kHz.
    fn played_before(&self, delay: u64) -> Vec<i16> {
        let sound = self.sound.lock().unwrap();
        let end = sound
            .len()
            .saturating_sub(usize::try_from(delay).unwrap() * 24);
        let frame = &sound[end.saturating_sub(VOICE_FRAME)..end];
        let mut out: Vec<i16> = frame
            .chunks_exact(3)
            .flat_map(|three| [three[0], i16::midpoint(three[1], three[2])])
            .collect();
        out.resize(320, 0);
        out
    }

    fn loud_frames(&self) -> usize {
        let frames = self.frames.lock().unwrap();
        frames.iter().filter(|(_, loud)| *loud).count()
    }

    /// Segments of finished transcript.
    fn segments(&self, by_caller: bool) -> usize {
        let notes = self.notes.lock().unwrap();
        let segment = |note: &Note| match note {
            Note::Transcript(piece) if piece.last && piece.by_caller == by_caller => {
                Some(piece.segment.clone())
            }
            _ => None,
        };
        notes
            .iter()
            .filter_map(segment)
            .collect::<BTreeSet<_>>()
            .len()
    }
}

/// A call under test.
struct Call {
    heard: Heard,
    lane: mpsc::Sender<Incoming>,
    written: mpsc::Receiver<Turn>,
    end: JoinHandle<CloseReason>,
    _tasks: Tasks,
}

fn config() -> AgentConfig {
    let text = include_str!("../../../../../config/agent.yaml");
    let source = Source::new("agent.yaml", text);
    AgentConfig::parse(&source, &Environment::default()).unwrap_or_else(|report| panic!("{report}"))
}

impl Call {
    async fn new(speech: Speech) -> Self {
        Self::with(speech, config(), Some("SCL_1")).await
    }

    async fn with(speech: Speech, config: AgentConfig, call: Option<&str>) -> Self {
        let store = Store::open(":memory:").await.unwrap();
        // From here on nothing may wait for a real disk: virtual hours would pass meanwhile.
        tokio::time::pause();
        let shared = Shared {
            mind: config.mind(&outside()),
            config: Arc::new(config),
            speech,
            cache: Arc::default(),
            store,
            urgent: Arc::default(),
        };
        let facts = Facts {
            call: call.map(|call| CallId::parse(call).unwrap()),
            ..Facts::new(RoomName::parse("call-1").unwrap())
        };
        let heard = Heard::default();
        let (lane, incoming) = mpsc::channel(16);
        let (journal, written) = mpsc::channel(256);
        let tasks = Tasks::new();
        let conversation = Conversation::new(
            shared,
            facts,
            Box::new(heard.clone()),
            Journal::Lane(journal),
        );
        #[expect(clippy::disallowed_methods, reason = "the test holds the handle")]
        let end = tokio::spawn(conversation.run(incoming, tasks.stop()));
        Self {
            heard,
            lane,
            written,
            end,
            _tasks: tasks,
        }
    }

    /// The caller's line carries this for so long.
    async fn line(&self, loudness: i16, length: u64) {
        for _ in 0..length / 20 {
            sleep(Duration::from_millis(20)).await;
            let frame = (0..320).map(|i| if i / 8 % 2 == 0 { loudness } else { -loudness });
            self.hears(frame.collect()).await;
        }
    }

    async fn hears(&self, frame: Vec<i16>) {
        drop(self.lane.send(Incoming::Frame(frame)).await);
    }

    /// The line returns what is played, a tenth as loud and this much later, and carries a voice of
    /// this loudness besides.
    async fn returns(&self, delay: u64, loudness: i16, length: u64) {
        for _ in 0..length / 20 {
            sleep(Duration::from_millis(20)).await;
            let mut frame = self.heard.played_before(delay);
            for (i, sample) in frame.iter_mut().enumerate() {
                let voice = if i / 8 % 2 == 0 { loudness } else { -loudness };
                *sample = *sample / 10 + voice;
            }
            self.hears(frame).await;
        }
    }

    async fn speaks(&self, length: u64) {
        self.line(8000, length).await;
    }

    async fn is_silent(&self, length: u64) {
        self.line(0, length).await;
    }

    async fn leaves(self) -> (CloseReason, Vec<Turn>, Heard) {
        drop(self.lane.send(Incoming::Left).await);
        self.ends().await
    }

    async fn ends(mut self) -> (CloseReason, Vec<Turn>, Heard) {
        let reason = self.end.await.unwrap();
        let mut turns: Vec<Turn> = Vec::new();
        while let Some(turn) = self.written.recv().await {
            match turns.iter_mut().find(|known| known.turn_id == turn.turn_id) {
                Some(known) => *known = turn,
                None => turns.push(turn),
            }
        }
        (reason, turns, self.heard)
    }
}

fn said(turns: &[Turn]) -> Vec<&str> {
    turns
        .iter()
        .map(|turn| turn.said.expose().as_str())
        .collect()
}

const GREETING: &str = "Swift Parcel, good day. How can I help you?";
