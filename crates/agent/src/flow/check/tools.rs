//! How something is learned or done.

use std::collections::BTreeMap;
use std::time::Duration;

use trunkline_service::config::{Spanned, nearest, parse_duration};

use super::Checker;
use crate::flow::model::{Http, Table, Tool, Used, Work};
use crate::flow::raw::{RawHttp, RawTable, RawTool};
use crate::tools::Exchange;

/// How long a web service may take: longer than this is an awkward silence.
const HTTP_TIMEOUT: Duration = Duration::from_secs(5);

impl Checker<'_> {
    pub(super) fn tool(&mut self, spanned: &Spanned<RawTool>) -> Option<Tool> {
        let raw = &spanned.value;
        let work = match (&raw.http, &raw.table, &raw.used) {
            (Some(http), None, None) => Work::Http(self.http(http)),
            (None, Some(table), None) => Work::Table(self.table(table)),
            (None, None, Some(name)) => Work::Used(self.used(name, &raw.with)),
            _ => {
                let what = "a tool is one of `http`, `table` and `use`";
                let remedy = "keep one of the three".to_owned();
                self.report.at(self.source, spanned, what, remedy);
                return None;
            }
        };
        let wait = raw.wait.as_ref().map(|text| self.template(text));
        let changes = raw.changes.unwrap_or_else(|| match &work {
            Work::Http(http) => !http.exchange.method.is_safe(),
            Work::Table(_) => false,
            Work::Used(used) => self.tools.changes(&used.name).unwrap_or(true),
        });
        Some(Tool {
            work,
            changes,
            wait,
            failed: self.template(&raw.failed),
        })
    }

    fn http(&mut self, raw: &RawHttp) -> Http {
        let method = raw
            .method
            .as_ref()
            .map_or(Some(reqwest::Method::GET), |method| {
                match method.value.as_str() {
                    "GET" => Some(reqwest::Method::GET),
                    "POST" => Some(reqwest::Method::POST),
                    "PUT" => Some(reqwest::Method::PUT),
                    "PATCH" => Some(reqwest::Method::PATCH),
                    "DELETE" => Some(reqwest::Method::DELETE),
                    other => {
                        let known = ["GET", "POST", "PUT", "PATCH", "DELETE"];
                        let what = format!("`{other}` is no method");
                        self.report
                            .at(self.source, method, what, nearest(other, &known));
                        None
                    }
                }
            });
        if !raw.url.value.starts_with("http://") && !raw.url.value.starts_with("https://") {
            let remedy = "write the whole address, such as https://example.com/parcels".to_owned();
            self.report
                .at(self.source, &raw.url, "this is no web address", remedy);
        }
        let timeout = raw.timeout.as_ref().map_or(Some(HTTP_TIMEOUT), |text| {
            parse_duration(&text.value)
                .map_err(|error| {
                    self.report.at(self.source, text, error.to_string(), None);
                })
                .ok()
        });
        Http {
            exchange: Exchange {
                method: method.unwrap_or_default(),
                timeout: timeout.unwrap_or(HTTP_TIMEOUT),
                retries: 0,
            },
            url: self.template(&raw.url),
            headers: self.templates(&raw.headers),
            body: self.templates(&raw.body),
        }
    }

    /// One of the file's, or one that a server may have.
    fn used(&mut self, name: &Spanned<String>, with: &BTreeMap<String, Spanned<String>>) -> Used {
        if self.tools.changes(&name.value).is_none() {
            let what = format!("no tool of the agent's is called `{}`", name.value);
            let known = self.tools.names();
            let remedy = match known.is_empty() {
                true => "describe it under `tools`, beside `flow`".to_owned(),
                false => nearest(&name.value, &known),
            };
            self.report.at(self.source, name, what, remedy);
        }
        Used {
            name: name.value.clone(),
            with: self.templates(with),
        }
    }

    fn table(&mut self, raw: &RawTable) -> Table {
        self.known(
            &raw.by,
            "slot",
            self.raw.slots.contains_key(&raw.by.value),
            |raw| raw.slots.keys().cloned().collect(),
        );
        Table {
            by: raw.by.value.clone(),
            rows: raw
                .rows
                .iter()
                .map(|(key, row)| (key.clone(), self.templates(row)))
                .collect(),
            otherwise: raw.otherwise.as_ref().map(|row| self.templates(row)),
        }
    }
}
