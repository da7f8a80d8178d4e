//! One answer as it comes in.

use std::collections::VecDeque;

use super::wire::{CallPart, Chunk, UsagePart};
use crate::provider::{Amount, Failure, LlmEvent, ProviderError, Tokens, ToolCall, Used};
use crate::providers::net::{Body, Events};
use crate::providers::openai::NAME;

/// More tools in one answer than this are an attack or a broken model.
const MOST_CALLS: usize = 16;

/// Arguments of one call longer than this are, too.
const LONGEST_CALL: usize = 256 * 1024;

/// An answer that has begun.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    events: Events,
    model: String,
    ready: VecDeque<LlmEvent>,
    calls: Vec<ToolCall>,
    /// The model has said all it will; only what it cost may follow.
    finished: bool,
    done: bool,
}

impl Answer {
    pub(super) fn new(body: Body, model: String) -> Self {
        Self {
            body,
            events: Events::default(),
            model,
            ready: VecDeque::new(),
            calls: Vec::new(),
            finished: false,
            done: false,
        }
    }

    /// Waits for the first piece.
    pub(super) async fn begin(&mut self) -> Result<(), ProviderError> {
        while self.ready.is_empty() && !self.done {
            self.read().await?;
        }
        self.body.has_begun();
        Ok(())
    }

    /// The next piece; nothing when the answer is whole.
    pub(super) async fn next(&mut self) -> Result<Option<LlmEvent>, ProviderError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            if self.done {
                return Ok(None);
            }
            self.read().await?;
        }
    }

    /// Reads one piece of the network's.
    async fn read(&mut self) -> Result<(), ProviderError> {
        let bytes = match self.body.next().await {
            Ok(Some(bytes)) => bytes,
            // Whatever happens after the last word takes nothing from the answer.
            Ok(None) | Err(_) if self.finished => {
                self.done = true;
                return Ok(());
            }
            Ok(None) => return Err(Failure::Cut.of(NAME)),
            Err(error) => return Err(error),
        };
        let garbage = |_| Failure::Garbage.of(NAME);
        self.events.feed(&bytes).map_err(garbage)?;
        while let Some(data) = self.events.next() {
            let data = data.map_err(garbage)?;
            if data == "[DONE]" {
                self.finish();
                self.done = true;
                return Ok(());
            }
            self.take(&data)?;
        }
        Ok(())
    }

    fn take(&mut self, data: &str) -> Result<(), ProviderError> {
        let chunk: Chunk = serde_json::from_str(data).map_err(|_| Failure::Garbage.of(NAME))?;
        if chunk.error.is_some() {
            return Err(Failure::Failed(500).of(NAME));
        }
        for choice in chunk.choices {
            if let Some(text) = choice.delta.content.filter(|text| !text.is_empty()) {
                self.ready.push_back(LlmEvent::Text(text));
            }
            for part in choice.delta.tool_calls.unwrap_or_default() {
                self.gather(part)?;
            }
            if choice.finish_reason.is_some() {
                self.finish();
            }
        }
        if let Some(usage) = chunk.usage {
            self.count(&usage);
        }
        Ok(())
    }

    fn count(&mut self, usage: &UsagePart) {
        let tokens = Tokens {
            input: usage.prompt_tokens,
            cached: usage.prompt_tokens_details.cached_tokens,
            output: usage.completion_tokens,
        };
        self.ready.push_back(LlmEvent::Used(Used {
            provider: NAME,
            model: self.model.clone(),
            amount: Amount::Thought(tokens),
        }));
    }

    fn gather(&mut self, part: CallPart) -> Result<(), ProviderError> {
        if part.index >= MOST_CALLS {
            return Err(Failure::Garbage.of(NAME));
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
        if call.arguments.len() + call.name.len() > LONGEST_CALL {
            return Err(Failure::Garbage.of(NAME));
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
                .map(LlmEvent::Tool),
        );
    }
}
