//! Hearing and speaking.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use trunkline_base::secret::Secret;

use super::audio_server::{Audio, AudioServer};
use crate::provider::{
    Amount, Batch, Failure, ListenOptions, Recogniser as _, Stt as _, Tts as _, TtsEvent,
    Utterance, conformance,
};
use crate::providers::net::Deadlines;
use crate::providers::openai::{Hearing, HearingSettings, Speaking, SpeakingSettings};

/// Nobody waits for long in a test.
const DEADLINES: Deadlines = Deadlines {
    first: Duration::from_millis(300),
    stall: Duration::from_millis(200),
    total: Duration::from_secs(20),
};

fn key() -> Secret<String> {
    Secret::new("sk-test".to_owned())
}

fn hearing(address: SocketAddr) -> Hearing {
    let url = format!("http://{address}/v1");
    let mut settings = HearingSettings::new(url, key(), "gpt-4o-mini-transcribe".to_owned());
    settings.deadlines = DEADLINES;
    settings.retry.interval = Duration::from_millis(1);
    Hearing::new(settings, reqwest::Client::new())
}

fn speaking(address: SocketAddr) -> Speaking {
    let url = format!("http://{address}/v1");
    let mut settings = SpeakingSettings::new(url, key(), "gpt-4o-mini-tts".to_owned());
    settings.deadlines = DEADLINES;
    settings.retry.interval = Duration::from_millis(1);
    Speaking::new(settings, reqwest::Client::new())
}

