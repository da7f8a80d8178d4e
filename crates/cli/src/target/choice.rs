//! What is chosen, where it came from, or why nothing is.

use std::fmt;

use trunkline_base::class::{Class, Classified};
use trunkline_base::secret::Secret;

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
