//! Streamed chat completions.

mod stream;
mod wire;

use std::sync::Arc;

use tokio::time::Instant;
use trunkline_base::secret::Secret;

use crate::provider::{Llm, LlmEvent, LlmRequest, LlmStream, Outlet, ProviderError, Retry};
use crate::providers::net::{Deadlines, send};
use stream::Answer;

/// How to reach a chat endpoint.
#[derive(Clone, Debug)]
pub struct ChatSettings {
    /// Up to and with `/v1`.
    pub url: String,
    /// Sent as a bearer token; empty sends none.
    pub api_key: Secret<String>,
    pub model: String,
    pub deadlines: Deadlines,
    /// Tries again before the first piece came.
    pub retry: Retry,
}

impl ChatSettings {
    /// With waits fit for a telephone.
    pub fn new(url: String, api_key: Secret<String>, model: String) -> Self {
        Self {
            url,
            api_key,
            model,
            deadlines: Deadlines::default(),
            retry: Retry::default(),
        }
    }
}

/// A chat endpoint. Cheap to clone; connections are shared.
#[derive(Clone, Debug)]
pub struct Chat {
    settings: Arc<ChatSettings>,
    http: reqwest::Client,
}

/// Pieces made ahead of whoever takes them.
const AHEAD: usize = 32;

impl Chat {
    /// A client of an endpoint.
    pub fn new(settings: ChatSettings, http: reqwest::Client) -> Self {
        Self {
            settings: Arc::new(settings),
            http,
        }
    }

    async fn run(self, request: LlmRequest, outlet: Outlet<LlmEvent>) -> Result<(), ProviderError> {
        let ends = Instant::now() + self.settings.deadlines.total;
        let body = wire::body(&self.settings.model, &request);
        let mut answer = self.settings.retry.run(ends, || self.begin(&body)).await?;
        while let Some(event) = answer.next().await? {
            if !outlet.give(event).await {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Asks once, and returns when the first piece is there.
    async fn begin(&self, body: &serde_json::Value) -> Result<Answer, ProviderError> {
        let url = format!("{}/chat/completions", self.settings.url);
        let mut request = self
            .http
            .post(url)
            .json(body)
            .header("accept", "text/event-stream");
        if !self.settings.api_key.expose().is_empty() {
            request = request.bearer_auth(self.settings.api_key.expose());
        }
        let body = send(super::NAME, request, self.settings.deadlines).await?;
        let mut answer = Answer::new(body, self.settings.model.clone());
        answer.begin().await?;
        Ok(answer)
    }
}

impl Llm for Chat {
    fn name(&self) -> &'static str {
        super::NAME
    }

    fn answer(&self, request: LlmRequest) -> LlmStream {
        let chat = self.clone();
        LlmStream::made(AHEAD, |outlet| chat.run(request, outlet))
    }
}
