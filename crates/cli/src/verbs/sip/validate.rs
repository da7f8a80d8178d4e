//! `sip validate`: the file, offline, with everything that is wrong at once.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use trunkline_service::config::Report;

use crate::failure::Failure;
use crate::global::Global;
use crate::output;
use crate::settings::sip_file;
use crate::sip::lint;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trunkline sip validate config/livekit-sip-correct.yaml")]
pub(crate) struct Validate {
    /// Another file than that of the configuration
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

const WARNED: u8 = 1;
const WRONG: u8 = 2;

pub(crate) fn run(typed: &Validate, global: &Global) -> Result<(), Failure> {
    let mut problems = Report::new();
    let read = sip_file(typed.file.as_deref(), global, &mut problems);
    let mut warnings = Report::new();
    if let Some(setup) = &read {
        lint::tell(setup, &mut problems, &mut warnings);
    }
    let lines = |report: &Report| -> Vec<String> {
        report.problems().iter().map(ToString::to_string).collect()
    };
    let (wrong, odd) = (lines(&problems), lines(&warnings));
    if global.json {
        let ok = wrong.is_empty();
        output::json(&json!({ "ok": ok, "problems": wrong, "warnings": odd }));
    } else {
        for problem in &wrong {
            output::line(&format!("problem: {problem}"));
        }
        for warning in &odd {
            output::line(&format!("warning: {warning}"));
        }
        let count = |n: usize, what: &str| {
            let plural = if n == 1 { "" } else { "s" };
            format!("{n} {what}{plural}")
        };
        output::line(&format!(
            "{}, {}",
            count(wrong.len(), "problem"),
            count(odd.len(), "warning")
        ));
    }
    match (wrong.is_empty(), odd.is_empty()) {
        (true, true) => Ok(()),
        (true, false) => Err(Failure::verdict(WARNED)),
        (false, _) => Err(Failure::verdict(WRONG)),
    }
}
