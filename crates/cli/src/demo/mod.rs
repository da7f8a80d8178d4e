//! The whole thing on this machine: an embedded node, a SIP gateway, an agent with offline models
//! and a recorder, phoned by a caller of our own over real SIP and RTP.

mod dialogue;
mod play;
mod report;
mod script;
mod show;
mod transcript;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, interval};
use tracing::warn;
use trunkline_base::class::{Class, Classified as _};
use trunkline_bridge::sip::AnswerPolicy;
use trunkline_console::ConsoleHandle;
use trunkline_service::config::Environment;
use trunkline_service::tasks::{Limits, Stop, Tasks};
use trunkline_store::Store;

use crate::clock::now;
use crate::failure::{self, Failure};
use crate::global::Global;
use crate::output;
use crate::settings::{self, Home, Settings};
use crate::verbs::models::{dir_or_default, voice_cache};
use crate::verbs::serve::{load_speech, start_logging};
use crate::wiring::{Plan, Roles, Stack, dev_keys};
use report::{Report, Seen, Stored};
use script::Line;
use transcript::Transcript;

/// The number the demonstration's caller has.
const CALLER: &str = "+15550100";
/// What the call leaves behind is whole within this, or the report says what is missing.
const SETTLE: Duration = Duration::from_secs(10);
/// How often the store is looked at for what is new.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Play one call, report and exit
    #[arg(long)]
    pub(crate) once: bool,
    /// What the caller says: a WAV file of any PCM format
    #[arg(long, value_name = "FILE", requires = "once")]
    pub(crate) caller: Option<PathBuf>,
    /// Where recordings and the store go
    #[arg(long, value_name = "DIR", default_value = "data/demo")]
    pub(crate) data: PathBuf,
    /// Where the models are
    #[arg(long, env = "TRUNKLINE_MODELS", value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
    /// Where the sound of fixed sentences is kept between starts; `none` for nowhere
    #[arg(long, env = "TRUNKLINE_VOICE_CACHE", value_name = "DIR")]
    pub(crate) voice_cache: Option<PathBuf>,
}

pub(crate) async fn run(typed: Demo, global: &Global, tasks: Tasks) -> Result<(), Failure> {
    let settings = settings(&typed, global)?;
    start_logging(&settings.monitoring, global)?;
    let speech = load_speech(dir_or_default(typed.models.clone())?).await?;
    let lines = match &typed.caller {
        Some(file) => script::recording(file)?,
        None => script::questions(&speech).await?,
    };
    let plan = Plan {
        settings,
        keys: dev_keys(),
        dev: true,
        speech: Ok(speech),
        roles: Roles::default(),
    };
    let stack = Box::pin(Stack::start(plan, &tasks)).await?;
    let told = tell(&stack, &lines, &typed, global, &tasks).await;
    let limits = Limits {
        drain: Duration::from_secs(2),
        hurry: Duration::from_secs(3),
    };
    let _ = stack.drain(&tasks, limits, limits.drain).await;
    stack.store.close().await;
    told
}

/// Settings of the demonstration: the agent as configured, everything else on this machine.
fn settings(typed: &Demo, global: &Global) -> Result<Settings, Failure> {
    let builtin = Global {
        url: None,
        api_key: None,
        api_secret: None,
        ..global.clone()
    };
    std::fs::create_dir_all(&typed.data).map_err(|error| {
        let text = format!(
            "cannot make {}: {error}; choose another --data",
            typed.data.display()
        );
        Failure::new(Class::Invalid, "demo.data", text)
    })?;
    let env = Environment::default();
    let wrong = |report| failure::config(&report);
    let mut settings = settings::read(&Home::BuiltIn, &builtin, &env).map_err(wrong)?;
    let mut agent = settings::agent(global).map_err(wrong)?;
    agent.voice_cache = voice_cache(typed.voice_cache.clone(), &global.env);
    settings.agent = Some(agent);
    settings.sip_setup = settings::sip::demo();
    settings.livekit.store = typed.data.join("trunkline.db");
    settings.livekit.recording.dir = typed.data.join("recordings");
    settings.gateway.answer = AnswerPolicy::OnAgent;
    if typed.once {
        for port in [
            &mut settings.livekit.node.http,
            &mut settings.livekit.node.rtc_udp,
            &mut settings.gateway.udp,
            &mut settings.monitoring.console,
        ] {
            port.set_port(0);
        }
        settings.gateway.tcp = None;
    }
    if global.verbose == 0 {
        "warn".clone_into(&mut settings.monitoring.level);
    }
    Ok(settings)
}