#[tokio::test]
async fn it_hears_as_any_provider_must() {
    let script = [
        Audio::Words("Where is my parcel?"),
        Audio::Page("{\"text\": \"\"}"),
    ];
    let (server, address, _tasks) = AudioServer::start(&script).await;
    let stt = Batch::of(hearing(address));
    let closed = server.live.all_closed();
    let speech = vec![1000; 16_000];
    conformance::listens(&*stt, &speech, "where is my parcel", closed)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_utterance_goes_as_a_file_with_what_is_known_of_it() {
    let (server, address, _tasks) = AudioServer::start(&[Audio::Words("Guten Tag.")]).await;
    let options = ListenOptions {
        language: Some("de-DE".to_owned()),
        keyterms: vec!["Swift Parcel".to_owned()],
    };
    let audio: Arc<[i16]> = vec![7; 8000].into();
    let heard = hearing(address).transcribe(audio, &options).await.unwrap();
    assert_eq!(heard.text.expose(), "Guten Tag.");
    assert!((heard.sure - 0.905).abs() < 0.001, "{}", heard.sure);
    let used = heard.used.unwrap();
    assert_eq!(used.amount, Amount::Heard(Duration::from_millis(500)));
    let seen = server.seen().remove(0);
    assert_eq!(seen.key.as_deref(), Some("Bearer sk-test"));
    assert_eq!(seen.fields["language"], "de");
    assert_eq!(seen.fields["prompt"], "Swift Parcel");
    assert_eq!(seen.fields["model"], "gpt-4o-mini-transcribe");
    assert_eq!(seen.fields["file_name"], "speech.wav");
    let sound = trunkline_media::wav::read(&seen.file).unwrap();
    let at = trunkline_media::SampleRate::HZ_16000;
    assert_eq!(sound.to_mono_at(at).unwrap(), [7; 8000]);
}

#[tokio::test]
async fn what_is_too_short_to_be_a_word_is_not_sent() {
    let (server, address, _tasks) = AudioServer::start(&[]).await;
    let (stt, options) = (hearing(address), ListenOptions::default());
    let heard = stt.transcribe(vec![1; 800].into(), &options).await;
    assert_eq!(heard.unwrap().text.expose(), "");
    assert!(server.seen().is_empty());
}

/// What a service does wrong, what that is, and how often it was asked.
const FAULTS: [(Audio, Failure, usize); 7] = [
    (Audio::Status(401, None), Failure::Unauthorised(401), 1),
    (Audio::Status(400, None), Failure::Refused(400), 1),
    (Audio::Status(503, None), Failure::Failed(503), 2),
    (
        Audio::Status(429, Some("0.01")),
        Failure::RateLimited {
            wait: Some(Duration::from_millis(10)),
        },
        2,
    ),
    (
        Audio::Status(429, Some("60")),
        Failure::RateLimited {
            wait: Some(Duration::from_secs(60)),
        },
        1,
    ),
    (Audio::Silence, Failure::TimedOut, 2),
    (Audio::Page("<html>"), Failure::Garbage, 1),
];

#[tokio::test]
async fn each_fault_of_the_service_is_told_as_what_it_is() {
    for (fault, failure, asked) in FAULTS {
        let (server, address, _tasks) = AudioServer::start(std::slice::from_ref(&fault)).await;
        let stt = Batch::of(hearing(address));
        let kept = conformance::listening_fails(&*stt, &failure).await;
        assert_eq!((kept, server.seen().len()), (Ok(()), asked), "{fault:?}");
        let (server, address, _tasks) = AudioServer::start(std::slice::from_ref(&fault)).await;
        let kept = conformance::speaking_fails(&speaking(address), &failure).await;
        assert_eq!((kept, server.seen().len()), (Ok(()), asked), "{fault:?}");
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_cannot_be_reached() {
    let (_, address, tasks) = AudioServer::start(&[]).await;
    drop(tasks);
    let stt = Batch::of(hearing(address));
    conformance::listening_fails(&*stt, &Failure::Unreachable)
        .await
        .unwrap();
    conformance::speaking_fails(&speaking(address), &Failure::Unreachable)
        .await
        .unwrap();
}

#[tokio::test]
async fn it_speaks_as_any_provider_must() {
    let (server, address, _tasks) = AudioServer::start(&[Audio::Sound(24_000)]).await;
    let closed = server.live.all_closed();
    let text = "Your parcel is in the van.";
    conformance::speaks(&speaking(address), text, closed)
        .await
        .unwrap();
    let seen = server.seen().remove(0);
    assert_eq!(seen.fields["input"], text);
    assert_eq!(seen.fields["response_format"], "pcm");
    assert_eq!(seen.fields["voice"], "alloy");
}

#[tokio::test]
async fn every_sample_is_played_and_every_character_counted() {
    let (_server, address, _tasks) = AudioServer::start(&[Audio::Sound(5001)]).await;
    let mut stream = speaking(address).say(Utterance::new("Grüß Gott."));
    let (mut samples, mut spoken) = (Vec::new(), 0);
    while let Some(event) = stream.next().await {
        match event.unwrap() {
            TtsEvent::Sound(chunk) => samples.extend(chunk.samples),
            TtsEvent::Used(used) => match used.amount {
                Amount::Spoken(characters) => spoken += characters,
                other => panic!("{other:?}"),
            },
            TtsEvent::Words(_) => {}
        }
    }
    assert_eq!((samples, spoken), (vec![3000; 5001], 10));
}

#[tokio::test]
async fn a_voice_that_breaks_off_says_why_and_is_not_begun_again() {
    for (fault, failure) in [
        (Audio::Stall, Failure::Stalled),
        (Audio::Broken, Failure::Cut),
        (Audio::Torn, Failure::Cut),
    ] {
        let (server, address, _tasks) = AudioServer::start(std::slice::from_ref(&fault)).await;
        let kept = conformance::speaking_fails(&speaking(address), &failure).await;
        assert_eq!((kept, server.seen().len()), (Ok(()), 1), "{fault:?}");
    }
}

/// The service's own words repeat the key.
#[tokio::test]
async fn no_key_is_in_what_is_told_of_a_failure() {
    let (_server, address, _tasks) = AudioServer::start(&[Audio::Status(401, None)]).await;
    let (stt, options) = (hearing(address), ListenOptions::default());
    let heard = stt.transcribe(vec![1; 8000].into(), &options).await;
    let error = heard.unwrap_err();
    let told = format!("{error} {error:?} {:?}", hearing(address));
    assert!(!told.contains("sk-test"), "{told}");
    assert!(told.contains("openai refused the key"), "{told}");
}

#[test]
fn a_recogniser_of_utterances_is_found_behind_the_listener() {
    let stt = Batch::of(hearing(SocketAddr::from(([127, 0, 0, 1], 1))));
    assert!(stt.recogniser().is_some());
}
