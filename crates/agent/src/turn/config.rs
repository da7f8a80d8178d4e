//! Every delay and threshold of a conversation's turns, with the defaults of livekit/agents and
//! the phone profile beside them.

use std::time::Duration;

/// How the machine takes turns.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnConfig {
    /// When the caller's turn counts as finished.
    pub endpointing: Endpointing,
    /// When the caller may talk over the agent.
    pub interruption: Interruption,
    /// Answers prepared before the caller's turn is known to be over.
    pub preemptive: Preemptive,
    /// From voice probabilities to speech and silence.
    pub vad: VadRules,
    /// The model that hears whether a sentence is finished.
    pub end_of_turn: EndOfTurnRules,
    /// Limits of one caller's turn.
    pub limits: TurnLimits,
    /// Both silent for this long: the caller counts as away. `None` never asks.
    pub user_away_timeout: Option<Duration>,
    /// No interruption this long into the agent's first speech: echo cancellers learn.
    pub aec_warmup_duration: Duration,
}

/// When the caller's turn counts as finished; delays run from the last moment of speech.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpointing {
    /// Wait when the sentence sounds finished.
    pub min_delay: Duration,
    /// Wait when it does not.
    pub max_delay: Duration,
    /// Wait when the brain understood a whole request but the voice sounds unfinished.
    pub understood_delay: Duration,
}

/// When the caller may talk over the agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Interruption {
    /// Whether the agent can be interrupted at all.
    pub enabled: bool,
    /// Speech this long pauses the agent.
    pub min_duration: Duration,
    /// Fewer words than this over running speech neither interrupt nor count as a turn.
    pub min_words: usize,
    /// Whether playout goes on after a pause that nothing followed.
    pub resume_false_interruption: bool,
    /// How long nothing must follow before it goes on.
    pub false_interruption_timeout: Duration,
    /// Speech over an uninterruptible answer is dropped, not kept for later.
    pub discard_audio_if_uninterruptible: bool,
    /// Bare listening noises ("uh-huh") do not count as a turn until what the agent asks was heard
    /// or, if it asks nothing, until this long before its end.
    pub backchannel_boundary: Duration,
    /// The listening noises, normalised.
    pub backchannels: Vec<String>,
    /// Words that stop the agent at any loudness, and however unsure they are heard.
    pub commands: Vec<String>,
    /// Other short words that are meant though they are hardly heard.
    pub short_words: Vec<String>,
}

/// Answers prepared before the caller's turn is known to be over.
#[derive(Clone, Debug, PartialEq)]
pub struct Preemptive {
    /// Whether to do so at all.
    pub enabled: bool,
    /// Whether to synthesise the prepared answer too.
    pub preemptive_tts: bool,
    /// Not for turns longer than this.
    pub max_speech_duration: Duration,
    /// At most this many tries in one turn of the caller.
    pub max_retries: u32,
}

/// From voice probabilities to speech and silence.
#[derive(Clone, Debug, PartialEq)]
pub struct VadRules {
    /// Probability that starts speech.
    pub activation_threshold: f32,
    /// Probability under which speech is thought to pause.
    pub deactivation_threshold: f32,
    /// Voice this long is speech.
    pub min_speech_duration: Duration,
    /// Silence this long ends a stretch of speech.
    pub min_silence_duration: Duration,
    /// Sound kept from before the speech began.
    pub prefix_padding_duration: Duration,
    /// Silence after which a transcript is already asked for.
    pub speculate_after: Duration,
}

/// The model that hears whether a sentence is finished.
#[derive(Clone, Debug, PartialEq)]
pub struct EndOfTurnRules {
    /// Whether there is such a model.
    pub enabled: bool,
    /// Silence before it is asked.
    pub ask_after: Duration,
    /// Probability that counts as finished.
    pub threshold: f32,
    /// After this long without an answer the turn goes on without one.
    pub prediction_timeout: Duration,
    /// Sound it is given at most.
    pub window: Duration,
}

