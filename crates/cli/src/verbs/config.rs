//! `config check | show`.

use clap::{Subcommand, ValueEnum};
use serde_json::json;
use trunkline_service::config::Report;

use super::settings;
use crate::failure::{self, Failure};
use crate::global::Global;
use crate::settings::{Home, SipSetup};
use crate::sip::lint::lint;
use crate::sip::schema::schema;
use crate::{output, settings as files};

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

pub(crate) fn run(verb: &Config, global: &Global) -> Result<(), Failure> {
    match verb {
        Config::Check => check(global),
        Config::Show => show(global),
        Config::Schema { file: Schema::Sip } => {
            output::json(&schema());
            Ok(())
        }
    }
}

fn check(global: &Global) -> Result<(), Failure> {
    let home = Home::of(global);
    match files::load(global, &global.env) {
        Ok(read) if global.json => {
            let notices: Vec<String> = read.notices.iter().map(ToString::to_string).collect();
            let warnings = findings(&read.sip_setup);
            output::json(&json!({
                "ok": true, "problems": [], "warnings": warnings, "notices": notices,
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
        }
        Err(report) => {
            if global.json {
                let problems: Vec<String> =
                    report.problems().iter().map(ToString::to_string).collect();
                output::json(&json!({ "ok": false, "problems": problems }));
            }
            return Err(failure::config(&report));
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

/// What is in effect, as YAML's subset JSON: it can be read back by eye and by programs.
fn show(global: &Global) -> Result<(), Failure> {
    output::json(&settings(global)?);
    Ok(())
}
