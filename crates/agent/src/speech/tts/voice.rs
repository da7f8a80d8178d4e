//! What a Piper voice's `.onnx.json` says: its rate, its espeak voice, and the number of each
//! phoneme.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::speech::LoadError;

/// Before the first phoneme, between any two, and after the last.
const BEGIN: &str = "^";
const PAD: &str = "_";
const END: &str = "$";

/// A voice's settings.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct VoiceFile {
    audio: Audio,
    espeak: EspeakVoice,
    inference: Inference,
    phoneme_id_map: BTreeMap<String, Vec<i64>>,
    #[serde(default)]
    num_speakers: u32,
}

#[derive(Clone, Debug, Deserialize)]
struct Audio {
    sample_rate: u32,
}

#[derive(Clone, Debug, Deserialize)]
struct EspeakVoice {
    voice: String,
}

/// How lively the voice is.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Inference {
    pub(super) noise_scale: f32,
    pub(super) length_scale: f32,
    pub(super) noise_w: f32,
}

impl VoiceFile {
    pub(super) fn load(path: &Path) -> Result<Self, LoadError> {
        let broken = |reason: String| LoadError::Model {
            path: path.to_owned(),
            reason,
        };
        let bytes = std::fs::read(path).map_err(|e| broken(e.to_string()))?;
        let voice: Self = serde_json::from_slice(&bytes).map_err(|e| broken(e.to_string()))?;
        match [BEGIN, PAD, END]
            .iter()
            .find(|sign| !voice.phoneme_id_map.contains_key(**sign))
        {
            Some(sign) => Err(broken(format!("it gives no number to the phoneme {sign}"))),
            None => Ok(voice),
        }
    }

    pub(super) const fn rate(&self) -> u32 {
        self.audio.sample_rate
    }

    pub(super) fn espeak_voice(&self) -> &str {
        &self.espeak.voice
    }

    pub(super) const fn inference(&self) -> Inference {
        self.inference
    }

    /// The same voice with this share of its liveliness.
    pub(super) fn varied(mut self, variation: f32) -> Self {
        let share = variation.clamp(0.0, 1.0);
        self.inference.noise_scale *= share;
        self.inference.noise_w *= share;
        self
    }

    /// Whether the model asks which of several speakers it should be.
    pub(super) const fn has_speakers(&self) -> bool {
        self.num_speakers > 1
    }

    /// Numbers of these phonemes, in the order the model was trained on. Phonemes it does not
    /// know are left out.
    pub(super) fn ids(&self, phonemes: &str) -> Vec<i64> {
        let of = |sign: &str| self.phoneme_id_map.get(sign).map_or(&[][..], Vec::as_slice);
        let mut ids = [of(BEGIN), of(PAD)].concat();
        let mut buffer = [0; 4];
        for phoneme in phonemes.chars() {
            let known = of(phoneme.encode_utf8(&mut buffer));
            if !known.is_empty() {
                ids.extend_from_slice(known);
                ids.extend_from_slice(of(PAD));
            }
        }
        ids.extend_from_slice(of(END));
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"audio":{"sample_rate":22050,"quality":"medium"},
        "espeak":{"voice":"en-us"},
        "inference":{"noise_scale":0.667,"length_scale":1,"noise_w":0.8},
        "phoneme_id_map":{"_":[0],"^":[1],"$":[2],"a":[14],"b":[15,16]}}"#;

    #[test]
    fn phonemes_are_numbered_with_pads_between() {
        let voice: VoiceFile = serde_json::from_str(FILE).unwrap();
        assert_eq!(voice.ids("a?b"), [1, 0, 14, 0, 15, 16, 0, 2]);
        assert_eq!(
            (voice.rate(), voice.espeak_voice(), voice.has_speakers()),
            (22_050, "en-us", false)
        );
    }

    #[test]
    fn a_voice_without_the_signs_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("voice.json");
        std::fs::write(&path, FILE.replace(r#""^":[1],"#, "")).unwrap();
        let error = VoiceFile::load(&path).unwrap_err().to_string();
        assert!(error.contains("phoneme ^"), "{error}");
    }
}
