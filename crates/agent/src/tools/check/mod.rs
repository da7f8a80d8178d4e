//! From what was typed to tools that can be called: every mistake is reported, with its place.

mod http;
mod mcp;
mod schema;
mod targets;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use trunkline_base::secret::Secret;
use trunkline_service::config::{Report, Source, Spanned, nearest, parse_duration};

use super::powers::Powers;
use super::raw::{RawMcp, RawTarget, RawTool};
use super::toolbox::ToolConfig;

/// The sections of `agent.yaml` that are about tools.
#[derive(Clone, Copy, Debug)]
pub struct Sections<'a> {
    pub acts: Option<&'a Vec<Spanned<String>>>,
    pub transfer_to: &'a BTreeMap<String, Spanned<RawTarget>>,
    pub tools: &'a BTreeMap<String, Spanned<RawTool>>,
    pub mcp: &'a [Spanned<RawMcp>],
}

/// Names that tools of the file may not take.
const READY: &[&str] = &["current_time", "hang_up", "transfer", "send_dtmf"];

/// What the agent may be allowed.
const ACTS: &[&str] = &["hang_up", "transfer", "send_dtmf", "set_attribute"];

/// What a model reads of an answer unless told otherwise: some two thousand tokens.
const MOST_BYTES: usize = 8 * 1024;

/// Checks the sections. Problems go to the report; with any, the tools must not be used.
pub fn check(sections: &Sections<'_>, source: &Source, report: &mut Report) -> ToolConfig {
    let mut checker = Checker { source, report };
    let powers = checker.powers(sections);
    let tools = sections.tools.iter();
    let services = tools.filter_map(|(name, tool)| checker.tool(name, tool));
    let services = services.collect();
    ToolConfig::new(Arc::new(powers), services, checker.servers(sections.mcp))
}

struct Checker<'a> {
    source: &'a Source,
    report: &'a mut Report,
}

impl Checker<'_> {
    fn powers(&mut self, sections: &Sections<'_>) -> Powers {
        let (targets, vacant) = self.targets(sections.transfer_to);
        let mut powers = Powers {
            hang_up: true,
            transfer: true,
            targets,
            vacant,
            ..Powers::default()
        };
        let Some(acts) = sections.acts else {
            return powers;
        };
        (powers.hang_up, powers.transfer) = (false, false);
        for act in acts {
            match act.value.as_str() {
                "hang_up" => powers.hang_up = true,
                "transfer" | "hand_off" => powers.transfer = true,
                "send_dtmf" => powers.send_dtmf = true,
                "set_attribute" => powers.set_attribute = true,
                other => {
                    let what = format!("`{other}` is nothing an agent does to a call");
                    self.report.at(self.source, act, what, nearest(other, ACTS));
                }
            }
        }
        powers
    }

    fn time(&mut self, text: Option<&Spanned<String>>, default: Duration) -> Duration {
        let Some(text) = text else { return default };
        match parse_duration(&text.value) {
            Ok(time) if !time.is_zero() => return time,
            Ok(_) => {
                let remedy = "write how long, such as 5s".to_owned();
                let what = "no time at all is never enough";
                self.report.at(self.source, text, what, remedy);
            }
            Err(error) => self.report.at(self.source, text, error.to_string(), None),
        }
        default
    }

    fn most_bytes(&mut self, most: Option<&Spanned<usize>>) -> usize {
        let Some(most) = most else { return MOST_BYTES };
        if !(16..=256 * 1024).contains(&most.value) {
            let remedy = format!("write 16 to 262144; {MOST_BYTES} when absent");
            let what = "a model cannot read an answer of that length";
            self.report.at(self.source, most, what, remedy);
        }
        most.value
    }

    fn headers(
        &mut self,
        typed: &BTreeMap<String, Spanned<Secret<String>>>,
    ) -> BTreeMap<String, Secret<String>> {
        headers(typed, self.source, self.report)
    }
}

/// Headers that HTTP allows; the others are reported.
pub fn headers(
    typed: &BTreeMap<String, Spanned<Secret<String>>>,
    source: &Source,
    report: &mut Report,
) -> BTreeMap<String, Secret<String>> {
    let mut checked = BTreeMap::new();
    for (name, value) in typed {
        let is_name = reqwest::header::HeaderName::try_from(name).is_ok();
        let is_value = reqwest::header::HeaderValue::try_from(value.value.expose()).is_ok();
        if is_name && is_value {
            checked.insert(name.clone(), value.value.clone());
            continue;
        }
        let part = if is_name { "value" } else { "name" };
        let what = format!("`{name}` is a header whose {part} HTTP does not allow");
        report.at(source, value, what, None);
    }
    checked
}

/// Letters, digits, `_` and `-`: what every model's service takes.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=64).contains(&name.len()) && name.chars().all(fits)
}
