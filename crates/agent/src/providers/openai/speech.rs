//! `/v1/audio/speech`: a text, and its sound as it is made.

use std::sync::Arc;

use serde_json::json;
use tokio::time::Instant;
use trunkline_base::secret::Secret;

use super::NAME;
use crate::provider::{
    Amount, Failure, Outlet, PcmChunk, ProviderError, Retry, Tts, TtsEvent, TtsStream, Used,
    Utterance,
};
use crate::providers::net::{Body, Deadlines, Samples, send};

/// Pieces made ahead of the listener.
const AHEAD: usize = 8;

/// Sound of one text is not longer than this: ten minutes.
const LONGEST: u64 = 10 * 60;

/// How to reach what speaks.
#[derive(Clone, Debug)]
pub struct SpeakingSettings {
    /// Up to and with `/v1`.
    pub url: String,
    /// Sent as a bearer token; empty sends none.
    pub api_key: Secret<String>,
    pub model: String,
    pub voice: String,
    /// How to speak, for models that take it.
    pub instructions: Option<String>,
    pub speed: Option<f64>,
    /// Rate of its sound, in hertz. OpenAI's is 24 kHz; others say another.
    pub rate: u32,
    pub deadlines: Deadlines,
    pub retry: Retry,
}

impl SpeakingSettings {
    /// With OpenAI's voice and waits fit for a telephone.
    pub fn new(url: String, api_key: Secret<String>, model: String) -> Self {
        Self {
            url,
            api_key,
            model,
            voice: "alloy".to_owned(),
            instructions: None,
            speed: None,
            rate: 24_000,
            deadlines: Deadlines::default(),
            retry: Retry {
                tries: 1,
                ..Retry::default()
            },
        }
    }
}

/// What speaks.
#[derive(Clone, Debug)]
pub struct Speaking {
    settings: Arc<SpeakingSettings>,
    /// All that shapes its sound.
    voice: Arc<str>,
    http: reqwest::Client,
}

impl Speaking {
    /// A client of an endpoint.
    pub fn new(settings: SpeakingSettings, http: reqwest::Client) -> Self {
        let voice = format!(
            "{NAME} {} {} {} {:?} {:?} {}",
            settings.url,
            settings.model,
            settings.voice,
            settings.instructions,
            settings.speed,
            settings.rate,
        );
        Self {
            settings: Arc::new(settings),
            voice: voice.into(),
            http,
        }
    }

    async fn speak(self, text: String, outlet: Outlet<TtsEvent>) -> Result<(), ProviderError> {
        let ends = Instant::now() + self.settings.deadlines.total;
        let retry = self.settings.retry;
        let (mut body, first) = retry.run(ends, || self.ask(&text)).await?;
        let characters = text.chars().count();
        outlet
            .give(TtsEvent::Used(Used {
                provider: NAME,
                model: self.settings.model.clone(),
                amount: Amount::Spoken(u64::try_from(characters).unwrap_or(u64::MAX)),
            }))
            .await;
        let mut samples = Samples::default();
        let (mut piece, mut left) = (Some(first), LONGEST * u64::from(self.settings.rate));
        while let Some(bytes) = piece {
            let sound = samples.of(&bytes);
            left = left
                .checked_sub(sound.len() as u64)
                .ok_or_else(|| Failure::Garbage.of(NAME))?;
            if !sound.is_empty() && !outlet.give(self.chunk(sound, &text, false)).await {
                return Ok(());
            }
            piece = body.next().await?;
        }
        if samples.is_torn() {
            return Err(Failure::Cut.of(NAME));
        }
        outlet.give(self.chunk(Vec::new(), &text, true)).await;
        Ok(())
    }

    fn chunk(&self, samples: Vec<i16>, text: &str, ends_span: bool) -> TtsEvent {
        TtsEvent::Sound(PcmChunk {
            rate: self.settings.rate,
            samples,
            span: 0..text.len(),
            ends_span,
        })
    }

    /// Asks once, and returns when the first sound is there.
    async fn ask(&self, text: &str) -> Result<(Body, bytes::Bytes), ProviderError> {
        let settings = &*self.settings;
        let mut body = json!({
            "model": settings.model,
            "voice": settings.voice,
            "input": text,
            "response_format": "pcm",
        });
        if let Some(instructions) = &settings.instructions {
            body["instructions"] = instructions.as_str().into();
        }
        if let Some(speed) = settings.speed {
            body["speed"] = speed.into();
        }
        let url = format!("{}/audio/speech", settings.url);
        let mut request = self.http.post(url).json(&body);
        if !settings.api_key.expose().is_empty() {
            request = request.bearer_auth(settings.api_key.expose());
        }
        let mut body = send(NAME, request, settings.deadlines).await?;
        // A page of words instead of sound would be heard as a loud noise.
        let kind = body.header("content-type").unwrap_or_default();
        if kind.starts_with("text/") || kind.starts_with("application/json") {
            return Err(Failure::Garbage.of(NAME));
        }
        let first = body.next().await?;
        let first = first.ok_or_else(|| Failure::Cut.of(NAME))?;
        body.has_begun();
        Ok((body, first))
    }
}

impl Tts for Speaking {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rate(&self) -> u32 {
        self.settings.rate
    }

    fn voice(&self) -> Option<&str> {
        Some(&self.voice)
    }

    fn say(&self, utterance: Utterance) -> TtsStream {
        let speaking = self.clone();
        TtsStream::made(AHEAD, |outlet| speaking.speak(utterance.text, outlet))
    }
}
