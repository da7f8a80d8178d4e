//! `serve`: the daemon, from the first signal it gets ready to the last that ends it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tokio::signal::unix::SignalKind;
use tracing::{error, info, warn};
use trunkline_agent::speech::{LoadError, Speech, SpeechConfig};
use trunkline_base::class::Class;
use trunkline_base::token::KeyRing;
use trunkline_console::Standing;
use trunkline_service::config::Report;
use trunkline_service::files;
use trunkline_service::log::{self, Format};
use trunkline_service::metrics;
use trunkline_service::tasks::{Limits, Tasks};

use super::models::{dir_or_default, voice_cache};
use super::settings;
use crate::environment;
use crate::failure::Failure;
use crate::global::Global;
use crate::keys::{KeyFile, follow};
use crate::output;
use crate::settings::{Home, Monitoring, Settings};
use crate::signals::{Signals, listen};
use crate::target::no_keys;
use crate::wiring::{ConfigFiles, NOT_ASKED, Plan, Role, Roles, Stack, dev_keys};

/// Goodbyes take this long at the most.
const HURRY: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// What runs in this process; all that can, unless said otherwise
    #[arg(
        long,
        env = "TRUNKLINE_ROLES",
        value_name = "ROLES",
        value_delimiter = ','
    )]
    pub(crate) roles: Vec<Role>,
    /// Where the models are
    #[arg(long, env = "TRUNKLINE_MODELS", value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
    /// Where the sound of fixed sentences is kept between starts; `none` for nowhere
    #[arg(long, env = "TRUNKLINE_VOICE_CACHE", value_name = "DIR")]
    pub(crate) voice_cache: Option<PathBuf>,
}

pub(crate) async fn run(typed: Serve, global: &Global, tasks: Tasks) -> Result<(), Failure> {
    // Its first state is taken before it is read: what is saved meanwhile is a change.
    let files = files(&typed, global);
    let mut settings = settings(global)?;
    with_voice_cache(&mut settings, typed.voice_cache.as_ref(), global);
    start_logging(&settings.monitoring, global)?;
    for notice in &settings.notices {
        warn!("{notice}");
    }
    files::raise();
    files::outlive_limit();
    let mut signals = Signals::new()?;
    let roles = Roles::from(typed.roles.as_slice());
    let plan = Plan {
        keys: keys(global, &settings, &tasks)?,
        speech: speech(&typed, &settings, &roles).await?,
        roles,
        dev: global.dev,
        settings,
    };
    let limits = Limits {
        drain: plan.settings.livekit.drain,
        hurry: HURRY,
    };
    let calls = plan.settings.gateway.drain.unwrap_or(limits.drain);
    let (settings, ring) = (plan.settings.clone(), plan.keys.clone());
    let stack = Box::pin(Stack::start(plan, &tasks)).await?;
    let hangup = listen(SignalKind::hangup())?;
    stack.follow_files(files, settings, &ring, hangup, &tasks)?;
    tell_ready(&stack, global);
    tokio::select! {
        () = signals.next() => tasks.begin_drain("signal"),
        () = async { tasks.stop().draining().await } => {}
    }
    drain(&stack, &tasks, (limits, calls), signals).await;
    let unwritten = stack.store.close().await;
    if unwritten > 0 {
        error!(rows = unwritten, "the store lost what it should keep");
    }
    tasks.fatal().map_or(Ok(()), |why| {
        Err(Failure::new(Class::Internal, "process.fatal", why))
    })
}

/// How the files are read again.
fn files(
    typed: &Serve,
    global: &Global,
) -> ConfigFiles<impl Fn() -> Result<Settings, Report> + Send + Sync + 'static + use<>> {
    let (again, cache) = (global.clone(), typed.voice_cache.clone());
    let read = move || {
        let env = environment::again()?;
        let mut settings = settings::load(&again, &env)?;
        with_voice_cache(&mut settings, cache.as_ref(), &again);
        Ok(settings)
    };
    ConfigFiles::new(&Home::of(global), environment::place(), read)
}

