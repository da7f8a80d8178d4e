//! The configuration files, read and judged. Each file is a raw shape (what was typed) and a valid
//! one (what it means); every problem of every file is reported in one run.

mod calling;
mod livekit;
mod monitoring;
mod node;
mod raw;
mod retry;
mod security;
pub(crate) mod sip;

use std::io::ErrorKind;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use trunkline_agent::config::AgentConfig;
use trunkline_service::config::{Environment, Report, Source};

pub(crate) use calling::Calling;
pub(crate) use livekit::{Livekit, Server};
pub(crate) use monitoring::Monitoring;
pub(crate) use retry::Retries;
pub(crate) use security::{Http, Retention, Security};
pub(crate) use sip::SipSetup;

use crate::global::Global;

/// Everything the files say, ready for use.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Settings {
    /// `livekit.yaml`
    pub(crate) livekit: Livekit,
    /// `livekit-sip-correct.yaml`
    pub(crate) sip_setup: SipSetup,
    /// `retry_policies.yaml`
    pub(crate) retries: Retries,
    /// `monitoring.yaml`
    pub(crate) monitoring: Monitoring,
    /// `security.yaml`
    pub(crate) security: Security,
    /// `agent.yaml`
    #[serde(skip)]
    pub(crate) agent: Option<AgentConfig>,
}

/// Reads the directory. Flags override files. A file that is not there takes its defaults, except
/// that a directory without any file is a mistake.
///
/// # Errors
/// A report of everything that is wrong.
pub(crate) fn load(global: &Global, env: &Environment) -> Result<Settings, Report> {
    let mut report = Report::new();
    look_into(&global.config, &mut report);
    if !report.is_empty() {
        return Err(report);
    }
    read(global, env)
}

/// The files of the configuration.
const FILES: &[&str] = &[
    "livekit.yaml",
    "livekit-sip-correct.yaml",
    "retry_policies.yaml",
    "monitoring.yaml",
    "security.yaml",
    "agent.yaml",
];

/// Whether the directory can be what is meant: one that is empty, or that this user may not enter,
/// must not pass for one whose defaults are wanted.
fn look_into(dir: &Path, report: &mut Report) {
    let name = dir.display().to_string();
    let remedy = "run in the project's directory, or pass --config DIR".to_owned();
    if dir.metadata().is_ok_and(|found| !found.is_dir()) {
        return report.file(&name, "is not a directory", remedy);
    }
    let entries = match dir.read_dir() {
        Ok(entries) => entries.filter_map(Result::ok),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return report.file(&name, "is not there", remedy);
        }
        Err(error) => {
            let what = format!("cannot be read: {error}");
            let remedy = "let the user who runs this enter and read it".to_owned();
            return report.file(&name, what, remedy);
        }
    };
    let names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    for typed in names.iter().filter_map(|name| name.strip_suffix(".yml")) {
        let known = format!("{typed}.yaml");
        if FILES.contains(&known.as_str()) {
            let file = dir.join(typed).display().to_string();
            report.file(
                &format!("{file}.yml"),
                "is not read",
                format!("name it {known}"),
            );
        }
    }
    if report.is_empty() && !names.iter().any(|name| FILES.contains(&name.as_str())) {
        let what = format!("holds no configuration: none of {}", FILES.join(", "));
        report.file(&name, what, remedy);
    }
}

/// Reads what of the files is there.
///
/// # Errors
/// A report of everything that is wrong.
pub(crate) fn read(global: &Global, env: &Environment) -> Result<Settings, Report> {
    let mut report = Report::new();
    let files = Files {
        dir: &global.config,
        env,
    };
    let livekit = files.read("livekit.yaml", &mut report, livekit::validate);
    let sip_setup = files.read("livekit-sip-correct.yaml", &mut report, sip::validate);
    let retries = files.read("retry_policies.yaml", &mut report, retry::validate);
    let monitoring = files.read("monitoring.yaml", &mut report, monitoring::validate);
    let security = files.read("security.yaml", &mut report, security::validate);
    let agent = files.agent(&mut report);
    let livekit = livekit.map(|livekit| livekit.overridden(global).with_keys(env, &mut report));
    let mut settings = (|| {
        Some(Settings {
            livekit: livekit?,
            sip_setup: sip_setup?,
            retries: retries?,
            monitoring: monitoring?,
            security: security?,
            agent,
        })
    })();
    if let Some(settings) = &mut settings {
        if settings.livekit.server == Server::Embedded {
            settings
                .security
                .admit_node(settings.livekit.node.http.ip());
        }
        settings.security.judge_url(&settings.livekit, &mut report);
        settings.judge_reach(global.dev, &mut report);
    }
    report.finish(settings)
}

impl Settings {
    /// One rule for what carries tokens, voices or words: it leaves this machine encrypted, or
    /// `security.yaml` names the exception.
    fn judge_reach(&self, dev: bool, report: &mut Report) {
        let security = &self.security;
        // Development listens on this machine only, which the parts see to themselves.
        if !dev {
            let console = ("monitoring.yaml", "console.bind");
            security.judge_listener(console, self.monitoring.console, report);
            if self.livekit.server == Server::Embedded {
                let node = ("livekit.yaml", "node.http");
                security.judge_listener(node, self.livekit.node.http, report);
            }
        }
        for webhook in &self.livekit.node.webhooks {
            security.judge_address("livekit.yaml", "node.webhooks", webhook, report);
        }
        for (key, url) in self.agent.iter().flat_map(AgentConfig::addresses) {
            security.judge_address("agent.yaml", &key, &url, report);
        }
    }
}

struct Files<'a> {
    dir: &'a Path,
    env: &'a Environment,
}

impl Files<'_> {
    fn read<Raw: DeserializeOwned, Valid>(
        &self,
        name: &str,
        report: &mut Report,
        validate: impl FnOnce(&Source, Raw, &mut Report) -> Option<Valid>,
    ) -> Option<Valid> {
        let path = self.dir.join(name);
        let source = if is_there(&path) {
            Source::read(&path, report)?
        } else {
            Source::new(path.display().to_string(), "")
        };
        let raw = source.parse(self.env, report)?;
        validate(&source, raw, report)
    }

    /// The agent's file is the agent's own business; without one there is no agent here.
    fn agent(&self, report: &mut Report) -> Option<AgentConfig> {
        let path = self.dir.join("agent.yaml");
        if !is_there(&path) {
            return None;
        }
        let source = Source::read(&path, report)?;
        AgentConfig::parse(&source, self.env)
            .map_err(|found| report.extend(found))
            .ok()
    }
}

/// Whether a file is there; one that cannot be looked at is, and reading it will say why not.
fn is_there(path: &Path) -> bool {
    path.try_exists().unwrap_or(true)
}

#[cfg(test)]
mod tests;
