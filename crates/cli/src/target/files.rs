//! The files of `lk`: its projects, and the project of a directory.

use serde::Deserialize;
use trunkline_base::secret::Secret;
use trunkline_service::config::{Environment, Report, Source as Text};

use super::choice::{Choice, Source, TargetError};

/// A file as it was read.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// `cli-config.yaml`; what else it holds is none of our business.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Projects {
    default_project: String,
    projects: Vec<Project>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Project {
    name: String,
    url: String,
    api_key: String,
    api_secret: Secret<String>,
}

/// `livekit.toml`; older ones name the subdomain at the top.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Toml {
    project: Option<TomlProject>,
    project_subdomain: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TomlProject {
    subdomain: String,
}

impl File {
    /// The subdomain that `livekit.toml` names.
    pub(super) fn subdomain(&self) -> Result<String, TargetError> {
        let toml: Toml = toml::from_str(&self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let (line, column) = place(&self.text, at);
            let why = error.message().lines().next().unwrap_or_default();
            TargetError::Broken(format!("{}:{line}:{column}: {why}", self.name))
        })?;
        let subdomain = toml
            .project
            .map_or(toml.project_subdomain, |project| project.subdomain);
        if subdomain.is_empty() {
            let name = &self.name;
            let why = format!("{name}: names no project; write [project] and subdomain = \"…\"");
            return Err(TargetError::Broken(why));
        }
        Ok(subdomain)
    }
}

impl Projects {
    /// What the file says; no file says nothing.
    pub(super) fn of(file: Option<&File>) -> Result<Self, TargetError> {
        let Some(file) = file else {
            return Ok(Self::default());
        };
        if file.text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut report = Report::new();
        let source = Text::foreign(&file.name, &file.text);
        let projects = source.parse(&Environment::default(), &mut report);
        report
            .finish(projects)
            .map_err(|report| TargetError::Broken(report.to_string()))
    }

    pub(super) fn named(&self, what: &'static str, name: &str) -> Result<Project, TargetError> {
        let found = self.projects.iter().find(|project| project.name == name);
        found.cloned().ok_or_else(|| self.unknown(what, name))
    }

    /// The project whose address starts with a subdomain.
    pub(super) fn at(&self, subdomain: &str) -> Result<Project, TargetError> {
        let found = self
            .projects
            .iter()
            .find(|project| project.subdomain() == Some(subdomain));
        found
            .cloned()
            .ok_or_else(|| self.unknown("project with subdomain", subdomain))
    }

    /// The default project, when one is named.
    pub(super) fn by_default(&self) -> Result<Option<Project>, TargetError> {
        if self.default_project.is_empty() {
            return Ok(None);
        }
        self.named("default project", &self.default_project)
            .map(Some)
    }

    fn unknown(&self, what: &'static str, asked: &str) -> TargetError {
        TargetError::Unknown {
            what,
            asked: asked.to_owned(),
            names: self.projects.iter().map(|p| p.name.clone()).collect(),
        }
    }
}

impl Project {
    /// The first label of the address's host, when the host has more than one.
    fn subdomain(&self) -> Option<&str> {
        let (scheme, rest) = self.url.split_once("://")?;
        if !matches!(scheme, "http" | "https" | "ws" | "wss") {
            return None;
        }
        rest.split_once('.').map(|(label, _)| label)
    }

    pub(super) fn choice(self, source: fn(String) -> Source) -> Result<Choice, TargetError> {
        let lacks = [
            ("url", self.url.is_empty()),
            ("api_key", self.api_key.is_empty()),
            ("api_secret", self.api_secret.expose().is_empty()),
        ];
        if let Some((lacks, _)) = lacks.into_iter().find(|(_, empty)| *empty) {
            let name = self.name;
            return Err(TargetError::Incomplete { name, lacks });
        }
        Ok(Choice {
            url: Some(self.url),
            api_key: self.api_key,
            api_secret: self.api_secret,
            source: source(self.name),
            url_ignored: false,
        })
    }
}

/// Line and column of a byte offset, both from one.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before
        .get(start..)
        .map_or(1, |rest| rest.chars().count() + 1);
    (line, column)
}
