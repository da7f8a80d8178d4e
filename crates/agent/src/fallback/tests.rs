//! Chains of scripted providers that fail as they are told, in virtual time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::*;
use crate::provider::{
    Batch, Failure, Hearing, ListenOptions, Llm, LlmEvent, LlmRequest, LlmStream, PcmChunk,
    ProviderError, SPEECH_RATE, Stt, SttEvent, SttStream, Transcript, Tts, TtsEvent, TtsStream,
    Utterance, Word, transcribe,
};
use crate::speech::testing::ScriptedStt;

const ATTEMPT: Duration = Duration::from_secs(2);

fn link<T: ?Sized>(provider: Arc<T>, retries: u32) -> Link<T> {
    Link {
        provider,
        attempt: ATTEMPT,
        retries,
    }
}

/// What a scripted provider does with one request.
#[derive(Clone, Debug)]
enum Does {
    Works,
    Fails(Failure),
    /// Nothing, for ever.
    Hangs,
    /// Begins, and then fails.
    Breaks(Failure),
}

/// Does what it is told, and works when its script is over.
struct Scripted {
    name: &'static str,
    script: Mutex<VecDeque<Does>>,
    asked: AtomicUsize,
}

impl Scripted {
    fn new(name: &'static str, script: impl IntoIterator<Item = Does>) -> Arc<Self> {
        Arc::new(Self {
            name,
            script: Mutex::new(script.into_iter().collect()),
            asked: AtomicUsize::new(0),
        })
    }

    fn next(&self) -> Does {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let next = self.script.lock().unwrap().pop_front();
        next.unwrap_or(Does::Works)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Llm for Scripted {
    fn name(&self) -> &'static str {
        self.name
    }

    fn answer(&self, _request: LlmRequest) -> LlmStream {
        let (name, does) = (self.name, self.next());
        LlmStream::made(4, |outlet| async move {
            match does {
                Does::Works => {
                    outlet.give(LlmEvent::Text(name.to_owned())).await;
                    Ok(())
                }
                Does::Fails(failure) => Err(failure.of(name)),
                Does::Hangs => std::future::pending().await,
                Does::Breaks(failure) => {
                    outlet.give(LlmEvent::Text(name.to_owned())).await;
                    Err(failure.of(name))
                }
            }
        })
    }
}

async fn answered(llm: &LlmChain) -> (String, Result<(), ProviderError>) {
    let mut stream = llm.answer(LlmRequest::default());
    let mut said = String::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(LlmEvent::Text(part)) => said.push_str(&part),
            Ok(other) => panic!("{other:?}"),
            Err(error) => return (said, Err(error)),
        }
    }
    (said, Ok(()))
}

