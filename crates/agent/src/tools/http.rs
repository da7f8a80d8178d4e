//! Web services as tools. The host stands in the file and stays: values are encoded where they are
//! put, and nobody is followed elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use serde_json::Value as Json;
use tokio::time::sleep;
use trunkline_base::secret::Secret;

use super::cut::cut;
use super::template::{Template, encoded, plain};
use super::{Arguments, Context, Filler, Outcome, Tool, ToolError};

/// Bytes of an answer that are read; more is not an answer to a caller's question.
const LARGEST_ANSWER: usize = 256 * 1024;

/// Between two tries.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// How a web service is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    pub method: Method,
    /// For all of it.
    pub timeout: Duration,
    /// Tries again; of what changes something nobody should want any.
    pub retries: u32,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    Bearer(Secret<String>),
    /// `user:password`.
    Basic(Secret<String>),
}

/// A request with everything filled in.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Secret<String>)>,
    pub(crate) auth: Option<Auth>,
    pub(crate) body: Option<Json>,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    body: Vec<u8>,
    whole: bool,
}

impl Exchange {
    /// Asks, as often as it may be.
    pub(crate) async fn send(
        &self,
        http: &reqwest::Client,
        request: &Request,
    ) -> Result<Received, ToolError> {
        let mut tries = 0;
        loop {
            match self.once(http, request).await {
                Err(
                    ToolError::Unreachable | ToolError::Slow(_) | ToolError::Status(429 | 500..),
                ) if tries < self.retries => {}
                end => return end,
            }
            tries += 1;
            sleep(RETRY_INTERVAL).await;
        }
    }

    async fn once(&self, http: &reqwest::Client, asked: &Request) -> Result<Received, ToolError> {
        if climbs(&asked.url) {
            let what = "a value would lead to another address".to_owned();
            return Err(ToolError::Argument(what));
        }
        let mut request = http
            .request(self.method.clone(), &asked.url)
            .timeout(self.timeout);
        for (name, value) in &asked.headers {
            request = request.header(name, value.expose());
        }
        match &asked.auth {
            Some(Auth::Bearer(token)) => request = request.bearer_auth(token.expose()),
            Some(Auth::Basic(login)) => {
                let (user, password) = login.expose().split_once(':').unwrap_or_default();
                request = request.basic_auth(user, Some(password));
            }
            None => {}
        }
        if let Some(body) = &asked.body {
            request = request.json(body);
        }
        self.read(request).await
    }

    async fn read(&self, request: reqwest::RequestBuilder) -> Result<Received, ToolError> {
        let failed = |error: reqwest::Error| {
            if error.is_timeout() {
                ToolError::Slow(self.timeout)
            } else {
                ToolError::Unreachable
            }
        };
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        if !status.is_success() {
            return Err(ToolError::Status(status.as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            let room = LARGEST_ANSWER - body.len();
            body.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
            if chunk.len() > room {
                return Ok(Received { body, whole: false });
            }
        }
        Ok(Received { body, whole: true })
    }
}

/// Whether the file alone says whom a request goes to: `beginning` is the address up to its first
/// place for a value.
///
/// # Errors
/// What is wrong with it.
pub(super) fn is_fixed(url: &str, beginning: &str) -> Result<(), &'static str> {
    let scheme = ["https://", "http://"];
    let Some(rest) = scheme
        .iter()
        .find_map(|scheme| beginning.strip_prefix(scheme))
    else {
        return Err("this is no web address");
    };
    let end = |c: char| matches!(c, '/' | '?' | '#');
    if beginning != url && !rest.contains(end) {
        return Err("the host of an address cannot depend on a value");
    }
    let host = rest.split(end).next().unwrap_or_default();
    if host.contains('@') {
        return Err("an address holds no login; `auth` does");
    }
    if host.is_empty() || reqwest::Url::parse(beginning).is_err() {
        return Err("this is no web address");
    }
    if climbs(url) {
        return Err("`.` and `..` have no place in an address");
    }
    Ok(())
}

/// Whether a path climbs out of where the file put it.
fn climbs(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.split(['/', '\\'])
        .any(|segment| matches!(segment, "." | "..") || is_encoded_dots(segment))
}

fn is_encoded_dots(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain != segment && matches!(plain.as_str(), "." | "..")
}

impl Received {
    /// All of it as JSON; an empty answer is nothing.
    pub(crate) fn json(&self) -> Result<Json, ToolError> {
        if !self.whole {
            return Err(ToolError::Answer);
        }
        if self.body.is_empty() {
            return Ok(Json::Null);
        }
        serde_json::from_slice(&self.body).map_err(|_| ToolError::Answer)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A web service under `tools:`, checked.
#[derive(Clone, Debug)]
pub struct HttpTool {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) parameters: Json,
    pub(super) changes: bool,
    pub(super) filler: Option<Filler>,
    pub(super) exchange: Exchange,
    pub(super) url: Template,
    pub(super) headers: BTreeMap<String, Secret<String>>,
    pub(super) auth: Option<Auth>,
    /// Without one, arguments that the address does not name are sent by themselves.
    pub(super) body: Option<BTreeMap<String, Template>>,
    /// Where in the answer the result is.
    pub(super) result: Vec<String>,
    /// Bytes of it that a model reads.
    pub(super) most_bytes: usize,
}

impl HttpTool {
    /// The address as it stands in the file.
    pub(super) fn address(&self) -> &str {
        self.url.beginning()
    }

