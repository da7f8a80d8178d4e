//! The shell around [`resolve`]: reads the machine, fills in the address, says what was chosen.

use std::fs;
use std::path::{Path, PathBuf};

use trunkline_base::class::Class;
use trunkline_base::token::{ApiKey, KeyRing};

use super::{Choice, File, Known, Source, Typed, resolve};
use crate::environment::warn_of_readers;
use crate::failure::{self, Failure};
use crate::global::Global;
use crate::settings::{Calling, Home, Server};

/// The address of a server on this machine, when nothing else names one.
const LOCAL: &str = "ws://127.0.0.1:7880";

/// Where to call, with which keys, and how.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) keys: KeyRing,
    pub(crate) origin: Origin,
    pub(crate) calling: Calling,
}

/// Where the keys came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// What `lk` would have taken too.
    Chosen(Source),
    /// The directory of `--config`.
    Files(Home),
}

/// Finds the target, and says on standard error what it is.
pub(crate) fn open(global: &Global) -> Result<Target, Failure> {
    let known = Known {
        env: ["LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"]
            .map(|name| global.env.var(name).map(str::to_owned)),
        toml: read(Path::new("livekit.toml"), false)?,
        projects: match projects_path() {
            Some(path) => read(&path, true)?,
            None => None,
        },
    };
    let choice = resolve(typed(global), &known)?;
    let calling = Calling::load(global, &global.env).map_err(|report| failure::config(&report))?;
    let target = match choice {
        Some(choice) => chosen(choice, calling, global),
        None => files(calling, global)?,
    };
    let checked = target.calling.check_url(&target.url);
    checked.map_err(|report| failure::config(&report))?;
    announce(&target, global);
    Ok(target)
}

/// What was typed; an empty variable says nothing.
fn typed(global: &Global) -> Typed<'_> {
    Typed {
        project: global.project.as_deref(),
        subdomain: global.subdomain.as_deref(),
        url: filled(global.url.as_deref()),
        api_key: filled(global.api_key.as_deref()),
        api_secret: filled(global.api_secret.as_deref()),
        dev: global.dev,
    }
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn chosen(choice: Choice, calling: Calling, global: &Global) -> Target {
    if choice.url_ignored {
        global.tell("the URL given is not used: no API key and API secret came with it");
    }
    let local = choice.source == Source::Dev && calling.livekit.server == Server::Remote;
    let url = choice.url.unwrap_or_else(|| {
        if local {
            LOCAL.to_owned()
        } else {
            calling.livekit.url.clone()
        }
    });
    let secret = choice.api_secret.expose().clone();
    Target {
        url,
        keys: KeyRing::from(ApiKey::new(choice.api_key, secret)),
        origin: Origin::Chosen(choice.source),
        calling,
    }
}

fn files(calling: Calling, global: &Global) -> Result<Target, Failure> {
    Ok(Target {
        url: calling.livekit.url.clone(),
        keys: calling.livekit.keys().ok_or_else(no_keys)?,
        origin: Origin::Files(Home::of(global)),
        calling,
    })
}

fn projects_path() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
    Some(PathBuf::from(home).join(".livekit/cli-config.yaml"))
}

/// A file, or nothing where there is none. One with keys in it should be its owner's alone.
fn read(path: &Path, private: bool) -> Result<Option<File>, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let text = format!(
                "{} cannot be read: {error}; check its permissions",
                path.display()
            );
            return Err(Failure::new(Class::Invalid, "target.file", text));
        }
    };
    if private {
        warn_of_readers(path, "API secrets");
    }
    Ok(Some(File {
        name: path.display().to_string(),
        text,
    }))
}

fn announce(target: &Target, global: &Global) {
    let url = &target.url;
    let line = match &target.origin {
        Origin::Chosen(Source::Flags) => return,
        Origin::Chosen(Source::Environment(names)) => {
            format!("Using {} from the environment ({url})", names.join(", "))
        }
        Origin::Chosen(Source::Dev) => format!("Using dev credentials ({url})"),
        Origin::Chosen(Source::Project(name) | Source::Subdomain(name)) => {
            format!("Using project [{name}] ({url})")
        }
        Origin::Chosen(Source::Toml(name)) => {
            format!("Using project [{name}] of livekit.toml ({url})")
        }
        Origin::Chosen(Source::Default(name)) => {
            format!("Using default project [{name}] ({url})")
        }
        Origin::Files(home) => format!("Using {} ({url})", home.path("livekit.yaml")),
    };
    global.tell(&line);
}

impl Target {
    /// The name of the key that signs.
    pub(crate) fn api_key(&self) -> String {
        self.keys.active().id().to_owned()
    }
}

pub(crate) fn no_keys() -> Failure {
    Failure::new(Class::Denied, "auth.no_key", "there is no API key").or_else(
        "set LIVEKIT_API_KEY and LIVEKIT_API_SECRET, pass --api-key and --api-secret, \
         name a --project, make a key file with `trunkline keys add`, \
         or pass --dev for a development server",
    )
}