#[tokio::test(start_paused = true)]
async fn another_model_answers_where_one_fails_or_is_silent() {
    for fault in [Does::Fails(Failure::Unauthorised(401)), Does::Hangs] {
        let (first, second) = (Scripted::new("first", [fault]), Scripted::new("second", []));
        let chain = LlmChain::new(vec![link(first.clone(), 0), link(second.clone(), 0)]);
        let begun = Instant::now();
        assert_eq!(answered(&chain).await, ("second".to_owned(), Ok(())));
        assert!(begun.elapsed() <= ATTEMPT);
        // It is passed over as long as it is not known to be well.
        assert_eq!(answered(&chain).await.0, "second");
        assert_eq!((first.asked(), second.asked()), (1, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_said_is_not_said_again_by_another() {
    let first = Scripted::new("first", [Does::Breaks(Failure::Cut)]);
    let second = Scripted::new("second", []);
    let chain = LlmChain::new(vec![link(first, 0), link(second.clone(), 0)]);
    let (said, end) = answered(&chain).await;
    assert_eq!(
        (said.as_str(), end),
        ("first", Err(Failure::Cut.of("first")))
    );
    assert_eq!(second.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_well_again_is_asked_first_again() {
    let fails = Does::Fails(Failure::Failed(503));
    let first = Scripted::new("first", [fails.clone(), fails]);
    let second = Scripted::new("second", []);
    let chain = LlmChain::new(vec![link(first.clone(), 0), link(second, 0)]);
    assert_eq!(answered(&chain).await.0, "second");
    // One probe fails, the next one does not.
    sleep(Duration::from_secs(6)).await;
    assert_eq!(
        (answered(&chain).await.0.as_str(), first.asked()),
        ("second", 2)
    );
    sleep(Duration::from_secs(11)).await;
    assert_eq!(answered(&chain).await.0, "first");
}

#[tokio::test(start_paused = true)]
async fn when_nobody_is_well_all_are_tried_and_the_last_failure_is_told() {
    let failing = |name| Scripted::new(name, vec![Does::Fails(Failure::Failed(500)); 9]);
    let (first, second) = (failing("first"), failing("second"));
    let chain = LlmChain::new(vec![link(first.clone(), 1), link(second.clone(), 0)]);
    for round in 1..=2 {
        let (_, end) = answered(&chain).await;
        assert_eq!(end, Err(Failure::Failed(500).of("second")));
        assert_eq!((first.asked(), second.asked()), (2 * round, round));
    }
}

impl Tts for Scripted {
    fn name(&self) -> &'static str {
        self.name
    }

    fn rate(&self) -> u32 {
        if self.name == "first" { 8_000 } else { 24_000 }
    }

    fn say(&self, utterance: Utterance) -> TtsStream {
        let (name, does, rate) = (self.name, self.next(), Tts::rate(self));
        let chunk = move || {
            TtsEvent::Sound(PcmChunk {
                rate,
                samples: vec![1; 80],
                span: 0..utterance.text.len(),
                ends_span: true,
            })
        };
        TtsStream::made(4, |outlet| async move {
            match does {
                Does::Works => {
                    outlet.give(chunk()).await;
                    Ok(())
                }
                Does::Fails(failure) => Err(failure.of(name)),
                Does::Hangs => std::future::pending().await,
                Does::Breaks(failure) => {
                    outlet.give(chunk()).await;
                    Err(failure.of(name))
                }
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn another_voice_speaks_unless_some_of_it_was_heard() {
    let rates = async |fault: Does| {
        let (first, second) = (Scripted::new("first", [fault]), Scripted::new("second", []));
        let chain = TtsChain::new(vec![link(first as _, 0), link(second as _, 0)]);
        let mut stream = chain.say(Utterance::new("Good day."));
        let mut rates = Vec::new();
        while let Some(chunk) = stream.next_sound().await {
            rates.push(chunk.map_or(0, |chunk| chunk.rate));
        }
        rates
    };
    assert_eq!(rates(Does::Works).await, [8_000]);
    assert_eq!(rates(Does::Hangs).await, [24_000]);
    assert_eq!(rates(Does::Fails(Failure::Garbage)).await, [24_000]);
    assert_eq!(rates(Does::Breaks(Failure::Stalled)).await, [8_000, 0]);
}

/// Hears "sound" as words: each sample that is not zero names the word that is said at its place.
/// Its connection breaks after so many pieces.
struct Numbers {
    name: &'static str,
    breaks: Mutex<VecDeque<usize>>,
    times: bool,
}

impl Numbers {
    fn new(name: &'static str, breaks: &[usize]) -> Arc<Self> {
        Arc::new(Self {
            name,
            breaks: Mutex::new(breaks.iter().copied().collect()),
            times: true,
        })
    }
}

impl Stt for Numbers {
    fn name(&self) -> &'static str {
        self.name
    }

    fn listen(&self, _options: ListenOptions) -> SttStream {
        let (name, times) = (self.name, self.times);
        let breaks = self.breaks.lock().unwrap().pop_front();
        SttStream::made(|mut ears, outlet| async move {
            let (mut left, mut heard, mut words) = (breaks, 0_u32, Vec::new());
            while let Some(hearing) = ears.next().await {
                if let Some(left) = &mut left {
                    if *left == 0 {
                        return Err(Failure::Cut.of(name));
                    }
                    *left -= 1;
                }
                match hearing {
                    Hearing::Sound(sound) => {
                        for sample in sound.iter() {
                            if *sample != 0 {
                                words.push((*sample, heard));
                            }
                            heard += 1;
                        }
                    }
                    Hearing::Flush => {
                        let said: Vec<(i16, u32)> = std::mem::take(&mut words);
                        if !said.is_empty() {
                            outlet.give(SttEvent::Final(transcript(&said, times))).await;
                        }
                        outlet.give(SttEvent::Flushed).await;
                    }
                }
            }
            Ok(())
        })
    }
}

fn transcript(said: &[(i16, u32)], times: bool) -> Transcript {
    let texts: Vec<String> = said.iter().map(|(word, _)| word.to_string()).collect();
    let at = |sample: u32| Duration::from_secs(1) * sample / SPEECH_RATE;
    let words = said.iter().map(|(word, sample)| Word {
        text: word.to_string().into(),
        at: at(*sample)..at(*sample + 160),
        sure: 0.9,
    });
    Transcript {
        text: texts.join(" ").into(),
        sure: 0.9,
        words: if times { words.collect() } else { Vec::new() },
        ..Transcript::default()
    }
}

/// A fifth of a second in which one word is said, in pieces of 20 ms.
fn says(stream: &SttStream, word: i16) {
    for piece in 0..10 {
        let mut sound = vec![0; 320];
        if piece == 4 {
            sound[0] = word;
        }
        stream.hear(sound.into()).unwrap();
    }
}

/// Words up to the next answer to a flush, each with its time in milliseconds.
async fn heard(stream: &mut SttStream) -> Vec<(String, u128)> {
    let mut words = Vec::new();
    loop {
        match stream.next().await.unwrap().unwrap() {
            SttEvent::Final(said) => {
                let said = said.words.into_iter();
                words.extend(said.map(|w| (w.text.into_inner(), w.at.start.as_millis())));
            }
            SttEvent::Flushed => return words,
            other => panic!("{other:?}"),
        }
    }
}

fn words(of: &[(&str, u128)]) -> Vec<(String, u128)> {
    of.iter()
        .map(|(word, at)| ((*word).to_owned(), *at))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_between_two_words_costs_neither_of_them() {
    // Wherever it breaks: in the first word, between, in the second, at the flush.
    for breaks in 0..=21 {
        let chain = SttChain::new(vec![link(Numbers::new("first", &[breaks]) as _, 1)]);
        let mut stream = chain.listen(ListenOptions::default());
        says(&stream, 7);
        says(&stream, 8);
        stream.flush().unwrap();
        assert_eq!(
            heard(&mut stream).await,
            words(&[("7", 80), ("8", 280)]),
            "{breaks}"
        );
        says(&stream, 9);
        stream.flush().unwrap();
        assert_eq!(heard(&mut stream).await, words(&[("9", 480)]), "{breaks}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_one_hears_what_nobody_has_told_of_yet() {
    let (first, second) = (Numbers::new("first", &[15]), Numbers::new("second", &[]));
    let chain = SttChain::new(vec![link(first as _, 0), link(second as _, 0)]);
    let mut stream = chain.listen(ListenOptions::default());
    says(&stream, 1);
    stream.flush().unwrap();
    assert_eq!(heard(&mut stream).await, words(&[("1", 80)]));
    says(&stream, 2);
    says(&stream, 3);
    stream.flush().unwrap();
    assert_eq!(heard(&mut stream).await, words(&[("2", 280), ("3", 480)]));
}

/// Takes everything and says nothing.
struct Deaf;

impl Stt for Deaf {
    fn name(&self) -> &'static str {
        "deaf"
    }

    fn listen(&self, _options: ListenOptions) -> SttStream {
        SttStream::made(|mut ears, _| async move {
            while ears.next().await.is_some() {}
            Ok(())
        })
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_answer_a_flush_is_taken_over_from() {
    let second = Numbers::new("second", &[]);
    let chain = SttChain::new(vec![link(Arc::new(Deaf) as _, 0), link(second as _, 0)]);
    let mut stream = chain.listen(ListenOptions::default());
    says(&stream, 5);
    let begun = Instant::now();
    stream.flush().unwrap();
    assert_eq!(heard(&mut stream).await, words(&[("5", 80)]));
    assert!(begun.elapsed() < ATTEMPT * 2, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn when_nobody_listens_any_more_the_stream_says_why_and_ends() {
    let chain = SttChain::new(vec![link(Numbers::new("only", &[0; 9]) as _, 1)]);
    let mut stream = chain.listen(ListenOptions::default());
    says(&stream, 5);
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(error, Failure::Cut.of("only"));
    assert!(stream.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_recogniser_of_utterances_takes_over_from_a_listener() {
    let batch = Batch::of(ScriptedStt::new(&["where is my parcel"]));
    let first = Numbers::new("first", &[3, 3]);
    let chain = SttChain::new(vec![link(first as _, 0), link(batch as _, 0)]);
    assert!(chain.recogniser().is_none(), "one of them listens");
    let audio: Arc<[i16]> = vec![1; 3200].into();
    let mut stream = chain.listen(ListenOptions::default());
    for piece in audio.chunks(320) {
        stream.hear(piece.into()).unwrap();
    }
    stream.flush().unwrap();
    let event = stream.next().await.unwrap().unwrap();
    let SttEvent::Final(said) = event else {
        panic!("{event:?}");
    };
    assert_eq!(said.text.expose(), "where is my parcel");
}

#[tokio::test(start_paused = true)]
async fn recognisers_of_utterances_are_asked_in_order() {
    let first = ScriptedStt::default();
    first.push(Err(Failure::Failed(500)));
    let second = ScriptedStt::new(&["hello"]);
    let chain = SttChain::new(vec![
        link(Batch::of(first) as _, 0),
        link(Batch::of(second) as _, 0),
    ]);
    let options = ListenOptions::default();
    let heard = transcribe(&chain, vec![1; 1600].into(), &options).await;
    assert_eq!(heard.unwrap().text.expose(), "hello");
}