    fn request(&self, arguments: &Arguments, context: &Context) -> Request {
        let mut url = self.url.fill(arguments, context, encoded);
        let named: BTreeSet<&str> = self.url.arguments();
        let rest = || {
            let others = arguments.iter();
            others.filter(|(name, _)| !named.contains(name.as_str()))
        };
        let has_body = !matches!(self.exchange.method, Method::GET | Method::DELETE);
        let body = match &self.body {
            Some(body) => {
                let fields = body.iter();
                let fields =
                    fields.map(|(key, value)| (key.clone(), value.json(arguments, context)));
                Some(Json::Object(fields.collect()))
            }
            None if has_body => {
                let fields = rest().map(|(name, value)| (name.clone(), value.clone()));
                Some(Json::Object(fields.collect()))
            }
            None => {
                for (name, value) in rest() {
                    url.push(if url.contains('?') { '&' } else { '?' });
                    url.push_str(&format!("{}={}", encoded(name), encoded(&plain(value))));
                }
                None
            }
        };
        let headers = self.headers.iter();
        Request {
            url,
            headers: headers.map(|(k, v)| (k.clone(), v.clone())).collect(),
            auth: self.auth.clone(),
            body,
        }
    }

    fn outcome(&self, received: &Received) -> Result<Outcome, ToolError> {
        let Ok(json) = received.json() else {
            let text = received.text();
            // A page of words is an answer to a model, and none where a part of it is wanted.
            return match self.result.is_empty() {
                true => Ok(Outcome {
                    text: cut_read(&text, self.most_bytes, received.whole),
                    data: None,
                    act: None,
                }),
                false => Err(ToolError::Answer),
            };
        };
        let found = self.result.iter().try_fold(&json, |json, name| match json {
            Json::Array(list) => list.get(name.parse::<usize>().ok()?),
            json => json.get(name),
        });
        let found = found.ok_or(ToolError::Answer)?;
        Ok(Outcome {
            text: match found {
                Json::Null => "The service answered without saying anything.".to_owned(),
                found => cut(&plain(found), self.most_bytes),
            },
            data: Some(found.clone()),
            act: None,
        })
    }
}

/// What was not read to the end is cut in any case.
fn cut_read(text: &str, most: usize, whole: bool) -> String {
    cut(
        text,
        if whole {
            most
        } else {
            most.min(LARGEST_ANSWER - 4)
        },
    )
}

/// A [`HttpTool`] with the connections it uses.
pub(super) struct Connected {
    pub(super) tool: HttpTool,
    pub(super) http: reqwest::Client,
}

#[async_trait]
impl Tool for Connected {
    fn name(&self) -> &str {
        &self.tool.name
    }

    fn description(&self) -> &str {
        &self.tool.description
    }

    fn parameters(&self) -> Json {
        self.tool.parameters.clone()
    }

    fn changes(&self) -> bool {
        self.tool.changes
    }

    fn filler(&self) -> Option<&Filler> {
        self.tool.filler.as_ref()
    }

    async fn call(&self, arguments: Arguments, context: &Context) -> Result<Outcome, ToolError> {
        let request = self.tool.request(&arguments, context);
        let received = self.tool.exchange.send(&self.http, &request).await?;
        self.tool.outcome(&received)
    }
}
