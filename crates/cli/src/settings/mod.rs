//! The configuration files, read and judged. Each file is a raw shape (what was typed) and a valid
//! one (what it means); every problem of every file is reported in one run.

mod calling;
mod home;
mod livekit;
mod monitoring;
mod node;
mod raw;
mod retry;
mod security;
pub(crate) mod sip;

use serde::Serialize;
use serde::de::DeserializeOwned;
use trunkline_agent::config::AgentConfig;
use trunkline_base::secret::Secret;
use trunkline_service::config::{Environment, Problem, Report, Source};

pub(crate) use calling::Calling;
pub(crate) use home::{FILES, Home, SIP, USUAL};
pub(crate) use livekit::{KEYS, Livekit, Server};
pub(crate) use monitoring::Monitoring;
pub(crate) use retry::Retries;
pub(crate) use security::{Http, Retention, Security};
pub(crate) use sip::SipSetup;
pub(crate) use sip::gateway::Gateway;

use crate::global::Global;

/// Everything the files say, ready for use.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Settings {
    /// `livekit.yaml`
    pub(crate) livekit: Livekit,
    /// `gateway` of `livekit-sip-correct.yaml`
    pub(crate) gateway: Gateway,
    /// Trunks and rules of `livekit-sip-correct.yaml`
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
    /// The same as text with its variables filled in, by which a change of it is seen.
    #[serde(skip)]
    pub(crate) agent_text: Option<Secret<String>>,
    /// What still counts, and should be written otherwise.
    #[serde(skip)]
    pub(crate) notices: Vec<Problem>,
}

/// Reads the folder, or without one the files that this program carries. Flags override files. A
/// file that a folder does not hold takes its defaults, except that a folder without any is a
/// mistake.
///
/// # Errors
/// A report of everything that is wrong.
pub(crate) fn load(global: &Global, env: &Environment) -> Result<Settings, Report> {
    let mut report = Report::new();
    let home = Home::of(global);
    home.judge(&mut report);
    if !report.is_empty() {
        return Err(report);
    }
    read(&home, global, env)
}

/// Reads what is there of the files.
///
/// # Errors
/// A report of everything that is wrong.
pub(crate) fn read(home: &Home, global: &Global, env: &Environment) -> Result<Settings, Report> {
    let mut report = Report::new();
    let files = Files { home, env };
    let livekit = files.read("livekit.yaml", &mut report, livekit::validate);
    let (livekit, old) = match livekit {
        Some(valid) => (Some(valid.livekit), valid.gateway),
        None => (None, None),
    };
    let (old, notices) = old.unzip();
    let sip = files.read(SIP, &mut report, sip::validate);
    let (sip_setup, gateway) = sip.unzip();
    let layers = sip::layers(gateway, old, env, &mut report);
    let gateway = sip::gateway::validate(&layers, &mut report);
    let retries = files.read("retry_policies.yaml", &mut report, retry::validate);
    let monitoring = files.read("monitoring.yaml", &mut report, monitoring::validate);
    let security = files.read("security.yaml", &mut report, security::validate);
    let (security, warned) = match security {
        Some(valid) => (Some(valid.security), Some(valid.notices)),
        None => (None, None),
    };
    let (agent, agent_text) = files.agent(&mut report).unzip();
    let livekit = livekit.map(|livekit| livekit.overridden(global).with_keys(env, &mut report));
    let mut settings = (|| {
        Some(Settings {
            livekit: livekit?,
            gateway,
            sip_setup: sip_setup?,
            retries: retries?,
            monitoring: monitoring?,
            security: security?,
            agent,
            agent_text,
            notices: notices
                .into_iter()
                .chain(warned)
                .flat_map(Report::into_problems)
                .collect(),
        })
    })();
    if let Some(settings) = &mut settings {
        let emergency = &settings.security.dialling.emergency;
        settings.sip_setup.numbering.add_emergency(emergency);
        if settings.livekit.server == Server::Embedded {
            settings
                .security
                .admit_node(settings.livekit.node.http.ip());
        }
        let url = &settings.livekit.url;
        let named = home.path("livekit.yaml") + ": livekit.url, LIVEKIT_URL or --url";
        settings.security.judge_url(&named, url, &mut report);
        settings.judge_reach(home, global.dev, &mut report);
    }
    report.finish(settings)
}

