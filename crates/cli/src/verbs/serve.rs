//! `serve`: the daemon, from the first signal it gets ready to the last that ends it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;
use trunkline_agent::speech::{Speech, SpeechConfig};
use trunkline_base::class::Class;
use trunkline_base::token::KeyRing;
use trunkline_service::files;
use trunkline_service::log::{self, Format};
use trunkline_service::metrics;
use trunkline_service::tasks::{Limits, Tasks};

use super::models::dir_or_default;
use super::{no_keys, settings};
use crate::args::{Global, Serve};
use crate::failure::Failure;
use crate::keys::{KeyFile, follow};
use crate::output;
use crate::settings::{Monitoring, Settings};
use crate::wiring::{Plan, Stack, dev_keys};

/// Goodbyes take this long at the most.
const HURRY: Duration = Duration::from_secs(5);

pub(crate) async fn run(typed: Serve, global: &Global, tasks: Tasks) -> Result<(), Failure> {
    let settings = settings(global)?;
    start_logging(&settings.monitoring, global)?;
    files::raise();
    let mut signals = Signals::new()?;
    let plan = Plan {
        keys: keys(global, &settings, &tasks)?,
        speech: speech(&typed, &settings).await?,
        dev: global.dev,
        settings,
    };
    let limits = Limits {
        drain: plan.settings.livekit.drain,
        hurry: HURRY,
    };
    let stack = Stack::start(plan, &tasks).await?;
    tell_ready(&stack, global);
    tokio::select! {
        () = signals.next() => tasks.begin_drain("signal"),
        () = async { tasks.stop().draining().await } => {}
    }
    drain(&stack, &tasks, limits, signals).await;
    stack.store.close().await;
    tasks.fatal().map_or(Ok(()), |why| {
        Err(Failure::new(Class::Internal, "process.fatal", why))
    })
}

/// Logging as the files say; `-v` says more.
pub(crate) fn start_logging(monitoring: &Monitoring, global: &Global) -> Result<(), Failure> {
    let level = match global.verbose {
        0 => monitoring.level.as_str(),
        1 => "debug",
        _ => "trace",
    };
    // str0m warns of every codec it does not know in an offer, which is each browser's.
    let filter = format!("warn,str0m=error,trunkline={level}{}", crates(level));
    let format = if monitoring.json_logs {
        Format::Json
    } else {
        Format::Text
    };
    log::init(&filter, format).map_err(|error| {
        Failure::new(
            Class::Invalid,
            "log.filter",
            format!("the log level is not known: {error}"),
        )
    })?;
    metrics::install().map_err(|error| {
        Failure::new(
            Class::Internal,
            "metrics.install",
            format!("no metrics: {error}"),
        )
    })
}

/// The same level for every crate of ours, and theirs at warnings.
fn crates(level: &str) -> String {
    [
        "agent", "base", "bridge", "client", "console", "media", "node", "rtc", "service", "sip",
        "store",
    ]
    .iter()
    .map(|name| format!(",trunkline_{name}={level}"))
    .collect()
}

/// The keys, and the task that takes up their changes.
fn keys(global: &Global, settings: &Settings, tasks: &Tasks) -> Result<KeyRing, Failure> {
    let file = KeyFile::new(settings.livekit.keys.file.clone());
    let followed = (!global.dev).then_some(file);
    let ring = if global.dev {
        dev_keys()
    } else {
        settings.livekit.keys().ok_or_else(no_keys)?
    };
    let hangup = open(SignalKind::hangup())?;
    tasks.vital("keys", follow(followed, ring.clone(), hangup, tasks.stop()));
    Ok(ring)
}

async fn speech(typed: &Serve, settings: &Settings) -> Result<Option<Speech>, Failure> {
    if settings.agent.is_none() {
        return Ok(None);
    }
    let dir = dir_or_default(typed.models.clone())?;
    load_speech(dir).await.map(Some)
}

/// Loads the models on a thread of their own: it takes a second or two.
pub(crate) async fn load_speech(dir: std::path::PathBuf) -> Result<Speech, Failure> {
    let load = move || Speech::load(&dir, &SpeechConfig::default());
    let loaded = tokio::task::spawn_blocking(load).await.map_err(|_| {
        Failure::new(
            Class::Internal,
            "models.load",
            "loading the models panicked",
        )
    })?;
    Ok(loaded?)
}

fn tell_ready(stack: &Stack, global: &Global) {
    let addresses = addresses(stack);
    info!(%addresses, "ready");
    if global.json {
        output::line(&addresses.to_string());
    } else {
        output::line(&format!("ready: LiveKit at {}", stack.url));
        if let Some(sip) = stack.sip_addr() {
            output::line(&format!("       phones at sip:agent@{sip}"));
        }
        output::line(&format!(
            "       console at http://{}",
            stack.console.addr()
        ));
    }
}

fn addresses(stack: &Stack) -> Value {
    json!({
        "ready": true,
        "url": stack.url,
        "http": stack.node.as_ref().map(|node| node.http_addr().to_string()),
        "rtc": stack.node.as_ref().map(|node| node.udp_addr().to_string()),
        "sip": stack.sip_addr().map(|addr| addr.to_string()),
        "sip_tcp": stack.gateway.as_ref().and_then(|gateway| gateway.tcp_addr()).map(|a| a.to_string()),
        "console": stack.console.addr().to_string(),
    })
}

/// First signal: calls may finish. Second: they are ended politely. Third: the process goes.
async fn drain(stack: &Stack, tasks: &Tasks, limits: Limits, mut signals: Signals) {
    let finish = stack.drain(tasks, limits);
    tokio::pin!(finish);
    let mut more = 0;
    loop {
        tokio::select! {
            report = &mut finish => {
                info!(cut = report.cut, "ended");
                return;
            }
            () = signals.next() => {
                more += 1;
                tasks.hurry();
                if more > 1 {
                    return;
                }
            }
        }
    }
}

fn open(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| {
        let text = format!("cannot listen for signals: {error}");
        Failure::new(Class::Internal, "process.signals", text)
    })
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        Ok(Self {
            terminate: open(SignalKind::terminate())?,
            interrupt: open(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
