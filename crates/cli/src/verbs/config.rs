//! `config check | show`.

use clap::Subcommand;
use serde_json::json;

use super::settings;
use crate::failure::{self, Failure};
use crate::global::Global;
use crate::settings::Home;
use crate::{output, settings as files};

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Check every file and show every problem
    Check,
    /// Show what is in effect, without secrets
    Show,
}

pub(crate) fn run(verb: &Config, global: &Global) -> Result<(), Failure> {
    match verb {
        Config::Check => check(global),
        Config::Show => show(global),
    }
}

fn check(global: &Global) -> Result<(), Failure> {
    let home = Home::of(global);
    match files::load(global, &global.env) {
        Ok(read) if global.json => {
            let notices: Vec<String> = read.notices.iter().map(ToString::to_string).collect();
            output::json(&json!({ "ok": true, "problems": [], "notices": notices }));
        }
        Ok(read) => {
            for notice in &read.notices {
                global.tell(&notice.to_string());
            }
            output::line(&format!("{}: no problem found", home.name()));
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

/// What is in effect, as YAML's subset JSON: it can be read back by eye and by programs.
fn show(global: &Global) -> Result<(), Failure> {
    output::json(&settings(global)?);
    Ok(())
}