async fn tell(
    stack: &Stack,
    lines: &[Line],
    typed: &Demo,
    global: &Global,
    tasks: &Tasks,
) -> Result<(), Failure> {
    let sip = stack
        .sip_addr()
        .map(|addr| addr.to_string())
        .unwrap_or_default();
    let page = stack.console.as_ref().map(ConsoleHandle::url);
    let page = page.unwrap_or_default();
    if !global.json {
        show::opening(&stack.url, &page);
        tasks.session("transcript", follow(stack.store.clone(), tasks.stop()));
    }
    let seen = play::call(&format!("sip:agent@{sip}"), CALLER, lines).await?;
    let report = gathered(&stack.store, seen).await?;
    if global.json {
        output::json(&report);
    } else {
        show::table(&report);
    }
    if !typed.once {
        show::invitation(&sip, &page);
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = async { tasks.stop().draining().await } => {}
        }
        return Ok(());
    }
    if report.errors.is_empty() {
        return Ok(());
    }
    let text = format!(
        "the demonstration call failed: {}",
        report.errors.join("; ")
    );
    Err(Failure::new(Class::Internal, "demo.failed", text))
}

/// The report, once everything the call should leave behind is there, or the time for it is over.
async fn gathered(store: &Store, seen: Seen) -> Result<Report, Failure> {
    let deadline = Instant::now() + SETTLE;
    let mut look = interval(LOOK);
    loop {
        look.tick().await;
        let kept = kept(store).await?;
        let whole = kept
            .call
            .as_ref()
            .is_some_and(|call| call.ended_at.is_some())
            && kept
                .recording
                .as_ref()
                .is_some_and(|recording| recording.ended_at.is_some())
            && kept.events.iter().any(|event| event == "room_finished")
            && kept.events.iter().any(|event| event == "egress_ended");
        if whole || Instant::now() >= deadline || seen.sip_status != 200 {
            return Ok(report::build(seen, kept));
        }
    }
}

async fn kept(store: &Store) -> Result<Stored, Failure> {
    let Some(call) = store.calls().list(1).await?.into_iter().next() else {
        return Ok(Stored::default());
    };
    let events = store.events().of_room(&call.room).await?;
    Ok(Stored {
        turns: store.turns().of_call(&call.call_id).await?,
        recording: store
            .recordings()
            .of_room(&call.room)
            .await?
            .into_iter()
            .next_back(),
        events: events.into_iter().map(|event| event.kind).collect(),
        call: Some(call),
    })
}

/// Prints each turn of each call since now as it comes to the store.
async fn follow(store: Store, stop: Stop) {
    let began = now();
    let mut transcript = Transcript::default();
    let mut look = interval(LOOK);
    loop {
        tokio::select! {
            () = stop.draining() => return,
            _ = look.tick() => {}
        }
        let latest = store.calls().list(3).await.unwrap_or_default();
        for call in latest.iter().rev().filter(|call| call.started_at >= began) {
            match store.turns().of_call(&call.call_id).await {
                Ok(turns) => transcript
                    .read(&turns)
                    .iter()
                    .for_each(|line| output::line(line)),
                Err(error) => warn!(code = error.code(), "the transcript cannot be read"),
            }
        }
    }
}
