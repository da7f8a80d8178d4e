//! The parts together, on the real models: what is said is heard again through a telephone line.
//! Skipped by name where the models are not installed; `TRUNKLINE_MODELS` names their directory.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use trunkline_media::g711::Law;
use trunkline_media::rate::SampleRate;
use trunkline_media::resample::convert;

use super::*;
use crate::provider::{SPEECH_RATE, VAD_WINDOW};

/// What is said, and the words that should be heard.
const SENTENCES: [(&str, &str); 8] = [
    (
        "Hello, how can I help you today?",
        "hello how can i help you today",
    ),
    (
        "I would like to book a table for four people on Friday evening.",
        "i would like to book a table for four people on friday evening",
    ),
    (
        "My order number is 48213.",
        "my order number is four eight two one three",
    ),
    (
        "Can you tell me what time you open on Saturday?",
        "can you tell me what time you open on saturday",
    ),
    ("Yes, please.", "yes please"),
    ("I want to talk to a person.", "i want to talk to a person"),
    (
        "What is the price of a double room with breakfast?",
        "what is the price of a double room with breakfast",
    ),
    ("No, thank you. Goodbye.", "no thank you goodbye"),
];

fn models_dir() -> Option<PathBuf> {
    let given = std::env::var_os("TRUNKLINE_MODELS").map(PathBuf::from);
    let dir = given.or_else(models::default_dir)?;
    let manifest = models::Manifest::builtin().ok()?;
    models::list(&manifest, &dir)
        .iter()
        .all(|file| file.state.is_good())
        .then_some(dir)
}

/// The models, loaded once for all tests; `None` where they are not installed.
fn speech(test: &str) -> Option<&'static Speech> {
    static SPEECH: OnceLock<Option<Speech>> = OnceLock::new();
    let config = SpeechConfig {
        variation: 0.0,
        ..SpeechConfig::default()
    };
    let load = || Some(Speech::load(&models_dir()?, &config).unwrap());
    let speech = SPEECH.get_or_init(load).as_ref();
    if speech.is_none() {
        skipped(test);
    }
    speech
}

fn skipped(test: &str) {
    eprintln!("SKIPPED {test}: the offline models are not installed (see TRUNKLINE_MODELS)");
}

/// At 8 kHz.
async fn say(speech: &Speech, text: &str) -> Vec<i16> {
    let stream = speech.tts().say(text.into());
    stream.whole(SampleRate::HZ_8000).await.unwrap()
}

/// Through mu-law and back, and up to 16 kHz: what a telephone leaves of a voice.
fn telephone(narrow: &[i16]) -> Arc<[i16]> {
    let line: Vec<i16> = narrow
        .iter()
        .map(|s| Law::Mu.decode_sample(Law::Mu.encode_sample(*s)))
        .collect();
    convert(SampleRate::HZ_8000, SampleRate::HZ_16000, &line)
        .unwrap()
        .into()
}

