//! Asking the world: a web service, or a list in the file.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use time::OffsetDateTime;

use super::model::{Flow, Http, Table, Work};
use super::slots::Value;
use super::state::State;
use super::template::Template;

/// Bytes of an answer that are read; more is not an answer to a caller's question.
const LARGEST_ANSWER: usize = 256 * 1024;

/// Why a tool gave no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum ToolError {
    /// No row for the value.
    #[error("the table has no such row")]
    NoRow,
    /// The service could not be reached or was too slow.
    #[error("the service did not answer")]
    Unreachable(#[from] reqwest::Error),
    /// The service refused.
    #[error("the service answered {0}")]
    Status(u16),
    /// The answer is no JSON, or too much of it.
    #[error("the answer is not usable")]
    Answer,
}

/// A tool with everything filled in, ready to run.
pub(super) enum Ready {
    Result(Result<Json, ToolError>),
    Request {
        request: Box<reqwest::RequestBuilder>,
        safe: bool,
    },
}

impl Flow {
    /// Fills a tool in; what needs no service is done at once.
    pub(super) fn prepare(
        &self,
        name: &str,
        state: &State,
        http: &reqwest::Client,
        now: OffsetDateTime,
    ) -> Ready {
        match self.tools.get(name).map(|tool| &tool.work) {
            Some(Work::Table(table)) => Ready::Result(self.look_up(table, state, now)),
            Some(Work::Http(call)) => Ready::Request {
                request: Box::new(self.request(call, state, http, now)),
                safe: call.method.is_safe(),
            },
            None => Ready::Result(Err(ToolError::NoRow)),
        }
    }

    fn look_up(
        &self,
        table: &Table,
        state: &State,
        now: OffsetDateTime,
    ) -> Result<Json, ToolError> {
        let key = match state.values.get(&table.by) {
            Some(Value::Text(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Date(date)) => date.to_string(),
            Some(_) | None => String::new(),
        };
        let row = table
            .rows
            .get(&key)
            .or(table.otherwise.as_ref())
            .ok_or(ToolError::NoRow)?;
        Ok(Json::Object(self.object(row, state, now)))
    }

    fn object(
        &self,
        templates: &BTreeMap<String, Template>,
        state: &State,
        now: OffsetDateTime,
    ) -> Map<String, Json> {
        templates
            .iter()
            .map(|(key, template)| (key.clone(), Json::String(self.fill(template, state, now))))
            .collect()
    }

    fn request(
        &self,
        call: &Http,
        state: &State,
        http: &reqwest::Client,
        now: OffsetDateTime,
    ) -> reqwest::RequestBuilder {
        let url = self.fill(&call.url, state, now);
        let mut request = http.request(call.method.clone(), url).timeout(call.timeout);
        for (name, value) in &call.headers {
            request = request.header(name.as_str(), self.fill(value, state, now));
        }
        if call.body.is_empty() {
            return request;
        }
        request.json(&self.object(&call.body, state, now))
    }
}

/// Sends a request and reads its JSON.
pub(super) async fn send(request: reqwest::RequestBuilder) -> Result<Json, ToolError> {
    let mut response = request.send().await?;
    let status = response.status();
    if !status.is_success() {
        return Err(ToolError::Status(status.as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(ToolError::Answer);
        }
        body.extend_from_slice(&chunk);
    }
    if body.is_empty() {
        return Ok(Json::Null);
    }
    serde_json::from_slice(&body).map_err(|_| ToolError::Answer)
}
