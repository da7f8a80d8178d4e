//! The way to a server: its process, or its address.

use std::collections::{BTreeMap, HashMap};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use process_wrap::tokio::{CommandWrap, KillOnDrop, ProcessGroup};
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::model::{ClientCapabilities, ClientConfig, Implementation};
use rmcp::service::{NotificationContext, RunningService};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientHandler, RoleClient, ServiceExt as _};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{ChildStderr, Command};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use trunkline_base::secret::Secret;

use super::config::{McpConfig, McpReach};

/// What a process needs of ours to run at all. Our own secrets are none of its business.
const INHERITED: &[&str] = &[
    "HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER",
];

/// Longest message of a server that is read.
const LARGEST_MESSAGE: usize = 1024 * 1024;

/// Longest line of a process's complaints that is kept.
const LONGEST_LINE: u64 = 500;

/// A server that answers. Dropping it ends the connection, and with it a process of ours.
pub(super) struct Connected {
    pub(super) running: RunningService<RoleClient, Us>,
    pub(super) said: Said,
    pub(super) group: Group,
}

/// The process of a server and all that it started. They are told to end when this is dropped; the
/// server itself is given its time and then killed.
#[derive(Default)]
pub(super) struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // Whoever ended already cannot be told.
            let _told = kill_process_group(leader, Signal::TERM);
        }
    }
}

/// We, to a server.
pub(super) struct Us {
    info: ClientConfig,
    changed: Arc<Notify>,
}

impl ClientHandler for Us {
    fn get_info(&self) -> ClientConfig {
        self.info.clone()
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.changed.notify_one();
    }
}

/// The last line a process wrote on its standard error before it was ready: why it did not start.
/// What it writes later may be about a call, which is nobody's business.
#[derive(Clone, Default)]
pub(super) struct Said {
    /// Nothing any more once it was ready.
    line: Arc<Mutex<Option<String>>>,
    _work: Arc<JoinSet<()>>,
}

impl Said {
    /// As the end of a sentence.
    pub(super) fn words(&self) -> String {
        match self.line.lock().as_deref() {
            Ok(Some(line)) if !line.is_empty() => format!(": {line}"),
            Ok(_) | Err(_) => String::new(),
        }
    }

    /// Reads on for as long as the connection stands, so that the process is never held up by it.
    fn listen(stderr: ChildStderr) -> Self {
        let line = Arc::new(Mutex::new(Some(String::new())));
        let mut work = JoinSet::new();
        work.spawn(read(stderr, Arc::clone(&line)));
        Self {
            line,
            _work: Arc::new(work),
        }
    }

    fn forget(&self) {
        if let Ok(mut line) = self.line.lock() {
            *line = None;
        }
    }
}

async fn read(stderr: ChildStderr, last: Arc<Mutex<Option<String>>>) {
    let mut lines = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut some = (&mut lines).take(LONGEST_LINE);
        match some.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        if let (false, Ok(mut last)) = (text.is_empty(), last.lock())
            && let Some(last) = last.as_mut()
        {
            *last = text;
        }
    }
}

pub(super) async fn connect(
    config: &McpConfig,
    http: &reqwest::Client,
    changed: Arc<Notify>,
) -> Result<Connected, String> {
    let name = Implementation::new("trunkline", env!("CARGO_PKG_VERSION"));
    let us = Us {
        info: ClientConfig::new(ClientCapabilities::default(), name),
        changed,
    };
    match &config.reach {
        McpReach::Process {
            program,
            arguments,
            env,
        } => {
            let (process, said) = start(program, arguments, env)?;
            let id = process.id().and_then(|id| i32::try_from(id).ok());
            let group = Group(id.and_then(Pid::from_raw));
            let running = us.serve(process).await;
            let running = running.map_err(|_| format!("it did not start{}", said.words()))?;
            said.forget();
            Ok(Connected {
                running,
                said,
                group,
            })
        }
        McpReach::Http { url, headers } => {
            let options = StreamableHttpClientTransportConfig::with_uri(url.as_str())
                .custom_headers(headers_of(headers))
                .max_json_response_size(LARGEST_MESSAGE)
                .max_sse_event_size(LARGEST_MESSAGE);
            let service = StreamableHttpClientTransport::with_client(http.clone(), options);
            let running = us.serve(service).await;
            let running = running.map_err(|_| "it does not answer as a tool server".to_owned())?;
            Ok(Connected {
                running,
                said: Said::default(),
                group: Group::default(),
            })
        }
    }
}

fn start(
    program: &str,
    arguments: &[Secret<String>],
    env: &BTreeMap<String, Secret<String>>,
) -> Result<(TokioChildProcess, Said), String> {
    let mut command = Command::new(program);
    command
        .args(arguments.iter().map(|argument| argument.expose()))
        .env_clear()
        .envs(
            INHERITED
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .envs(env.iter().map(|(name, value)| (name, value.expose())));
    let mut command = CommandWrap::from(command);
    command.wrap(ProcessGroup::leader()).wrap(KillOnDrop);
    let (process, stderr) = TokioChildProcess::builder(command)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("`{program}` cannot be started: {error}"))?;
    let said = stderr.map(Said::listen).unwrap_or_default();
    Ok((process, said))
}

fn headers_of(headers: &BTreeMap<String, Secret<String>>) -> HashMap<HeaderName, HeaderValue> {
    let header = |(name, value): (&String, &Secret<String>)| {
        let mut value = HeaderValue::try_from(value.expose()).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name).ok()?, value))
    };
    headers.iter().filter_map(header).collect()
}
