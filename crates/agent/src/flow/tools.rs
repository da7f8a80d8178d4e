//! Asking the world: a web service, a list in the file, or a tool of the agent's.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use time::OffsetDateTime;
use trunkline_base::secret::Secret;

use super::model::{Flow, Http, Table, Used, Work};
use super::slots::Value;
use super::state::State;
use super::template::{Template, plain};
use crate::tools::{Exchange, Request, ToolError};

/// A tool with everything filled in, ready to run.
pub(super) enum Ready {
    Result(Result<Json, ToolError>),
    Request {
        exchange: Exchange,
        request: Box<Request>,
    },
    Tool {
        name: String,
        arguments: Json,
        changes: bool,
    },
}

impl Flow {
    /// Fills a tool in; what needs no service is done at once.
    pub(super) fn prepare(&self, name: &str, state: &State, now: OffsetDateTime) -> Ready {
        let Some(tool) = self.tools.get(name) else {
            return Ready::Result(Err(ToolError::NoRow));
        };
        match &tool.work {
            Work::Table(table) => Ready::Result(self.look_up(table, state, now)),
            Work::Http(call) => Ready::Request {
                exchange: call.exchange.clone(),
                request: Box::new(self.request(call, state, now)),
            },
            Work::Used(used) => Ready::Tool {
                name: used.name.clone(),
                arguments: Json::Object(self.arguments(used, state, now)),
                changes: tool.changes,
            },
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

    /// Those that were written down, or all values: what the tool does not know is left out by it.
    fn arguments(&self, used: &Used, state: &State, now: OffsetDateTime) -> Map<String, Json> {
        if !used.with.is_empty() {
            return self.object(&used.with, state, now);
        }
        let slots = state.values.iter();
        let slots = slots.filter(|(name, _)| self.slots.contains_key(*name));
        slots
            .map(|(name, value)| (name.clone(), Json::String(plain(value))))
            .collect()
    }

    fn request(&self, call: &Http, state: &State, now: OffsetDateTime) -> Request {
        let headers = call.headers.iter();
        let header = |(name, value): (&String, &Template)| {
            (name.clone(), Secret::new(self.fill(value, state, now)))
        };
        Request {
            url: self.fill(&call.url, state, now),
            headers: headers.map(header).collect(),
            auth: None,
            body: (!call.body.is_empty())
                .then(|| Json::Object(self.object(&call.body, state, now))),
        }
    }
}
