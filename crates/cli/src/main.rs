//! The `trunkline` binary: parse, run, exit code.

mod args;
mod ask;
mod clock;
mod demo;
#[cfg(test)]
mod docs;
mod failure;
mod keys;
mod output;
mod request;
mod server;
mod settings;
mod target;
mod template;
mod verbs;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;
use tokio::runtime;
use trunkline_base::class::Class;
use trunkline_service::priority::{self, Work};

use args::{Cli, Global, Verb};
use failure::Failure;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return told(&error),
    };
    let global = cli.global.clone();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::note(&format!("error: {failure}"));
            if let Some(remedy) = failure.remedy() {
                output::note(&format!("remedy: {remedy}"));
            }
            if global.verbose > 0 {
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
    let carries_sound = matches!(verb, Verb::Serve(_) | Verb::Demo(_));
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_start(move || {
            if carries_sound {
                priority::set(Work::Sound);
            }
        })
        .build()
        .map_err(|error| {
            Failure::new(
                Class::Internal,
                "process.runtime",
                format!("cannot start threads: {error}"),
            )
        })?;
    runtime.block_on(dispatch(verb, &global))
}

async fn dispatch(verb: Verb, global: &Global) -> Result<(), Failure> {
    match verb {
        Verb::Demo(typed) => demo::run(typed, global).await,
        Verb::Serve(typed) => verbs::serve::run(typed, global).await,
        Verb::Models(verb) => verbs::models::run(verb, global).await,
        Verb::Calls(verb) => verbs::calls::run(verb, global).await,
        Verb::Token(verb) => verbs::token::run(verb, global),
        Verb::Keys(verb) => verbs::keys::run(verb, global),
        Verb::Room(verb) => verbs::room::run(verb, global).await,
        Verb::Dispatch(verb) => verbs::dispatch::run(verb, global).await,
        Verb::Sip(verb) => verbs::sip::run(verb, global).await,
        Verb::Egress(verb) => verbs::egress::run(verb, global).await,
        Verb::Ingress(verb) => verbs::ingress::run(verb, global).await,
        Verb::Config(verb) => verbs::config::run(&verb, global),
    }
}