impl Settings {
    /// One rule for what carries tokens, voices or words: it leaves this machine encrypted, or
    /// `security.yaml` names the exception.
    fn judge_reach(&self, home: &Home, dev: bool, report: &mut Report) {
        let security = &self.security;
        // Development listens on this machine only, which the parts see to themselves.
        if !dev {
            let file = home.path("monitoring.yaml");
            let console = (file.as_str(), "console.bind");
            security.judge_listener(console, self.monitoring.console, report);
            if self.livekit.server == Server::Embedded {
                let file = home.path("livekit.yaml");
                let node = (file.as_str(), "node.http");
                security.judge_listener(node, self.livekit.node.http, report);
            }
        }
        if let Some(api) = self.gateway.api {
            let file = home.path(SIP);
            if self.livekit.server == Server::Embedded {
                let what = "gateway.api: the embedded node serves livekit.SIP itself";
                let remedy = "take it out; it is for a gateway beside a remote LiveKit".to_owned();
                report.file(&file, what, remedy);
            } else if !dev {
                security.judge_listener((&file, "gateway.api"), api, report);
            }
        }
        for webhook in &self.livekit.node.webhooks {
            security.judge_receiver(webhook, report);
        }
        for (key, url) in self.agent.iter().flat_map(AgentConfig::addresses) {
            security.judge_address(&home.path(AGENT), &key, &url, report);
        }
    }
}

struct Files<'a> {
    home: &'a Home,
    env: &'a Environment,
}

impl Files<'_> {
    fn read<Raw: DeserializeOwned, Valid>(
        &self,
        name: &str,
        report: &mut Report,
        validate: impl FnOnce(&Source, Raw, &mut Report) -> Option<Valid>,
    ) -> Option<Valid> {
        let source = self.home.file(name, report)?;
        let raw = source.parse(self.env, report)?;
        validate(&source, raw, report)
    }

    /// The agent's file is the agent's own business, its text with it; a folder without one has no
    /// agent.
    fn agent(&self, report: &mut Report) -> Option<(AgentConfig, Secret<String>)> {
        if !self.home.holds(AGENT) {
            return None;
        }
        let source = self.home.file(AGENT, report)?;
        let agent = AgentConfig::parse(&source, self.env)
            .map_err(|found| report.extend(found))
            .ok()?;
        Some((agent, source.filled().unwrap_or_default().into()))
    }
}

/// The file of the telephone's side alone, or another in its place: what can be read of it.
pub(crate) fn sip_file(
    named: Option<&std::path::Path>,
    global: &Global,
    report: &mut Report,
) -> Option<SipSetup> {
    let home = Home::of(global);
    let source = match named {
        Some(path) => Source::read(path, report)?,
        None => {
            let mut wrong = Report::new();
            home.judge(&mut wrong);
            if !wrong.is_empty() {
                report.extend(wrong);
                return None;
            }
            home.file(SIP, report)?
        }
    };
    let raw = source.parse(&global.env, report)?;
    let (setup, gateway) = sip::validate(&source, raw, report)?;
    let layers = sip::layers(Some(gateway), None, &global.env, report);
    sip::gateway::validate(&layers, report);
    Some(setup)
}

/// Where the files say that the console is, whatever else is wrong in them.
pub(crate) fn console(global: &Global, env: &Environment) -> Option<std::net::SocketAddr> {
    let home = Home::of(global);
    let files = Files { home: &home, env };
    let mut unsaid = Report::new();
    let monitoring = files.read("monitoring.yaml", &mut unsaid, monitoring::validate)?;
    Some(monitoring.console)
}

/// Reads such a file for what is wrong with its keys.
#[cfg(test)]
pub(crate) fn sip_raw_keys(source: &Source, env: &Environment, report: &mut Report) {
    let _raw: Option<sip::Raw> = source.parse(env, report);
}

/// The file of the telephone's side, as it ships.
#[cfg(test)]
pub(crate) fn shipped_sip() -> &'static str {
    home::shipped(SIP)
}

pub(crate) const AGENT: &str = "agent.yaml";

/// The agent's file alone.
///
/// # Errors
/// A report of everything that is wrong with it, or with the folder it should be in.
pub(crate) fn agent(global: &Global) -> Result<AgentConfig, Report> {
    let mut report = Report::new();
    let home = Home::of(global);
    home.judge(&mut report);
    let home = if home.holds(AGENT) {
        home
    } else {
        Home::BuiltIn
    };
    let agent = Files {
        home: &home,
        env: &global.env,
    }
    .agent(&mut report);
    report.finish(agent.map(|(agent, _)| agent))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod trunk_tests;
