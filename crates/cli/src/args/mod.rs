//! The list of all verbs. Names follow `lk` where it has them.

use clap::{Arg, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use trunkline_service::config::Environment;

use crate::demo::Demo;
use crate::global::Global;
use crate::verbs::call::Phone;
use crate::verbs::calls::Calls;
use crate::verbs::config::Config;
use crate::verbs::dispatch::Dispatch;
use crate::verbs::doctor::Doctor;
use crate::verbs::egress::Egress;
use crate::verbs::ingress::Ingress;
use crate::verbs::init::Init;
use crate::verbs::keys::Keys;
use crate::verbs::models::Models;
use crate::verbs::reload::Reload;
use crate::verbs::room::Room;
use crate::verbs::serve::Serve;
use crate::verbs::sip::Sip;
use crate::verbs::store::Store;
use crate::verbs::token::Token;

/// Puts a voice AI agent on the phone through LiveKit, and keeps it there.
#[derive(Debug, Parser)]
#[command(
    name = "trunkline",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show the whole thing on this machine: a phone call to an agent, recorded
    Demo(Demo),
    /// Run the daemon
    Serve(Serve),
    /// Have the running daemon take up changed files, with calls going on
    Reload(Reload),
    /// Say what is wrong with this set-up, and what mends it: 1 on warnings, 2 on failures
    Doctor(Doctor),
    /// Offline speech models
    #[command(subcommand)]
    Models(Models),
    /// Phone somebody, with an agent to talk to them
    Call(Phone),
    /// Calls in the store
    #[command(subcommand)]
    Calls(Calls),
    /// Access tokens
    #[command(subcommand)]
    Token(Token),
    /// API keys: several at once, changed without a restart
    #[command(subcommand)]
    Keys(Keys),
    /// Rooms, who is in them, and joining them
    #[command(subcommand)]
    Room(Room),
    /// Agents sent to rooms
    #[command(subcommand)]
    Dispatch(Dispatch),
    /// Phone calls: trunks, rules, participants
    #[command(subcommand)]
    Sip(Sip),
    /// Media out of rooms: recordings and streams
    #[command(subcommand)]
    Egress(Egress),
    /// Media into rooms
    #[command(subcommand)]
    Ingress(Ingress),
    /// What is kept of calls
    #[command(subcommand)]
    Store(Store),
    /// Configuration files
    #[command(subcommand)]
    Config(Config),
    /// Write the configuration files, to be changed
    Init(Init),
}

/// Parses the command line, with variables from `env`.
///
/// # Errors
/// What was typed wrong, or the help asked for.
pub(crate) fn parse(env: &Environment) -> Result<Cli, clap::Error> {
    let mut command = filled(Cli::command(), env);
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn filled(command: Command, env: &Environment) -> Command {
    command
        .mut_args(|arg| with_variable(arg, env))
        .mut_subcommands(|verb| filled(verb, env))
}

/// An argument whose variable is not just as this process has it: the parser knows only those.
fn with_variable(arg: Arg, env: &Environment) -> Arg {
    let Some(name) = arg.get_env().map(ToOwned::to_owned) else {
        return arg;
    };
    let value = name
        .to_str()
        .and_then(|name| env.var(name))
        .unwrap_or_default();
    let set = std::env::var_os(&name).unwrap_or_default();
    match value {
        // An empty variable says nothing.
        "" => arg.env(None::<&str>),
        value if set == value => arg,
        value => arg
            .env(None::<&str>)
            .default_value(value.to_owned())
            .hide_default_value(true),
    }
}

#[cfg(test)]
mod tests;
