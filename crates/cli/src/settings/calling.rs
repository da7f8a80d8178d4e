//! What a verb that only calls a server needs of the files: the address, retries, plain text. It
//! works in any directory; where there are no files, what ships by default counts.

use super::livekit::{Livekit, Server};
use super::retry::Retries;
use super::security::Security;
use super::{Files, Home, livekit, retry, security};
use crate::global::Global;
use trunkline_service::config::{Environment, Report};

/// How to call a server.
#[derive(Clone, Debug)]
pub(crate) struct Calling {
    pub(crate) livekit: Livekit,
    pub(crate) retries: Retries,
    pub(crate) security: Security,
}

impl Calling {
    /// Reads the three files that matter, or what ships.
    ///
    /// # Errors
    /// A report of everything that is wrong in them.
    pub(crate) fn load(global: &Global, env: &Environment) -> Result<Self, Report> {
        let mut report = Report::new();
        let home = Home::of(global);
        // A folder that was not named may be another program's, and nothing in it is needed.
        if global.config.is_some() {
            home.judge(&mut report);
        }
        if !report.is_empty() {
            return Err(report);
        }
        let files = Files { home: &home, env };
        let livekit = files.read("livekit.yaml", &mut report, livekit::validate);
        let retries = files.read("retry_policies.yaml", &mut report, retry::validate);
        let security = files.read("security.yaml", &mut report, security::validate);
        let livekit =
            livekit.map(|valid| valid.livekit.overridden(global).with_keys(env, &mut report));
        let mut calling = (|| {
            Some(Self {
                livekit: livekit?,
                retries: retries?,
                security: security?.security,
            })
        })();
        if let Some(calling) = &mut calling
            && calling.livekit.server == Server::Embedded
        {
            let node = calling.livekit.node.http.ip();
            calling.security.admit_node(node);
        }
        report.finish(calling)
    }

    /// Refuses plain text to another machine that is not allowed by name.
    ///
    /// # Errors
    /// A report that says so.
    pub(crate) fn check_url(&self, url: &str) -> Result<(), Report> {
        let mut report = Report::new();
        self.security
            .judge_url("the address of the server", url, &mut report);
        report.finish(Some(()))
    }
}
