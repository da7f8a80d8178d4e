//! Which LiveKit a verb talks to, and with whose keys.
//!
//! The order is that of `lk`: `--project`, `--subdomain`, keys from flags or variables, `--dev`,
//! `livekit.toml` in this directory, the default project of `~/.livekit/cli-config.yaml`; last come
//! this project's own files. [`resolve`] is a pure function of what was typed and what the files
//! say; a file is parsed only when its turn comes, so a broken one bothers nobody who needs it not.
//! The files are read and never written.

mod choice;
mod files;
mod open;

use trunkline_base::secret::Secret;

pub(crate) use choice::{Choice, Source, TargetError};
pub(crate) use files::{File, Projects};
pub(crate) use open::{Origin, Target, no_keys, open};

/// Keys of a server that runs with `--dev`.
pub(crate) const DEV: (&str, &str) = ("devkey", "secret");

/// What was typed or set: flags win over variables of the same meaning before it comes here.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Typed<'a> {
    pub(crate) project: Option<&'a str>,
    pub(crate) subdomain: Option<&'a str>,
    pub(crate) url: Option<&'a str>,
    pub(crate) api_key: Option<&'a str>,
    pub(crate) api_secret: Option<&'a str>,
    pub(crate) dev: bool,
}

/// What the machine knows: variables and files, as they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// `LIVEKIT_URL`, `LIVEKIT_API_KEY`, `LIVEKIT_API_SECRET`.
    pub(crate) env: [Option<String>; 3],
    /// `livekit.toml` of this directory.
    pub(crate) toml: Option<File>,
    /// `~/.livekit/cli-config.yaml`.
    pub(crate) projects: Option<File>,
}

/// Chooses; nothing when neither flags, variables nor `lk`'s files say anything.
///
/// # Errors
/// [`TargetError`].
pub(crate) fn resolve(typed: Typed<'_>, known: &Known) -> Result<Option<Choice>, TargetError> {
    if let Some(name) = typed.project {
        refuse_dev(typed, "--project")?;
        let project = Projects::of(known.projects.as_ref())?.named("project", name)?;
        return project.choice(Source::Project).map(Some);
    }
    if let Some(subdomain) = typed.subdomain {
        refuse_dev(typed, "--subdomain")?;
        let project = Projects::of(known.projects.as_ref())?.at(subdomain)?;
        return project.choice(Source::Subdomain).map(Some);
    }
    if typed.api_key.is_some() {
        refuse_dev(typed, "an API key")?;
    }
    if typed.api_secret.is_some() {
        refuse_dev(typed, "an API secret")?;
    }
    if let (Some(key), Some(secret)) = (typed.api_key, typed.api_secret) {
        return Ok(Some(Choice {
            url: typed.url.map(str::to_owned),
            api_key: key.to_owned(),
            api_secret: Secret::new(secret.to_owned()),
            source: inline(typed, known),
            url_ignored: false,
        }));
    }
    if typed.dev {
        return Ok(Some(Choice {
            url: typed.url.map(str::to_owned),
            api_key: DEV.0.to_owned(),
            api_secret: Secret::new(DEV.1.to_owned()),
            source: Source::Dev,
            url_ignored: false,
        }));
    }
    from_files(typed, known)
}

fn from_files(typed: Typed<'_>, known: &Known) -> Result<Option<Choice>, TargetError> {
    let chosen = if let Some(toml) = &known.toml {
        let subdomain = toml.subdomain()?;
        let project = Projects::of(known.projects.as_ref())?.at(&subdomain)?;
        Some(project.choice(Source::Toml)?)
    } else {
        Projects::of(known.projects.as_ref())?
            .by_default()?
            .map(|project| project.choice(Source::Default))
            .transpose()?
    };
    Ok(chosen.map(|choice| Choice {
        url_ignored: typed.url.is_some() && typed.url != choice.url.as_deref(),
        ..choice
    }))
}

fn refuse_dev(typed: Typed<'_>, with: &'static str) -> Result<(), TargetError> {
    if typed.dev {
        return Err(TargetError::Both(with, "--dev"));
    }
    Ok(())
}

/// Variables are worth a word; flags were just typed.
fn inline(typed: Typed<'_>, known: &Known) -> Source {
    let given = [
        ("LIVEKIT_URL", typed.url),
        ("LIVEKIT_API_KEY", typed.api_key),
        ("LIVEKIT_API_SECRET", typed.api_secret),
    ];
    let names: Vec<&'static str> = given
        .into_iter()
        .zip(&known.env)
        .filter(|((_, value), set)| value.is_some() && *value == set.as_deref())
        .map(|((name, _), _)| name)
        .collect();
    if names.is_empty() {
        Source::Flags
    } else {
        Source::Environment(names)
    }
}

#[cfg(test)]
mod tests;
