//! Whole conversations with scripted models, a stage in memory and virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use trunkline_base::id::{CallId, RoomName};
use trunkline_service::config::{Environment, Source};
use trunkline_service::tasks::Tasks;
use trunkline_store::{Store, Turn};

use super::conversation::{Conversation, Facts};
use super::journal::Journal;
use super::stage::{Incoming, Note, Stage};
use super::*;
use crate::speech::testing::{LoudnessVad, ScriptedEot, ScriptedStt, ScriptedTts, scripted_speech};
use crate::speech::{SpeechError, SpeechStream, TextToSpeech};
use crate::turn::Line;

/// What was played and told, with the time of each frame.
#[derive(Clone, Debug, Default)]
struct Heard {
    frames: Arc<Mutex<Vec<(Instant, bool)>>>,
    notes: Arc<Mutex<Vec<Note>>>,
}

impl Stage for Heard {
    fn play(&mut self, frame: &[i16; VOICE_FRAME]) -> bool {
        let loud = frame.iter().any(|sample| sample.unsigned_abs() > 1000);
        self.frames.lock().unwrap().push((Instant::now(), loud));
        true
    }

    fn tell(&mut self, note: Note) {
        self.notes.lock().unwrap().push(note);
    }
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

/// A call under test.
struct Call {
    heard: Heard,
    lane: mpsc::Sender<Incoming>,
    written: mpsc::Receiver<Turn>,
    end: JoinHandle<CloseReason>,
    _tasks: Tasks,
}

fn config() -> AgentConfig {
    let text = include_str!("../../../../config/agent.yaml");
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
            mind: config.brain.mind(reqwest::Client::new()),
            config: Arc::new(config),
            speech,
            cache: Arc::default(),
            store,
            urgent: Arc::default(),
        };
        let facts = Facts {
            room: RoomName::parse("call-1").unwrap(),
            call: call.map(|call| CallId::parse(call).unwrap()),
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
            if self
                .lane
                .send(Incoming::Frame(frame.collect()))
                .await
                .is_err()
            {
                return;
            }
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

#[tokio::test]
async fn a_question_is_answered_and_written_down() {
    let call = Call::new(scripted_speech(&["What are your opening hours?"], 0.95)).await;
    call.is_silent(4000).await;
    call.speaks(1500).await;
    let quiet = Instant::now();
    call.is_silent(12_000).await;
    let answered = call.heard.loud_after(quiet).unwrap() - quiet;
    // Instant models: what is left is the wait for the end of the turn.
    assert!(answered < Duration::from_millis(380), "{answered:?}");
    let (reason, turns, heard) = call.leaves().await;
    assert_eq!(reason, CloseReason::ParticipantDisconnected);
    assert_eq!(turns[0].said.expose(), GREETING);
    assert_eq!(turns[1].heard.expose(), "What are your opening hours?");
    assert!(turns[1].said.expose().contains("eight in the morning"));
    assert!(!turns[1].interrupted);
    let latency = turns[1].latency;
    for figure in [
        latency.voice_to_voice_ms,
        latency.turn_ms,
        latency.stt_ms,
        latency.llm_ms,
    ] {
        assert!(figure.is_some(), "{latency:?}");
    }
    assert_eq!(heard.transcripts(true), ["What are your opening hours?"]);
    assert_eq!(heard.transcripts(false)[0], GREETING);
    let states = heard.states();
    assert_eq!(
        states[..4],
        ["thinking", "speaking", "listening", "thinking"],
        "{states:?}"
    );
}

/// A caller held the call in the middle of the greeting, music played, and the agent talked to it,
/// asked whether anybody was there and hung up.
#[tokio::test]
async fn on_hold_the_agent_waits_and_goes_on_where_it_stopped() {
    let call = Call::new(scripted_speech(&["la la la"], 0.95)).await;
    call.is_silent(1200).await;
    drop(call.lane.send(Incoming::Line(Line::Held)).await);
    call.is_silent(40).await;
    let held = Instant::now();
    call.speaks(60_000).await;
    call.is_silent(60_000).await;
    assert_eq!(call.heard.loud_after(held), None);
    drop(call.lane.send(Incoming::Line(Line::Open)).await);
    let resumed = Instant::now();
    call.is_silent(6000).await;
    let again = call.heard.loud_after(held).unwrap() - resumed;
    assert!(again < Duration::from_millis(100), "{again:?}");
    let (_, turns, heard) = call.leaves().await;
    assert_eq!(said(&turns), [GREETING]);
    assert!(!turns[0].interrupted && turns[0].heard.expose().is_empty());
    assert!(heard.transcripts(true).is_empty());
}

#[tokio::test]
async fn the_agent_is_silent_within_a_moment_of_being_talked_over_and_knows_what_it_said() {
    let call = Call::new(scripted_speech(&["speak to a person"], 0.95)).await;
    call.is_silent(1600).await;
    let began = Instant::now();
    call.speaks(900).await;
    let silent = call.heard.last_loud_before(Instant::now()).unwrap();
    assert!(
        silent - began < Duration::from_millis(300),
        "{:?}",
        silent - began
    );
    call.is_silent(2000).await;
    let (_, turns, _) = call.leaves().await;
    assert!(turns[0].interrupted);
    let greeting = turns[0].said.expose();
    assert!(
        GREETING.starts_with(greeting.as_str()) && greeting.len() < GREETING.len(),
        "{greeting}"
    );
    assert!(greeting.starts_with("Swift Parcel"), "{greeting}");
    assert_eq!(turns[1].heard.expose(), "speak to a person");
    assert!(turns[1].latency.barge_in_ms.is_some());
}

/// The configuration of an agent whose phone calls are recorded.
fn recorded() -> AgentConfig {
    AgentConfig {
        announcement: Some("This call is recorded.".to_owned()),
        ..config()
    }
}

#[tokio::test]
async fn a_recorded_caller_hears_so_first_and_cannot_talk_over_it() {
    let speech = scripted_speech(&["speak to a person"], 0.95);
    let call = Call::with(speech, recorded(), Some("SCL_1")).await;
    call.is_silent(300).await;
    call.speaks(900).await;
    call.is_silent(9000).await;
    let (_, turns, _) = call.leaves().await;
    assert_eq!(
        said(&turns)[0],
        format!("This call is recorded. {GREETING}")
    );
    assert!(!turns[0].interrupted);
}

#[tokio::test]
async fn whoever_comes_by_browser_is_not_recorded_and_greeted_as_ever() {
    let call = Call::with(scripted_speech(&[], 0.95), recorded(), None).await;
    call.is_silent(6000).await;
    let (_, turns, _) = call.leaves().await;
    assert_eq!(said(&turns)[0], GREETING);
}

#[tokio::test]
async fn a_cough_over_the_agent_only_holds_it_up() {
    let call = Call::new(scripted_speech(&[""], 0.95)).await;
    call.is_silent(1000).await;
    call.speaks(400).await;
    let quiet = Instant::now();
    call.is_silent(6000).await;
    let resumed = call.heard.loud_after(quiet).unwrap() - quiet;
    assert!(resumed > Duration::from_millis(1900), "{resumed:?}");
    let (_, turns, _) = call.leaves().await;
    assert_eq!(said(&turns), [GREETING]);
    assert!(!turns[0].interrupted);
}

#[tokio::test]
async fn goodbye_is_played_out_and_ends_the_call() {
    let call = Call::new(scripted_speech(&["goodbye"], 0.95)).await;
    call.is_silent(3500).await;
    call.speaks(800).await;
    call.is_silent(8000).await;
    let (reason, turns, _) = call.ends().await;
    assert_eq!(reason, CloseReason::TaskCompleted);
    assert_eq!(
        turns[1].said.expose(),
        "Thank you for calling Swift Parcel. Goodbye."
    );
    assert!(!turns[1].interrupted);
}

#[tokio::test]
async fn keys_are_heard() {
    let call = Call::new(scripted_speech(&[], 0.95)).await;
    call.is_silent(1000).await;
    call.lane.send(Incoming::Digit('1')).await.unwrap();
    call.is_silent(6000).await;
    for key in "111111".chars() {
        call.lane.send(Incoming::Digit(key)).await.unwrap();
        call.is_silent(200).await;
    }
    call.is_silent(3000).await;
    let (_, turns, _) = call.leaves().await;
    let heard: Vec<&str> = turns
        .iter()
        .map(|turn| turn.heard.expose().as_str())
        .collect();
    assert_eq!(heard, ["", "1", "111111"]);
    assert!(
        turns[2].said.expose().contains("Parcel 1 1 1"),
        "{turns:?} {:?}",
        said(&turns)
    );
}

#[tokio::test]
async fn a_silent_caller_is_asked_and_then_let_go() {
    let call = Call::new(scripted_speech(&[], 0.95)).await;
    call.is_silent(60_000).await;
    let (reason, turns, _) = call.ends().await;
    assert_eq!(reason, CloseReason::CallerSilent);
    assert_eq!(turns[1].said.expose(), "Are you still there?");
}

#[tokio::test]
async fn a_sentence_continued_in_time_is_one_turn() {
    let speech = Speech::from_parts(
        Arc::new(ScriptedStt::new(&["where is", "where is my parcel"])),
        Arc::new(ScriptedTts::default()),
        Arc::new(LoudnessVad::default()),
        Arc::new(ScriptedEot::script(&[0.1, 0.9])),
    );
    let call = Call::new(speech).await;
    call.is_silent(3500).await;
    call.speaks(700).await;
    call.is_silent(400).await;
    call.speaks(700).await;
    call.is_silent(2000).await;
    let (_, turns, _) = call.leaves().await;
    let heard: Vec<&str> = turns
        .iter()
        .map(|turn| turn.heard.expose().as_str())
        .collect();
    assert_eq!(heard, ["", "where is my parcel"]);
}

#[tokio::test]
async fn a_failed_transcription_is_apologised_for() {
    let stt = ScriptedStt::default();
    stt.push(Err(SpeechError::Overloaded { waiting: 9 }));
    stt.push(Ok("goodbye".to_owned()));
    let speech = Speech::from_parts(
        Arc::new(stt),
        Arc::new(ScriptedTts::default()),
        Arc::new(LoudnessVad::default()),
        Arc::new(ScriptedEot::new(0.9)),
    );
    let call = Call::new(speech).await;
    call.is_silent(3500).await;
    call.speaks(700).await;
    call.is_silent(8000).await;
    call.speaks(700).await;
    call.is_silent(8000).await;
    let (reason, turns, _) = call.ends().await;
    assert_eq!(reason, CloseReason::TaskCompleted);
    assert!(
        turns[1].said.expose().contains("something went wrong"),
        "{:?}",
        said(&turns)
    );
}

/// A voice that is broken.
struct Mute;

impl TextToSpeech for Mute {
    fn synthesize(&self, _text: &str, _cancel: CancellationToken) -> SpeechStream {
        let (sender, chunks) = mpsc::channel(1);
        drop(sender.try_send(Err(SpeechError::Overloaded { waiting: 9 })));
        SpeechStream::new(chunks)
    }

    fn rate(&self) -> u32 {
        22_050
    }
}

#[tokio::test]
async fn a_broken_voice_ends_the_call_instead_of_leaving_the_caller_in_silence() {
    let speech = Speech::from_parts(
        Arc::new(ScriptedStt::new(&["hello", "hello", "hello"])),
        Arc::new(Mute),
        Arc::new(LoudnessVad::default()),
        Arc::new(ScriptedEot::new(0.9)),
    );
    let call = Call::new(speech).await;
    for _ in 0..3 {
        call.is_silent(1000).await;
        call.speaks(700).await;
    }
    call.is_silent(3000).await;
    let (reason, _, _) = call.ends().await;
    assert_eq!(reason, CloseReason::Error);
}

#[tokio::test]
async fn what_was_said_so_far_is_kept_when_the_caller_hangs_up_in_the_middle() {
    let call = Call::new(scripted_speech(&[], 0.9)).await;
    call.is_silent(1500).await;
    let (reason, turns, heard) = call.leaves().await;
    assert_eq!(reason, CloseReason::ParticipantDisconnected);
    assert!(turns[0].interrupted);
    assert_eq!(turns[0].said.expose(), "Swift Parcel, good day. How");
    assert_eq!(heard.transcripts(false).len(), 1);
}

#[tokio::test]
async fn a_turn_is_in_the_store_when_the_journal_closes() {
    let store = Store::open(":memory:").await.unwrap();
    let journal = Journal::Store(store.clone());
    let turn = Turn {
        turn_id: trunkline_base::id::TurnId::parse("TN_1").unwrap(),
        room: RoomName::parse("call-1").unwrap(),
        call_id: Some(CallId::parse("SCL_1").unwrap()),
        at: trunkline_base::time::UnixTime(1),
        heard: "hello".to_owned().into(),
        said: String::new().into(),
        interrupted: false,
        latency: trunkline_store::TurnLatency::default(),
    };
    journal.write(turn.clone());
    journal.write(Turn {
        said: "Good day.".to_owned().into(),
        ..turn
    });
    journal.close().await;
    assert_eq!(
        said(&store.turns().of_call("SCL_1").await.unwrap()),
        ["Good day."]
    );
}

#[tokio::test]
async fn sound_made_ahead_is_found_by_every_conversation() {
    let store = Store::open(":memory:").await.unwrap();
    let config = config();
    let shared = Shared {
        mind: config.brain.mind(reqwest::Client::new()),
        config: Arc::new(config),
        speech: scripted_speech(&[], 0.9),
        cache: Arc::default(),
        store,
        urgent: Arc::default(),
    };
    warm(shared.clone(), Tasks::new().stop()).await;
    for sentence in [
        "Swift Parcel, good day.",
        "How can I help you?",
        "Are you still there?",
    ] {
        let clip = shared.cache.find(sentence).unwrap();
        assert!(!clip.clauses.is_empty());
    }
}
