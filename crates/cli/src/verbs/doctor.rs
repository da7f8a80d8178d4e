//! `doctor`: what is wrong with this set-up, and what mends it.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use clap::builder::PossibleValuesParser;
use trunkline_ops::doctor::{
    Check, Examination, Finding, NAMES, Verdict, checks, examine, unreadable,
};
use trunkline_service::tasks::Tasks;

use super::models::dir_or_default;
use crate::doctor::{Hands, Outside, patient};
use crate::failure::Failure;
use crate::global::Global;
use crate::output::{self, plain};
use crate::settings::{self, Home};
use crate::wiring::dev_keys;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  trunkline doctor\n  trunkline doctor dns provider alg\n  \
    trunkline doctor address --stun stun.l.google.com:19302\n  trunkline doctor clock --ntp pool.ntp.org"
)]
pub(crate) struct Doctor {
    /// Checks to make; all of them without any
    #[arg(value_name = "CHECK", value_parser = PossibleValuesParser::new(NAMES))]
    checks: Vec<String>,
    #[command(flatten)]
    outside: Outside,
    /// Where the models are
    #[arg(long, env = "TRUNKLINE_MODELS", value_name = "DIR")]
    models: Option<PathBuf>,
}

pub(crate) async fn run(typed: Doctor, global: &Global, tasks: Tasks) -> Result<(), Failure> {
    let settings = match settings::load(global, &global.env) {
        Ok(settings) => settings,
        // Nothing else can be looked at.
        Err(report) => return answered(&unreadable(report.to_string()), global),
    };
    let keys = if global.dev {
        Some(dev_keys())
    } else {
        settings.livekit.keys()
    };
    let models = dir_or_default(typed.models.clone())?;
    let home = Home::of(global).name();
    let patient = patient(&settings, keys.as_ref(), &models, home, typed.outside)?;
    let reach = Arc::new(Hands::new(&settings, tasks)?);
    let wanted = |check: &Check| {
        typed.checks.is_empty() || typed.checks.iter().any(|name| name == check.name)
    };
    let all = checks(patient, reach).into_iter().filter(wanted).collect();
    if !global.json {
        global.tell("Looking; a call takes some seconds");
    }
    answered(&examine(all).await, global)
}

fn answered(examination: &Examination, global: &Global) -> Result<(), Failure> {
    show(examination, global);
    match examination.exit_code() {
        0 => Ok(()),
        exit => Err(Failure::verdict(exit)),
    }
}

fn show(examination: &Examination, global: &Global) {
    if global.json {
        output::json(examination);
        return;
    }
    let rows: Vec<Vec<String>> = examination.findings.iter().map(row).collect();
    output::text(&output::table(&["", "check", "about", "seen"], &rows));
    let mut mended = examination
        .findings
        .iter()
        .filter(|found| found.remedy.is_some())
        .peekable();
    if mended.peek().is_some() {
        output::line("");
    }
    for finding in mended {
        output::line(&plain(&remedy(finding)));
    }
    let count = |verdict| examination.count(verdict);
    output::line(&format!(
        "\n{} pass, {} warn, {} fail, {} skipped",
        count(Verdict::Pass),
        count(Verdict::Warn),
        count(Verdict::Fail),
        count(Verdict::Skip)
    ));
}

fn row(finding: &Finding) -> Vec<String> {
    vec![
        finding.verdict.word().to_owned(),
        finding.check.to_owned(),
        finding.about.clone(),
        finding.seen.clone(),
    ]
}

fn remedy(finding: &Finding) -> String {
    let Finding { check, about, .. } = finding;
    let about = if about.is_empty() {
        String::new()
    } else {
        format!(" ({about})")
    };
    format!(
        "{check}{about}: {}",
        finding.remedy.as_deref().unwrap_or_default()
    )
}
