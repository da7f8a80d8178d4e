//! One tool of a server.

use std::sync::Arc;

use async_trait::async_trait;
use rmcp::ServiceError;
use rmcp::model::{CallToolRequestParams, CallToolResult, ContentBlock};
use serde_json::Value as Json;
use tokio::sync::watch;
use tokio::time::timeout;

use super::config::McpConfig;
use super::keep::Link;
use crate::tools::cut::cut;
use crate::tools::{Arguments, Context, Outcome, Tool, ToolError};

/// A tool as its server listed it, and the way to the server.
pub(super) struct McpTool {
    config: Arc<McpConfig>,
    listed: Arc<rmcp::model::Tool>,
    link: watch::Receiver<Link>,
}

impl McpTool {
    pub(super) fn new(
        config: Arc<McpConfig>,
        listed: Arc<rmcp::model::Tool>,
        link: watch::Receiver<Link>,
    ) -> Self {
        Self {
            config,
            listed,
            link,
        }
    }

    fn gone(&self) -> ToolError {
        ToolError::NoServer(self.config.name.clone())
    }

    fn outcome(&self, result: CallToolResult) -> Result<Outcome, ToolError> {
        let mut text = String::new();
        for block in &result.content {
            if !text.is_empty() {
                text.push('\n');
            }
            match block {
                ContentBlock::Text(part) => text.push_str(&part.text),
                _ => text.push_str("(something that is no text)"),
            }
        }
        let data = result.structured_content;
        if let (true, Some(data)) = (text.is_empty(), &data) {
            text = data.to_string();
        }
        let text = cut(&text, self.config.most_bytes);
        if result.is_error == Some(true) {
            return Err(ToolError::Failed(text));
        }
        Ok(Outcome {
            data: Some(data.unwrap_or_else(|| read(&text))),
            text,
            act: None,
        })
    }
}

/// A text that is JSON is data.
fn read(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_owned()))
}

#[async_trait]
impl Tool for McpTool {
    fn name(&self) -> &str {
        &self.listed.name
    }

    fn description(&self) -> &str {
        self.listed.description.as_deref().unwrap_or_default()
    }

    fn parameters(&self) -> Json {
        Json::Object((*self.listed.input_schema).clone())
    }

    /// By what the server says of it, if it says so.
    fn changes(&self) -> bool {
        let hints = self.listed.annotations.as_ref();
        hints.and_then(|hints| hints.read_only_hint) != Some(true)
    }

    async fn call(&self, arguments: Arguments, _context: &Context) -> Result<Outcome, ToolError> {
        let peer = self.link.borrow().peer.clone().ok_or_else(|| self.gone())?;
        let request =
            CallToolRequestParams::new(self.listed.name.clone()).with_arguments(arguments);
        let limit = self.config.timeout;
        match timeout(limit, peer.call_tool(request)).await {
            Err(_) | Ok(Err(ServiceError::Timeout { .. })) => Err(ToolError::Slow(limit)),
            Ok(Ok(result)) => self.outcome(result),
            Ok(Err(ServiceError::McpError(error))) => Err(ToolError::Failed(cut(
                &error.message,
                self.config.most_bytes,
            ))),
            Ok(Err(ServiceError::UnexpectedResponse)) => Err(ToolError::Answer),
            Ok(Err(_)) => {
                self.link.borrow().doubt.notify_one();
                Err(self.gone())
            }
        }
    }
}
