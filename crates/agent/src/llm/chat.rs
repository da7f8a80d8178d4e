//! One streamed chat completion.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::{Instant, sleep, timeout_at};

use super::sse::Events;
use super::wire::{CallPart, Chunk, Message, ToolSpec};
use super::{ChatConfig, ChatError};

/// Asks one chat endpoint. Cheap to clone; connections are shared.
#[derive(Clone, Debug)]
pub struct ChatClient {
    config: Arc<ChatConfig>,
    http: reqwest::Client,
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatEvent {
    /// More text.
    Text(String),
    /// A whole tool call.
    Tool(ToolCall),
}

/// A tool the model wants called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// Its id, for the answer.
    pub id: String,
    pub name: String,
    /// JSON.
    pub arguments: String,
}

/// An answer on its way. Dropping it closes the connection.
#[derive(Debug)]
pub struct ChatStream {
    response: reqwest::Response,
    events: Events,
    ready: VecDeque<ChatEvent>,
    calls: Vec<ToolCall>,
    finished: bool,
    config: Arc<ChatConfig>,
    ends: Instant,
}

/// More tools in one answer than this are an attack or a broken model.
const MOST_CALLS: usize = 16;

impl ChatClient {
    /// A client for an endpoint.
    pub fn new(config: Arc<ChatConfig>, http: reqwest::Client) -> Self {
        Self { config, http }
    }

    /// Asks, and returns once the first piece is there. Failures before that are tried again.
    ///
    /// # Errors
    /// [`ChatError`] of the last try.
    ///
    /// # Cancel safety
    /// Dropping the future drops the request.
    pub async fn ask(
        &self,
        messages: &[Message],
        tools: &[ToolSpec],
    ) -> Result<ChatStream, ChatError> {
        let ends = Instant::now() + self.config.total;
        let body = self.body(messages, tools);
        let mut wait = self.config.retry_interval;
        let mut tries = 0;
        loop {
            let error = match self.begin(&body, ends).await {
                Ok(stream) => return Ok(stream),
                Err(error) => error,
            };
            tries += 1;
            if !error.is_retryable() || tries > self.config.retries || Instant::now() + wait >= ends
            {
                return Err(error);
            }
            tracing::debug!(%error, tries, "asking the chat endpoint again");
            sleep(wait).await;
            wait *= 2;
        }
    }

    async fn begin(
        &self,
        body: &serde_json::Value,
        ends: Instant,
    ) -> Result<ChatStream, ChatError> {
        let first = ends.min(Instant::now() + self.config.first_byte);
        let url = format!("{}/chat/completions", self.config.base_url);
        let mut request = self
            .http
            .post(url)
            .json(body)
            .header("accept", "text/event-stream");
        if !self.config.api_key.expose().is_empty() {
            request = request.bearer_auth(self.config.api_key.expose());
        }
        let response = timeout_at(first, request.send())
            .await
            .map_err(|_| ChatError::FirstByte)?
            .map_err(|_| ChatError::Unreachable)?;
        let status = response.status();
        if !status.is_success() {
            return Err(ChatError::of_status(status.as_u16()));
        }
        let mut stream = ChatStream {
            response,
            events: Events::default(),
            ready: VecDeque::new(),
            calls: Vec::new(),
            finished: false,
            config: Arc::clone(&self.config),
            ends,
        };
        while stream.ready.is_empty() && !stream.finished {
            match timeout_at(first, stream.read()).await {
                Ok(read) => read?,
                Err(_) => return Err(ChatError::FirstByte),
            }
        }
        Ok(stream)
    }

    fn body(&self, messages: &[Message], tools: &[ToolSpec]) -> serde_json::Value {
        let mut body = serde_json::json!({
            "model": self.config.model,
            "stream": true,
            "messages": messages,
        });
        if let Some(temperature) = self.config.temperature {
            body["temperature"] = temperature.into();
        }
        if let Some(most) = self.config.max_tokens {
            body["max_tokens"] = most.into();
        }
        if !tools.is_empty() {
            body["tools"] = tools.iter().map(ToolSpec::to_wire).collect();
        }
        body
    }
}

impl ChatStream {
    /// The next piece; nothing when the answer is whole.
    ///
    /// # Errors
    /// [`ChatError`] when the rest will not come.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn next(&mut self) -> Option<Result<ChatEvent, ChatError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            if self.finished {
                return None;
            }
            let stall = Instant::now() + self.config.stall;
            let (until, late) = if self.ends < stall {
                (self.ends, ChatError::Total)
            } else {
                (stall, ChatError::Stalled)
            };
            let read = match timeout_at(until, self.read()).await {
                Ok(read) => read,
                Err(_) => Err(late),
            };
            if let Err(error) = read {
                self.finished = true;
                return Some(Err(error));
            }
        }
    }

    /// Reads one piece of the network's.
    async fn read(&mut self) -> Result<(), ChatError> {
        let bytes = self.response.chunk().await.map_err(|_| ChatError::Cut)?;
        let Some(bytes) = bytes else {
            return Err(ChatError::Cut);
        };
        self.events.feed(&bytes).map_err(|_| ChatError::Garbled)?;
        while let Some(data) = self.events.next() {
            let data = data.map_err(|_| ChatError::Garbled)?;
            if data == "[DONE]" {
                self.finish();
                return Ok(());
            }
            self.take(&data)?;
        }
        Ok(())
    }

    fn take(&mut self, data: &str) -> Result<(), ChatError> {
        let chunk: Chunk = serde_json::from_str(data).map_err(|_| ChatError::Garbled)?;
        if chunk.error.is_some() {
            return Err(ChatError::Failed(500));
        }
        for choice in chunk.choices {
            if let Some(text) = choice.delta.content.filter(|text| !text.is_empty()) {
                self.ready.push_back(ChatEvent::Text(text));
            }
            for part in choice.delta.tool_calls.unwrap_or_default() {
                self.gather(part)?;
            }
            if choice.finish_reason.is_some() {
                self.finish();
            }
        }
        Ok(())
    }

    fn gather(&mut self, part: CallPart) -> Result<(), ChatError> {
        if part.index >= MOST_CALLS {
            return Err(ChatError::Garbled);
        }
        if self.calls.len() <= part.index {
            self.calls.resize_with(part.index + 1, ToolCall::default);
        }
        let Some(call) = self.calls.get_mut(part.index) else {
            return Ok(());
        };
        if let Some(id) = part.id {
            call.id = id;
        }
        if let Some(name) = part.function.name {
            call.name.push_str(&name);
        }
        if let Some(arguments) = part.function.arguments {
            call.arguments.push_str(&arguments);
        }
        Ok(())
    }

    fn finish(&mut self) {
        self.finished = true;
        let calls = std::mem::take(&mut self.calls);
        self.ready.extend(
            calls
                .into_iter()
                .filter(|call| !call.name.is_empty())
                .map(ChatEvent::Tool),
        );
    }
}
