//! The flags of every verb.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use trunkline_service::config::Environment;

use crate::output;

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
    /// Directory of the configuration files; else `config`, or without it what is built in
    #[arg(long, global = true, env = "TRUNKLINE_CONFIG", value_name = "DIR")]
    pub(crate) config: Option<PathBuf>,
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
