//! Turns over HTTP: a POST each, its answer in lines of JSON, or as plain text, or as one document.

use std::collections::VecDeque;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::Value as Json;
use tokio::time::{Instant, timeout_at};

use super::config::ExternalConfig;
use super::wire::{LONGEST_LINE, Line};
use crate::brain::ExternalError;

/// Longest answer in one document.
const LONGEST_BODY: usize = 256 * 1024;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Lines,
    Text,
    Document,
}

/// An answer on its way.
pub(super) struct Body {
    response: reqwest::Response,
    style: Style,
    /// Bytes of a line, a letter or a document that is not whole yet.
    pending: Vec<u8>,
    ready: VecDeque<Line>,
    over: bool,
}

/// Sends a turn, and returns once the program begins to answer.
pub(super) async fn send(
    config: &ExternalConfig,
    http: &reqwest::Client,
    turn: &Json,
    asked: Instant,
) -> Result<Body, ExternalError> {
    let mut request = http
        .post(&config.url)
        .header(ACCEPT, "application/x-ndjson, text/plain, application/json")
        .json(turn);
    for (name, value) in &config.headers {
        request = request.header(name, value.expose());
    }
    let first = asked + config.first_byte.min(config.total);
    let response = timeout_at(first, request.send())
        .await
        .map_err(|_| ExternalError::FirstByte)?
        .map_err(|error| {
            if error.is_connect() {
                ExternalError::Unreachable
            } else {
                ExternalError::Cut
            }
        })?;
    let status = response.status();
    if !status.is_success() {
        return Err(ExternalError::Refused(status.as_u16()));
    }
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let style = match kind.split(';').next().unwrap_or_default().trim() {
        "text/plain" => Style::Text,
        "application/json" => Style::Document,
        _ => Style::Lines,
    };
    Ok(Body {
        response,
        style,
        pending: Vec::new(),
        ready: VecDeque::new(),
        over: false,
    })
}

impl Body {
    /// The next line; nothing when the answer is whole.
    pub(super) async fn next(&mut self) -> Option<Result<Line, ExternalError>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                self.over |= line.done;
                return Some(Ok(line));
            }
            if self.over {
                return None;
            }
            let read = match self.response.chunk().await {
                Ok(Some(bytes)) => {
                    self.pending.extend_from_slice(&bytes);
                    self.take()
                }
                Ok(None) => {
                    self.over = true;
                    self.finish()
                }
                Err(_) => Err(ExternalError::Cut),
            };
            if let Err(error) = read {
                self.over = true;
                return Some(Err(error));
            }
        }
    }

    /// Takes out of the bytes what is whole.
    fn take(&mut self) -> Result<(), ExternalError> {
        match self.style {
            Style::Lines => {
                while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                    let rest = self.pending.split_off(end + 1);
                    let line = std::mem::replace(&mut self.pending, rest);
                    self.line(&line)?;
                }
                match self.pending.len() > LONGEST_LINE {
                    true => Err(ExternalError::Garbled),
                    false => Ok(()),
                }
            }
            Style::Text => {
                let whole = match std::str::from_utf8(&self.pending) {
                    Ok(text) => text.len(),
                    // The rest of a letter is still to come.
                    Err(error) if error.error_len().is_none() => error.valid_up_to(),
                    Err(_) => return Err(ExternalError::Garbled),
                };
                let rest = self.pending.split_off(whole);
                let text = std::mem::replace(&mut self.pending, rest);
                self.ready.push_back(Line {
                    delta: String::from_utf8(text).ok(),
                    ..Line::default()
                });
                Ok(())
            }
            Style::Document if self.pending.len() > LONGEST_BODY => Err(ExternalError::TooLong),
            Style::Document => Ok(()),
        }
    }

    fn line(&mut self, bytes: &[u8]) -> Result<(), ExternalError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ExternalError::Garbled)?;
        self.ready.push_back(Line::parse(text)?);
        Ok(())
    }

    /// The end of the answer may end a line too.
    fn finish(&mut self) -> Result<(), ExternalError> {
        let rest = std::mem::take(&mut self.pending);
        match self.style {
            Style::Lines => self.line(&rest),
            Style::Text if rest.is_empty() => Ok(()),
            Style::Text => Err(ExternalError::Garbled),
            Style::Document => self.document(&rest),
        }
    }

    /// One line, or a list of them.
    fn document(&mut self, bytes: &[u8]) -> Result<(), ExternalError> {
        let document: Json = serde_json::from_slice(bytes).map_err(|_| ExternalError::Garbled)?;
        let lines = match document {
            Json::Array(lines) => lines,
            line => vec![line],
        };
        for line in lines {
            self.ready.push_back(Line::parse(&line.to_string())?);
        }
        Ok(())
    }
}
