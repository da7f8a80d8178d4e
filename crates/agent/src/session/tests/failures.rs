//! Parts that break.

use super::*;

#[tokio::test]
async fn a_failed_transcription_is_apologised_for() {
    let stt = ScriptedStt::default();
    stt.push(Err(Failure::Overloaded { waiting: 9 }));
    stt.push(Ok("goodbye".to_owned()));
    let speech = Speech::from_parts(
        Batch::of(stt),
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

impl Tts for Mute {
    fn name(&self) -> &'static str {
        "mute"
    }

    fn rate(&self) -> u32 {
        22_050
    }

    fn say(&self, _utterance: Utterance) -> TtsStream {
        TtsStream::failed(Failure::Overloaded { waiting: 9 }.of(self.name()))
    }
}

#[tokio::test]
async fn a_broken_voice_ends_the_call_instead_of_leaving_the_caller_in_silence() {
    let speech = Speech::from_parts(
        Batch::of(ScriptedStt::new(&["hello", "hello", "hello"])),
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
