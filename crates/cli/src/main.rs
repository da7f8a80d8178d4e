//! The `trunkline` binary: parse, run, exit code.

mod args;
mod ask;
mod captures;
mod clock;
mod demo;
#[cfg(test)]
mod docs;
mod doctor;
mod environment;
mod failure;
mod global;
mod keys;
mod output;
mod record;
mod request;
mod retention;
mod server;
mod settings;
mod signals;
mod sip;
mod target;
mod template;
mod verbs;
mod wiring;

use std::num::NonZero;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{self, Runtime};
use trunkline_base::class::Class;
use trunkline_service::config::Environment;
use trunkline_service::priority::{self, Work};
use trunkline_service::tasks::Tasks;

use args::{Cli, Verb};
use failure::Failure;
use global::Global;

fn main() -> ExitCode {
    let env = environment::load();
    let nothing = Environment::default();
    let parsed = args::parse(env.as_ref().unwrap_or(&nothing));
    let mut cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return told(&error),
    };
    let verbose = cli.global.verbose;
    let ended = env.and_then(|env| {
        cli.global.env = env;
        run(cli)
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_verdict() => ExitCode::from(failure.exit()),
        Err(failure) => {
            output::note(&format!("error: {failure}"));
            if let Some(remedy) = failure.remedy() {
                output::note(&format!("remedy: {remedy}"));
            }
            if verbose > 0 {
                output::note(&format!("code: {}", failure.code()));
            }
            ExitCode::from(failure.exit())
        }
    }
}

/// Help and version are answers; anything else typed wrong fails like every other bad input.
fn told(error: &clap::Error) -> ExitCode {
    // A closed pipe is the reader's choice.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(Class::Invalid.exit_code())
    } else {
        ExitCode::SUCCESS
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { global, verb } = cli;
    if !matches!(verb, Verb::Serve(_) | Verb::Demo(_) | Verb::Doctor(_)) {
        return threads(None)?.block_on(dispatch(verb, &global, Tasks::new()));
    }
    let sound = threads(Some(Work::Sound))?;
    let service = threads(Some(Work::Service))?;
    let tasks = Tasks::new().with_sound(sound.handle().clone());
    service.block_on(dispatch(verb, &global, tasks))
}

/// Threads for a kind of work.
fn threads(work: Option<Work>) -> Result<Runtime, Failure> {
    let started = AtomicUsize::new(0);
    let ranked = move || {
        // Behind the workers come threads that wait for disks and names, for sound as well.
        let worker = started.fetch_add(1, Ordering::Relaxed) < sound_threads();
        match work {
            Some(Work::Sound) if !worker => priority::set(Work::Service),
            Some(work) => priority::set(work),
            None => {}
        }
    };
    let mut builder = runtime::Builder::new_multi_thread();
    builder.enable_all().on_thread_start(ranked);
    if work == Some(Work::Sound) {
        builder.worker_threads(sound_threads()).thread_name("sound");
    }
    builder.build().map_err(|error| {
        let text = format!("cannot start threads: {error}");
        Failure::new(Class::Internal, "process.runtime", text)
    })
}

/// All cores but one, which is left to everything else. On two cores, two of these threads would
/// cost an eighth more processor time, for waking each other.
fn sound_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    cores.saturating_sub(1).max(1)
}

async fn dispatch(verb: Verb, global: &Global, tasks: Tasks) -> Result<(), Failure> {
    match verb {
        // Boxed: the settings of a whole daemon are in them.
        Verb::Demo(typed) => Box::pin(demo::run(typed, global, tasks)).await,
        Verb::Serve(typed) => Box::pin(verbs::serve::run(typed, global, tasks)).await,
        Verb::Doctor(typed) => Box::pin(verbs::doctor::run(typed, global, tasks)).await,
        Verb::Reload(_) => verbs::reload::run(global).await,
        Verb::Models(verb) => verbs::models::run(verb, global).await,
        Verb::Call(typed) => verbs::call::run(typed, global).await,
        Verb::Calls(verb) => verbs::calls::run(verb, global).await,
        Verb::Token(verb) => verbs::token::run(verb, global),
        Verb::Keys(verb) => verbs::keys::run(verb, global),
        Verb::Room(verb) => verbs::room::run(verb, global).await,
        Verb::Dispatch(verb) => verbs::dispatch::run(verb, global).await,
        Verb::Sip(verb) => verbs::sip::run(verb, global).await,
        Verb::Egress(verb) => verbs::egress::run(verb, global).await,
        Verb::Ingress(verb) => verbs::ingress::run(verb, global).await,
        Verb::Store(verb) => verbs::store::run(verb, global).await,
        Verb::Config(verb) => verbs::config::run(&verb, global).await,
        Verb::Init(typed) => verbs::init::run(&typed, global),
    }
}
