//! `config check | show`.

use std::net::SocketAddr;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::json;
use trunkline_service::config::{Problem, Report};

use super::settings;
use crate::failure::{self, Failure};
use crate::global::Global;
use crate::output::{self, plain};
use crate::settings as files;
use crate::settings::{Home, SipSetup};
use crate::sip::lint;
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
        Ok(read) => {
            let notices = texts(&read.notices);
            let (problems, warnings) = findings(&read.sip_setup);
            if global.json {
                output::json(&json!({
                    "ok": problems.is_empty(), "problems": problems, "warnings": warnings,
                    "notices": notices, "daemon": running,
                }));
            } else {
                for notice in &notices {
                    global.tell(notice);
                }
                for problem in &problems {
                    output::line(&format!("problem: {problem}"));
                }
                for warning in &warnings {
                    output::line(&format!("warning: {warning}"));
                }
                let sum = sum(problems.len(), warnings.len());
                output::line(&format!("{}: {sum}", home.name()));
                if home == Home::BuiltIn {
                    global.tell("there is no folder `config` here; `trunkline init` writes it");
                }
                tell(running.as_ref(), global);
            }
            if !problems.is_empty() {
                return Err(Failure::verdict(failure::EXIT_CONFIG));
            }
        }
        Err(report) => {
            if global.json {
                let problems = texts(report.problems());
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

/// What trunks and rules that can be read still get wrong, as `sip validate` tells it: what fails, and
/// what may not be meant.
fn findings(setup: &SipSetup) -> (Vec<String>, Vec<String>) {
    let (mut problems, mut warnings) = (Report::new(), Report::new());
    lint::tell(setup, &mut problems, &mut warnings);
    (texts(problems.problems()), texts(warnings.problems()))
}

fn texts(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn sum(problems: usize, warnings: usize) -> String {
    let above = |count: usize, what: &str| match count {
        1 => format!("the {what} above"),
        more => format!("the {more} {what}s above"),
    };
    match (problems, warnings) {
        (0, 0) => "no problem found".to_owned(),
        (0, warnings) => format!("it can be read; look at {}", above(warnings, "warning")),
        (problems, _) => format!("it can be read; mend {}", above(problems, "problem")),
    }
}

/// What a daemon on this machine goes by.
#[derive(Debug, Serialize)]
struct Running {
    /// Where its console is.
    console: SocketAddr,
    /// In its own words.
    files: String,
    /// Whether all of them count as they are.
    #[serde(skip)]
    is_in_force: bool,
}

/// Asks the daemon of these files, if there is one; whatever else is wrong in them, they say where its
/// console is.
async fn in_force(global: &Global) -> Option<Running> {
    let console = files::console(global, &global.env)?;
    let files = daemon_at(console).files().await.ok()??;
    Some(Running {
        console,
        is_in_force: files.is_in_force(),
        files: plain(&files.detail),
    })
}

/// Says what of good files does not count yet.
fn tell(running: Option<&Running>, global: &Global) {
    if let Some(running) = running
        && !running.is_in_force
    {
        let Running { console, files, .. } = running;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_is_counted_by_its_weight() {
        assert_eq!(sum(0, 0), "no problem found");
        assert_eq!(sum(0, 1), "it can be read; look at the warning above");
        assert_eq!(sum(0, 2), "it can be read; look at the 2 warnings above");
        assert_eq!(sum(2, 1), "it can be read; mend the 2 problems above");
    }
}
