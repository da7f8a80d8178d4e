//! `config check | show`.

use std::net::SocketAddr;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::json;
use trunkline_service::config::Report;

use super::settings;
use crate::failure::{self, Failure};
use crate::global::Global;
use crate::output::{self, plain};
use crate::settings as files;
use crate::settings::{Home, SipSetup};
use crate::sip::lint::lint;
use crate::sip::schema::schema;
use crate::wiring::daemon_at;

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Check every file and show every problem
    Check,
    /// Show what is in effect, without secrets
    Show,
    /// Print the JSON Schema of a file, for editors
    #[command(after_help = "Example:\n  trunkline config schema sip > sip.schema.json")]
    Schema {
        /// Which file
        #[arg(value_enum)]
        file: Schema,
    },
}

/// A file that has a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Schema {
    /// livekit-sip-correct.yaml
    Sip,
}

pub(crate) async fn run(verb: &Config, global: &Global) -> Result<(), Failure> {
    match verb {
        Config::Check => check(global).await,
        Config::Show => show(global),
        Config::Schema { file: Schema::Sip } => {
            output::json(&schema());
            Ok(())
        }
    }
}

async fn check(global: &Global) -> Result<(), Failure> {
    let home = Home::of(global);
    let read = files::load(global, &global.env);
    let running = in_force(global).await;
    match read {
        Ok(read) if global.json => {
            let notices: Vec<String> = read.notices.iter().map(ToString::to_string).collect();
            let warnings = findings(&read.sip_setup);
            output::json(&json!({
                "ok": true, "problems": [], "warnings": warnings, "notices": notices,
                "daemon": running,
            }));
        }
        Ok(read) => {
            for notice in &read.notices {
                global.tell(&notice.to_string());
            }
            let found = findings(&read.sip_setup);
            for finding in &found {
                output::line(&format!("warning: {finding}"));
            }
            let sum = match found.len() {
                0 => "no problem found".to_owned(),
                1 => "it can be read; look at the warning above".to_owned(),
                more => format!("it can be read; look at the {more} warnings above"),
            };
            output::line(&format!("{}: {sum}", home.name()));
            if home == Home::BuiltIn {
                global.tell("there is no folder `config` here; `trunkline init` writes it");
            }
            tell(running.as_ref(), global);
        }
        Err(report) => {
            if global.json {
                let problems: Vec<String> =
                    report.problems().iter().map(ToString::to_string).collect();
                output::json(&json!({ "ok": false, "problems": problems, "daemon": running }));
            }
            let wrong = failure::config(&report);
            return Err(match running {
                Some(running) if !global.json => wrong.or_else(format!(
                    "mend the files; the daemon at {} goes on by the last good ones",
                    running.console
                )),
                _ => wrong,
            });
        }
    }
    Ok(())
}

/// What trunks and rules that can be read still get wrong, as `sip validate` tells it.
fn findings(setup: &SipSetup) -> Vec<String> {
    let mut report = Report::new();
    for finding in lint(setup) {
        finding.tell(&mut report);
    }
    report.problems().iter().map(ToString::to_string).collect()
}

/// What a daemon on this machine goes by.
#[derive(Debug, Serialize)]
struct Running {
    /// Where its console is.
    console: SocketAddr,
    /// In its own words.
    files: String,
}

/// Asks the daemon of these files, if there is one; whatever else is wrong in them, they say where its
/// console is.
async fn in_force(global: &Global) -> Option<Running> {
    let console = files::console(global, &global.env)?;
    let parts = daemon_at(console).parts().await.ok()?;
    let files = parts.into_iter().find(|part| part.name == "files")?;
    Some(Running {
        console,
        files: plain(&files.detail),
    })
}

/// Says what of good files does not count yet.
fn tell(running: Option<&Running>, global: &Global) {
    if let Some(Running { console, files }) = running
        && files != "in force"
    {
        global.tell(&format!(
            "the daemon at {console} says of its files: {files}; `trunkline reload` has them taken up"
        ));
    }
}

/// What is in effect, as YAML's subset JSON: it can be read back by eye and by programs.
fn show(global: &Global) -> Result<(), Failure> {
    output::json(&settings(global)?);
    Ok(())
}
