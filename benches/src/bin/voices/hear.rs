//! What the recogniser makes of each voice, without a call: tells a voice that no recogniser could
//! follow from a chain that loses words.

use std::path::PathBuf;

use trunkline_agent::speech::{Speech, SpeechConfig, models};
use trunkline_benches::tell;
use trunkline_benches::voices::{ALL, RATE, Voice};
use trunkline_media::{SampleRate, resample};

use crate::script::{self, Step};

/// All voices whose name has `named` in it.
pub(crate) async fn all(named: Option<&str>) {
    let dir = std::env::var_os("TRUNKLINE_MODELS").map(PathBuf::from);
    let Some(dir) = dir.or_else(models::default_dir) else {
        return tell("error: no home directory for the models");
    };
    let speech = match Speech::load(&dir, &SpeechConfig::default()) {
        Ok(speech) => speech,
        Err(error) => return tell(&format!("error: {error}")),
    };
    for (number, voice) in ALL.iter().enumerate() {
        if named.is_some_and(|part| !voice.name.contains(part)) {
            continue;
        }
        tell(voice.name);
        let steps = (0..3).flat_map(|round| match voice.is_recorded() {
            true => script::recorded(round),
            false => script::of(round, number),
        });
        for step in steps {
            if let Step::Say(text, _) = step {
                tell(&format!(
                    "    {text:<50} {}",
                    heard(&speech, voice, text).await
                ));
            }
        }
    }
}

async fn heard(speech: &Speech, voice: &Voice, text: &str) -> String {
    let pcm = match voice.say(text) {
        Ok(pcm) => pcm,
        Err(error) => return error.to_string(),
    };
    let Ok(mut audio) = resample::convert(RATE, SampleRate::HZ_16000, &pcm) else {
        return String::new();
    };
    // As the agent gives it: with quiet in front and behind.
    let quiet = SampleRate::HZ_16000.samples_in_ms(300);
    audio.splice(0..0, vec![0; quiet]);
    audio.resize(audio.len() + quiet, 0);
    match speech.words(audio.into()).await {
        Ok(transcript) => transcript.text.expose().clone(),
        Err(error) => error.to_string(),
    }
}