/// The agent's own file does not say where its sound is kept.
fn with_voice_cache(settings: &mut Settings, typed: Option<&PathBuf>, global: &Global) {
    if let Some(agent) = &mut settings.agent {
        agent.voice_cache = voice_cache(typed.cloned(), &global.env);
    }
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
        "agent", "base", "bridge", "client", "console", "media", "node", "ops", "rtc", "service",
        "sip", "store",
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
    let hangup = listen(SignalKind::hangup())?;
    tasks.vital("keys", follow(followed, ring.clone(), hangup, tasks.stop()));
    Ok(ring)
}

/// The agent's voice, or why there is none. A process that was not asked for an agent by name runs
/// without one where its models are not.
async fn speech(
    typed: &Serve,
    settings: &Settings,
    roles: &Roles,
) -> Result<Result<Speech, String>, Failure> {
    if !roles.include(Role::Agent) {
        return Ok(Err(NOT_ASKED.to_owned()));
    }
    let Some(agent) = &settings.agent else {
        return Ok(Err("there is no agent.yaml".to_owned()));
    };
    let dir = dir_or_default(typed.models.clone())?;
    match load(dir).await? {
        Ok(speech) => Ok(Ok(speech)),
        // It hears and speaks by services.
        Err(LoadError::NotInstalled { .. }) if agent.is_remote() => {
            Ok(Ok(Speech::without_models()))
        }
        Err(missing @ LoadError::NotInstalled { .. }) if !roles.name(Role::Agent) => {
            warn!("{missing}");
            Ok(Err(missing.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Loads the models, which must be there.
pub(crate) async fn load_speech(dir: PathBuf) -> Result<Speech, Failure> {
    Ok(load(dir).await??)
}

/// Loads the models on a thread of their own: it takes a second or two.
async fn load(dir: PathBuf) -> Result<Result<Speech, LoadError>, Failure> {
    let load = move || Speech::load(&dir, &SpeechConfig::default());
    tokio::task::spawn_blocking(load).await.map_err(|_| {
        Failure::new(
            Class::Internal,
            "models.load",
            "loading the models panicked",
        )
    })
}

fn tell_ready(stack: &Stack, global: &Global) {
    let addresses = addresses(stack);
    info!(%addresses, "ready");
    if global.json {
        output::line(&addresses.to_string());
    } else {
        output::line(&format!("ready: LiveKit at {}", stack.public_url()));
        if let Some(sip) = stack.sip_addr() {
            output::line(&format!("       phones at sip:agent@{sip}"));
        }
        if let Some(console) = &stack.console {
            output::line(&format!("       console at {}", console.url()));
        }
        for (part, standing) in stack.idle() {
            output::line(&match standing {
                Standing::Off(why) => format!("       {part} does not run: {why}"),
                Standing::Ready(how) | Standing::Waiting(how) => {
                    format!("       {part} waits: {how}")
                }
            });
        }
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
        "sip_tls": stack.gateway.as_ref().and_then(|gateway| gateway.tls_addr()).map(|a| a.to_string()),
        "sip_api": stack.sip_api_addr().map(|addr| addr.to_string()),
        "console": stack.console.as_ref().map(|console| console.addr().to_string()),
        "off": idle(stack, |standing| matches!(standing, Standing::Off(_))),
        "waits": idle(stack, |standing| matches!(standing, Standing::Waiting(_))),
    })
}

/// The parts that stand like this, by name with the reason.
fn idle(stack: &Stack, like: impl Fn(&Standing) -> bool) -> Value {
    let parts = stack
        .idle()
        .into_iter()
        .filter(|(_, standing)| like(standing));
    let told = parts.map(|(part, standing)| {
        let (Standing::Ready(why) | Standing::Waiting(why) | Standing::Off(why)) = standing;
        (part.to_owned(), Value::String(why))
    });
    Value::Object(told.collect())
}

/// First signal: calls may finish. Second: they are ended politely. Third: the process goes.
async fn drain(
    stack: &Stack,
    tasks: &Tasks,
    (limits, calls): (Limits, Duration),
    mut signals: Signals,
) {
    let finish = stack.drain(tasks, limits, calls);
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
