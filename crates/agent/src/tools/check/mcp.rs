//! Tool servers.

use std::collections::BTreeSet;
use std::time::Duration;

use trunkline_service::config::Spanned;

use super::{Checker, is_name};
use crate::tools::http::is_fixed;
use crate::tools::mcp::{McpConfig, McpReach};
use crate::tools::raw::RawMcp;

/// A program has to start within this, too.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Checker<'_> {
    pub(super) fn servers(&mut self, raw: &[Spanned<RawMcp>]) -> Vec<McpConfig> {
        let mut names = BTreeSet::new();
        let mut servers = Vec::new();
        for server in raw {
            let name = &server.value.name;
            if !is_name(&name.value) {
                let remedy = "use letters, digits, _ and -".to_owned();
                let what = format!("no server can be called `{}`", name.value);
                self.report.at(self.source, name, what, remedy);
            }
            if !names.insert(name.value.clone()) {
                let remedy = "give each server a name of its own".to_owned();
                let what = format!("two servers are called `{}`", name.value);
                self.report.at(self.source, name, what, remedy);
            }
            servers.extend(self.server(server));
        }
        servers
    }

    fn server(&mut self, spanned: &Spanned<RawMcp>) -> Option<McpConfig> {
        let raw = &spanned.value;
        let reach = self.reach(spanned);
        let allowed = raw.allowed_tools.as_ref().map(|allowed| {
            if allowed.value.is_empty() {
                let remedy = "name some, or leave it out to allow all of them".to_owned();
                let what = "a server none of whose tools are allowed is of no use";
                self.report.at(self.source, allowed, what, remedy);
            }
            allowed.value.iter().cloned().collect()
        });
        Some(McpConfig {
            name: raw.name.value.clone(),
            allowed,
            timeout: self.time(raw.timeout.as_ref(), TIMEOUT),
            most_bytes: self.most_bytes(raw.most_bytes.as_ref()),
            reach: reach?,
        })
    }

    fn reach(&mut self, spanned: &Spanned<RawMcp>) -> Option<McpReach> {
        let raw = &spanned.value;
        let headers = self.headers(&raw.headers);
        match (&raw.command, &raw.url) {
            (Some(command), None) => {
                if !headers.is_empty() {
                    let what = "a program takes no headers";
                    let remedy = "write `env` for it".to_owned();
                    self.report.at(self.source, command, what, remedy);
                }
                let words = command.value.split_first();
                let Some((program, arguments)) =
                    words.filter(|(name, _)| !name.expose().is_empty())
                else {
                    let remedy =
                        "write a program and its arguments: [python3, server.py]".to_owned();
                    let what = "there is no program in this";
                    self.report.at(self.source, command, what, remedy);
                    return None;
                };
                Some(McpReach::Process {
                    program: program.expose().clone(),
                    arguments: arguments.to_vec(),
                    env: raw.env.clone(),
                })
            }
            (None, Some(url)) => {
                if !raw.env.is_empty() {
                    let what = "a service takes no environment";
                    let remedy = "write `headers` for it".to_owned();
                    self.report.at(self.source, url, what, remedy);
                }
                if let Err(why) = is_fixed(&url.value, &url.value) {
                    let remedy =
                        "write the whole address, such as https://example.com/mcp".to_owned();
                    self.report.at(self.source, url, why, remedy);
                    return None;
                }
                Some(McpReach::Http {
                    url: url.value.clone(),
                    headers,
                })
            }
            (Some(_), Some(_)) | (None, None) => {
                let what = "a server is reached by `command` or by `url`";
                let remedy = "keep one of the two".to_owned();
                self.report.at(self.source, spanned, what, remedy);
                None
            }
        }
    }
}
