//! `/v1/audio/transcriptions`: one utterance as a file, its words as JSON.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use tokio::time::Instant;
use trunkline_base::secret::{Personal, Secret};

use super::NAME;
use crate::provider::{
    Amount, Failure, ListenOptions, ProviderError, Recogniser, Retry, SPEECH_RATE, Transcript, Used,
};
use crate::providers::net::{Deadlines, send, wav};

/// The words of an utterance are not longer than this.
const LONGEST: usize = 1024 * 1024;

/// The API refuses less than a tenth of a second.
const SHORTEST: usize = SPEECH_RATE as usize / 10;

/// How to reach what hears.
#[derive(Clone, Debug)]
pub struct HearingSettings {
    /// Up to and with `/v1`.
    pub url: String,
    /// Sent as a bearer token; empty sends none.
    pub api_key: Secret<String>,
    pub model: String,
    /// The language, where it is known: `en`.
    pub language: Option<String>,
    /// Words that are likely, for the model to lean on.
    pub prompt: Option<String>,
    pub deadlines: Deadlines,
    pub retry: Retry,
}

impl HearingSettings {
    /// With waits fit for a telephone.
    pub fn new(url: String, api_key: Secret<String>, model: String) -> Self {
        Self {
            url,
            api_key,
            model,
            language: None,
            prompt: None,
            deadlines: Deadlines::default(),
            retry: Retry {
                tries: 1,
                ..Retry::default()
            },
        }
    }
}

/// What hears whole utterances.
#[derive(Clone, Debug)]
pub struct Hearing {
    settings: Arc<HearingSettings>,
    http: reqwest::Client,
}

impl Hearing {
    /// A client of an endpoint.
    pub fn new(settings: HearingSettings, http: reqwest::Client) -> Self {
        Self {
            settings: Arc::new(settings),
            http,
        }
    }

    async fn ask(&self, file: &[u8], options: &ListenOptions) -> Result<Reply, ProviderError> {
        let settings = &*self.settings;
        let garbage = || Failure::Garbage.of(NAME);
        let part = Part::bytes(file.to_vec()).file_name("speech.wav");
        let part = part.mime_str("audio/wav").map_err(|_| garbage())?;
        let mut form = Form::new()
            .part("file", part)
            .text("model", settings.model.clone())
            .text("response_format", "json");
        let language = options.language.as_ref().or(settings.language.as_ref());
        if let Some(language) = language {
            // The API knows languages by two letters, not by their countries.
            let short = language.split(['-', '_']).next().unwrap_or(language);
            form = form.text("language", short.to_owned());
        }
        let likely = settings.prompt.iter().chain(&options.keyterms);
        let likely: Vec<&str> = likely.map(String::as_str).collect();
        if !likely.is_empty() {
            form = form.text("prompt", likely.join(", "));
        }
        // Only these say how likely each token was, and others refuse to be asked.
        if settings.model.starts_with("gpt-4o") {
            form = form.text("include[]", "logprobs");
        }
        let url = format!("{}/audio/transcriptions", settings.url);
        let mut request = self.http.post(url).multipart(form);
        if !settings.api_key.expose().is_empty() {
            request = request.bearer_auth(settings.api_key.expose());
        }
        let body = send(NAME, request, settings.deadlines).await?;
        let whole = body.whole(LONGEST).await?;
        serde_json::from_slice(&whole).map_err(|_| garbage())
    }
}

#[derive(Debug, Deserialize)]
struct Reply {
    text: String,
    #[serde(default)]
    language: Option<String>,
    /// How likely each token was, from models that say so.
    #[serde(default)]
    logprobs: Option<Vec<Token>>,
}

#[derive(Debug, Deserialize)]
struct Token {
    logprob: f32,
}

impl Reply {
    /// The geometric mean of what the tokens were likely; sure where it does not say.
    #[expect(clippy::cast_precision_loss, reason = "tokens of one utterance")]
    fn sure(&self) -> f32 {
        let tokens = self.logprobs.as_deref().unwrap_or_default();
        if tokens.is_empty() {
            return 1.0;
        }
        let sum: f32 = tokens.iter().map(|token| token.logprob).sum();
        (sum / tokens.len() as f32).exp().clamp(0.0, 1.0)
    }
}

#[async_trait]
impl Recogniser for Hearing {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn transcribe(
        &self,
        audio: Arc<[i16]>,
        options: &ListenOptions,
    ) -> Result<Transcript, ProviderError> {
        if audio.len() < SHORTEST {
            return Ok(Transcript::default());
        }
        let file = wav(SPEECH_RATE, &audio);
        let ends = Instant::now() + self.settings.deadlines.total;
        let retry = self.settings.retry;
        let reply = retry.run(ends, || self.ask(&file, options)).await?;
        #[expect(
            clippy::cast_precision_loss,
            reason = "an utterance is far below 2^24 samples"
        )]
        let audio_seconds = audio.len() as f32 / SPEECH_RATE as f32;
        Ok(Transcript {
            sure: reply.sure(),
            text: Personal::new(reply.text.trim().to_owned()),
            language: reply.language,
            audio_seconds,
            words: Vec::new(),
            used: Some(Used {
                provider: NAME,
                model: self.settings.model.clone(),
                amount: Amount::Heard(Duration::from_secs_f32(audio_seconds)),
            }),
        })
    }
}
