//! Which LiveKit a verb talks to, and with whose keys.
//!
//! The order is that of `lk`: `--project`, `--subdomain`, keys from flags or variables, `--dev`,
//! `livekit.toml` in this directory, the default project of `~/.livekit/cli-config.yaml`; last come
//! this project's own files. [`resolve`] is a pure function of what was typed and what the files
//! say; a file is parsed only when its turn comes, so a broken one bothers nobody who needs it not.
//! The files are read and never written.

mod files;
mod open;

use std::fmt;

use trunkline_base::class::{Class, Classified};
use trunkline_base::secret::Secret;

pub(crate) use files::{File, Projects};
pub(crate) use open::{Origin, Target, open};

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

/// Where the keys came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `--project`.
    Project(String),
    /// `--subdomain`; the project's name.
    Subdomain(String),
    /// Flags alone.
    Flags,
    /// Variables, at least one of them: their names.
    Environment(Vec<&'static str>),
    /// `--dev`.
    Dev,
    /// `livekit.toml`; the project's name.
    Toml(String),
    /// The default project's name.
    Default(String),
}

/// Keys and, where the source has one, the address that goes with them.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) url: Option<String>,
    pub(crate) api_key: String,
    pub(crate) api_secret: Secret<String>,
    pub(crate) source: Source,
    /// An address was given and is not used, because no keys came with it.
    pub(crate) url_ignored: bool,
}

/// Why no project was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TargetError {
    /// Two flags that exclude each other.
    Both(&'static str, &'static str),
    /// A file that does not parse: `file:line:column: why`.
    Broken(String),
    /// No project of that name or subdomain.
    Unknown {
        what: &'static str,
        asked: String,
        names: Vec<String>,
    },
    /// A project without one of its parts.
    Incomplete { name: String, lacks: &'static str },
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

impl Classified for TargetError {
    fn class(&self) -> Class {
        match self {
            Self::Both(..) | Self::Broken(_) | Self::Incomplete { .. } => Class::Invalid,
            Self::Unknown { .. } => Class::Missing,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Both(..) => "target.both",
            Self::Broken(_) => "target.file",
            Self::Unknown { .. } => "target.project",
            Self::Incomplete { .. } => "target.incomplete",
        }
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Both(one, other) => {
                write!(f, "{one} and {other} exclude each other; leave one out")?;
                if one.contains("API") {
                    f.write_str(" (the variables LIVEKIT_API_KEY and LIVEKIT_API_SECRET count)")?;
                }
                Ok(())
            }
            Self::Broken(why) => f.write_str(why),
            Self::Unknown { what, asked, names } if names.is_empty() => write!(
                f,
                "there is no {what} {asked}: ~/.livekit/cli-config.yaml names no project; \
                 `lk project add` writes it, or pass --url, --api-key and --api-secret"
            ),
            Self::Unknown { what, asked, names } => {
                write!(
                    f,
                    "there is no {what} {asked}; there are {}",
                    names.join(", ")
                )
            }
            Self::Incomplete { name, lacks } => write!(
                f,
                "project {name} has no {lacks}; add it to ~/.livekit/cli-config.yaml"
            ),
        }
    }
}

impl std::error::Error for TargetError {}

#[cfg(test)]
mod tests;