/// Limits of one caller's turn.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnLimits {
    /// A turn this long is answered even if the caller talks on.
    pub max_duration: Option<Duration>,
    /// A turn of this many words is answered even if the caller talks on.
    pub max_words: Option<usize>,
    /// Longest stretch of sound given to one transcription.
    pub max_segment: Duration,
}

impl TurnConfig {
    /// The defaults of livekit/agents with a local audio turn detector.
    pub fn standard() -> Self {
        Self {
            endpointing: Endpointing {
                min_delay: ms(500),
                max_delay: ms(3000),
                understood_delay: ms(900),
            },
            interruption: Interruption {
                enabled: true,
                min_duration: ms(500),
                min_words: 0,
                resume_false_interruption: true,
                false_interruption_timeout: ms(2000),
                discard_audio_if_uninterruptible: true,
                backchannel_boundary: ms(1000),
                backchannels: owned(BACKCHANNELS),
                commands: owned(COMMANDS),
                short_words: owned(SHORT_WORDS),
            },
            preemptive: Preemptive {
                enabled: true,
                preemptive_tts: false,
                max_speech_duration: ms(10_000),
                max_retries: 3,
            },
            vad: VadRules {
                activation_threshold: 0.5,
                deactivation_threshold: 0.35,
                min_speech_duration: ms(50),
                min_silence_duration: ms(250),
                prefix_padding_duration: ms(500),
                speculate_after: ms(250),
            },
            end_of_turn: EndOfTurnRules {
                enabled: true,
                ask_after: ms(200),
                threshold: 0.5,
                prediction_timeout: ms(1000),
                window: ms(8000),
            },
            limits: TurnLimits {
                max_duration: None,
                max_words: None,
                max_segment: ms(20_000),
            },
            user_away_timeout: Some(ms(15_000)),
            aec_warmup_duration: ms(3000),
        }
    }

    /// Quick enough for a telephone: the line has its own echo canceller, and callers expect
    /// an answer within a second.
    pub fn phone() -> Self {
        let mut config = Self::standard();
        config.endpointing = Endpointing {
            min_delay: ms(300),
            max_delay: ms(2000),
            understood_delay: ms(500),
        };
        config.interruption.min_duration = ms(96);
        config.preemptive.preemptive_tts = true;
        config.vad.speculate_after = ms(110);
        config.end_of_turn.ask_after = ms(150);
        config.limits.max_duration = Some(ms(60_000));
        config.user_away_timeout = Some(ms(12_000));
        config.aec_warmup_duration = Duration::ZERO;
        config
    }
}

impl Default for TurnConfig {
    fn default() -> Self {
        Self::standard()
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// What listeners say without wanting the floor. A "yes" is one too, as long
/// as nothing was asked; a "no" never is.
const BACKCHANNELS: &[&str] = &[
    "uh huh",
    "uhuh",
    "huh",
    "aha",
    "ah",
    "oh",
    "uh",
    "um",
    "mm hmm",
    "mhm",
    "hmm",
    "mm",
    "hm",
    "mmm",
    "yeah",
    "yep",
    "yup",
    "yes",
    "okay",
    "ok",
    "right",
    "all right",
    "alright",
    "i see",
    "sure",
    "of course",
    "got it",
    "great",
    "good",
    "that's right",
    // What a recogniser hears where there is nothing.
    "you",
];

const COMMANDS: &[&str] = &[
    "stop",
    "wait",
    "hold on",
    "hang on",
    "excuse me",
    "one moment",
    "just a moment",
    "one second",
    "just a second",
    "hold it",
    "be quiet",
    "shut up",
];

const SHORT_WORDS: &[&str] = &[
    "no",
    "nope",
    "what",
    "sorry",
    "pardon",
    "hello",
    "help",
    "agent",
    "operator",
    "person",
    "human",
    "cancel",
    "repeat",
    "again",
    "quiet",
    "wrong",
    "never mind",
    "goodbye",
    "bye",
];