fn words(text: &str) -> Vec<String> {
    let text = text
        .replace("good-bye", "goodbye")
        .replace("Good-bye", "goodbye");
    let plain = |c: char| {
        if c.is_alphanumeric() || c == '\'' {
            c.to_ascii_lowercase()
        } else {
            ' '
        }
    };
    text.chars()
        .map(plain)
        .collect::<String>()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

/// Words to change, add or drop to get from one to the other.
fn distance(from: &[String], to: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let changed = corner + usize::from(a != b);
            corner = row[j + 1];
            row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

async fn hear(speech: &Speech, sound: Arc<[i16]>) -> String {
    let heard = speech.words(sound).await.unwrap();
    heard.text.into_inner()
}

#[tokio::test]
async fn what_is_said_is_heard_through_a_telephone_line() {
    let Some(speech) = speech("what_is_said_is_heard_through_a_telephone_line") else {
        return;
    };
    let (mut wrong, mut total) = (0, 0);
    for (said, expected) in SENTENCES {
        let sound = say(speech, said).await;
        let heard = hear(speech, telephone(&sound)).await;
        let expected = words(expected);
        let errors = distance(&expected, &words(&heard));
        println!("{errors} wrong of {}: {heard}", expected.len());
        wrong += errors;
        total += expected.len();
    }
    assert!(wrong * 100 <= total * 8, "{wrong} of {total} words wrong");
}

#[tokio::test]
async fn a_long_speech_is_heard_in_pieces() {
    let Some(speech) = speech("a_long_speech_is_heard_in_pieces") else {
        return;
    };
    let mut sound = Vec::new();
    let mut expected = Vec::new();
    for (said, text) in SENTENCES {
        sound.extend(say(speech, said).await);
        expected.extend(words(text));
    }
    let sound = telephone(&sound);
    assert!(sound.len() > 14 * 16_000);
    let heard = hear(speech, sound).await;
    let errors = distance(&expected, &words(&heard));
    println!("{errors} wrong of {}: {heard}", expected.len());
    assert!(
        errors * 100 <= expected.len() * 15,
        "{errors} of {}: {heard}",
        expected.len()
    );
}

#[tokio::test]
async fn silence_and_hiss_are_no_words() {
    let Some(speech) = speech("silence_and_hiss_are_no_words") else {
        return;
    };
    let mut seed = 1_u32;
    let mut noise = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i16::try_from(seed >> 27).unwrap() - 16
    };
    let hiss: Vec<i16> = (0..32_000).map(|_| noise()).collect();
    for sound in [vec![0; 100], vec![0; 48_000], hiss] {
        assert_eq!(hear(speech, sound.into()).await, "");
    }
}

#[tokio::test]
async fn voice_is_found_where_it_is() {
    let Some(speech) = speech("voice_is_found_where_it_is") else {
        return;
    };
    let voice = telephone(&say(speech, SENTENCES[1].0).await);
    let mut sound = vec![0_i16; SPEECH_RATE as usize];
    sound.extend(voice.iter());
    sound.extend(vec![0; 2 * SPEECH_RATE as usize]);
    let mut stream = speech.vad().start();
    let probabilities: Vec<f32> = sound
        .chunks_exact(VAD_WINDOW)
        .map(|w| stream.process(w.try_into().unwrap()))
        .collect();
    let first = probabilities.iter().position(|p| *p > 0.5).unwrap() * VAD_WINDOW;
    let last = probabilities.iter().rposition(|p| *p > 0.5).unwrap() * VAD_WINDOW;
    let near = |at: usize, expected: usize, ms: usize| at.abs_diff(expected) < 16 * ms;
    assert!(
        near(first, SPEECH_RATE as usize, 200),
        "voice begins at {first}"
    );
    assert!(
        near(last, SPEECH_RATE as usize + voice.len(), 500),
        "voice ends at {last}"
    );
    let inside = probabilities.iter().filter(|p| **p > 0.5).count() * VAD_WINDOW;
    assert!(
        inside * 10 > voice.len() * 7,
        "voice in {inside} of {} samples",
        voice.len()
    );
}

#[tokio::test]
async fn a_finished_sentence_is_told_from_one_cut_off() {
    let Some(speech) = speech("a_finished_sentence_is_told_from_one_cut_off") else {
        return;
    };
    let whole = [SENTENCES[0], SENTENCES[1], SENTENCES[3], SENTENCES[6]];
    let (mut finished, mut cut_off) = (Vec::new(), Vec::new());
    for (said, _) in whole {
        let sound = say(speech, said).await;
        finished.push(judge(speech, &sound).await);
        // A pause may fall where the sentence could have ended, so several cuts are judged.
        for tenths in 3..=8 {
            cut_off.push(judge(speech, &sound[..sound.len() * tenths / 10]).await);
        }
    }
    let mean = |of: &[f32]| of.iter().sum::<f32>() / of.len() as f32;
    let (finished, cut_off) = (mean(&finished), mean(&cut_off));
    println!("finished {finished:.2}, cut off {cut_off:.2}");
    assert!(
        finished > 0.6 && cut_off < finished - 0.25,
        "{finished} and {cut_off}"
    );
}

async fn judge(speech: &Speech, sound: &[i16]) -> f32 {
    let sound = telephone(sound);
    speech.eot().probability(sound).await.unwrap()
}

#[tokio::test]
async fn spans_follow_the_text_and_cover_its_sentences() {
    let Some(speech) = speech("spans_follow_the_text_and_cover_its_sentences") else {
        return;
    };
    let text = "First one. \u{1f600} Second, caf\u{e9}! And a third?";
    let mut stream = speech.tts().say(text.into());
    let mut ended = Vec::new();
    while let Some(chunk) = stream.next_sound().await {
        let chunk = chunk.unwrap();
        assert_eq!(chunk.rate, speech.tts().rate());
        if chunk.ends_span {
            ended.push(text.get(chunk.span).unwrap());
        }
    }
    assert_eq!(
        ended,
        ["First one.", "\u{1f600} Second, caf\u{e9}!", "And a third?"]
    );
}

#[tokio::test]
async fn text_without_words_is_said_in_silence() {
    let Some(speech) = speech("text_without_words_is_said_in_silence") else {
        return;
    };
    for text in ["", "  \n", "\u{1f600}", "***", "\0", "?!"] {
        assert!(say(speech, text).await.iter().all(|s| *s == 0), "{text:?}");
    }
}

#[tokio::test]
async fn an_interrupted_voice_stops() {
    let Some(speech) = speech("an_interrupted_voice_stops") else {
        return;
    };
    let text = "This is a sentence that goes on for a while. ".repeat(20);
    let mut stream = speech.tts().say(text.as_str().into());
    stream.next().await.unwrap().unwrap();
    drop(stream);
    // Its worker is free at once for who comes next.
    let begun = Instant::now();
    say(speech, "Hello.").await;
    assert!(begun.elapsed() < Duration::from_secs(5));
}

/// Slices of two long answers take turns, so neither waits for the other's end.
#[tokio::test]
async fn two_voices_share_the_worker_fairly() {
    let Some(speech) = speech("two_voices_share_the_worker_fairly") else {
        return;
    };
    let text = "This is quite a long answer to a short question. ".repeat(4);
    let mut first = speech.tts().say(text.as_str().into());
    let mut second = speech.tts().say(text.as_str().into());
    first.next().await.unwrap().unwrap();
    let begun = Instant::now();
    second.next().await.unwrap().unwrap();
    let waited = begun.elapsed();
    assert!(waited < Duration::from_secs(2), "{waited:?}");
}
