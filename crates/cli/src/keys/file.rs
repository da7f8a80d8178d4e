//! The key file and its state file on the disk. An error names the file and the line and never
//! quotes what stands there.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use trunkline_base::class::{Class, Classified};
use trunkline_base::secret::Secret;

use super::book::{Book, BookError, Entry};

/// What nobody but owner and group may do with a file of secrets.
const OTHERS: u32 = 0o007;

/// Why the keys cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    #[error("there is no key file {}; `trunkline keys add` makes it", path.display())]
    Missing { path: PathBuf },
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(
        "everybody on this machine may use {} (mode {mode:03o}); chmod 600 it, and rotate its keys \
         if somebody might have read them", path.display()
    )]
    Open { path: PathBuf, mode: u32 },
    #[error("{}: not a map of key ids to secrets{place}; write one `APIxxxx: secret` a line", path.display())]
    Map { path: PathBuf, place: String },
    #[error("{} holds no key; `trunkline keys add` makes one", path.display())]
    Empty { path: PathBuf },
    #[error("{} gives key {id} an empty secret; set one of 32 characters or more", path.display())]
    NoSecret { path: PathBuf, id: String },
    #[error("{} holds devkey with the secret that everybody knows; remove that line", path.display())]
    Known { path: PathBuf },
    #[error("{} is damaged; remove it: the first key of the key file then signs", path.display())]
    State { path: PathBuf },
    #[error(transparent)]
    Book(#[from] BookError),
}

impl Classified for KeyFileError {
    fn class(&self) -> Class {
        match self {
            Self::Missing { .. } => Class::Missing,
            Self::Io { .. } => Class::Unavailable,
            Self::Book(error) => error.class(),
            Self::Open { .. }
            | Self::Map { .. }
            | Self::Empty { .. }
            | Self::NoSecret { .. }
            | Self::Known { .. }
            | Self::State { .. } => Class::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "keys.file_missing",
            Self::Io { .. } => "keys.file_io",
            Self::Open { .. } => "keys.file_open",
            Self::Map { .. } => "keys.file_shape",
            Self::Empty { .. } => "keys.file_empty",
            Self::NoSecret { .. } => "keys.file_no_secret",
            Self::Known { .. } => "keys.file_dev",
            Self::State { .. } => "keys.state",
            Self::Book(error) => error.code(),
        }
    }
}

/// The key file of a deployment.
#[derive(Clone, Debug)]
pub(crate) struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Reads both files.
    pub(crate) fn load(&self) -> Result<Book, KeyFileError> {
        let path = || self.path.clone();
        let text = self.text()?;
        let keys = parse(&text).map_err(|place| KeyFileError::Map {
            path: path(),
            place,
        })?;
        if keys.is_empty() {
            return Err(KeyFileError::Empty { path: path() });
        }
        if let Some((id, _)) = keys.iter().find(|(_, secret)| secret.expose().is_empty()) {
            let id = id.clone();
            return Err(KeyFileError::NoSecret { path: path(), id });
        }
        let known =
            |(id, secret): &(String, Secret<String>)| id == "devkey" && secret.expose() == "secret";
        if keys.iter().any(known) {
            return Err(KeyFileError::Known { path: path() });
        }
        Ok(Book::of(keys, self.remembered()?))
    }

    /// Changes the keys, one process at a time. `first` are the keys to begin with where there is
    /// no key file yet.
    pub(crate) fn change<T>(
        &self,
        first: Vec<(String, Secret<String>)>,
        step: impl FnOnce(&mut Book) -> Result<T, BookError>,
    ) -> Result<T, KeyFileError> {
        let _alone = self.lock()?;
        let before = if self.exists() {
            self.load()?
        } else {
            Book::of(first, self.remembered()?)
        };
        let mut book = before.clone();
        let outcome = step(&mut book)?;
        let leaves = before
            .secrets()
            .any(|(id, _)| !book.secrets().any(|(kept, _)| kept == id));
        if leaves {
            self.save_state(&book)?;
            self.save_keys(&book)?;
        } else {
            self.save_keys(&book)?;
            self.save_state(&book)?;
        }
        Ok(outcome)
    }

    /// The files that it is made of.
    pub(super) fn files(&self) -> [PathBuf; 2] {
        [self.path.clone(), self.state_path()]
    }

    fn text(&self) -> Result<String, KeyFileError> {
        let meta = fs::metadata(&self.path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => KeyFileError::Missing {
                path: self.path.clone(),
            },
            _ => self.io("read", source),
        })?;
        let mode = meta.permissions().mode() & 0o777;
        if mode & OTHERS != 0 {
            let path = self.path.clone();
            return Err(KeyFileError::Open { path, mode });
        }
        fs::read_to_string(&self.path).map_err(|source| self.io("read", source))
    }

    fn remembered(&self) -> Result<Vec<Entry>, KeyFileError> {
        let path = self.state_path();
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| KeyFileError::State { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(KeyFileError::Io {
                what: "read",
                path,
                source,
            }),
        }
    }

    fn save_keys(&self, book: &Book) -> Result<(), KeyFileError> {
        let mut text = self.opening();
        for (id, secret) in book.secrets() {
            let _ = writeln!(text, "{}: {}", scalar(id), scalar(secret.expose()));
        }
        replace(&self.path, text.as_bytes()).map_err(|source| self.io("write", source))
    }

    fn save_state(&self, book: &Book) -> Result<(), KeyFileError> {
        let path = self.state_path();
        let bytes = serde_json::to_vec_pretty(book.entries()).unwrap_or_default();
        replace(&path, &bytes).map_err(|source| KeyFileError::Io {
            what: "write",
            path,
            source,
        })
    }

    /// The comments that the file opens with, which are its owner's.
    fn opening(&self) -> String {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        let comment = |line: &&str| line.is_empty() || line.starts_with('#');
        let lines: Vec<&str> = text.lines().take_while(comment).collect();
        if lines.is_empty() {
            return "# API keys: id, secret. Changed by `trunkline keys`.\n".to_owned();
        }
        lines.join("\n") + "\n"
    }

    fn state_path(&self) -> PathBuf {
        beside(&self.path, "state")
    }

    fn lock(&self) -> Result<File, KeyFileError> {
        if let Some(dir) = self.path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            fs::create_dir_all(dir).map_err(|source| self.io("make the directory of", source))?;
        }
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let lock = options
            .open(beside(&self.path, "lock"))
            .map_err(|source| self.io("lock", source))?;
        lock.lock().map_err(|source| self.io("lock", source))?;
        Ok(lock)
    }

    fn io(&self, what: &'static str, source: io::Error) -> KeyFileError {
        KeyFileError::Io {
            what,
            path: self.path.clone(),
            source,
        }
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// Puts a whole new file in the place of one, with the same owner and no more rights.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link stays one: what it points at is replaced.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let before = fs::metadata(path).ok();
    let mode = before.as_ref().map_or(0o600, |meta| meta.mode() & 0o640);
    let temporary = beside(path, "new");
    let _ = fs::remove_file(&temporary);
    let mut options = OpenOptions::new();
    let mut file = options
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(bytes)?;
    file.set_permissions(fs::Permissions::from_mode(mode | 0o600))?;
    if let Some(meta) = before {
        // Only a privileged writer can change the owner, and only it has to.
        let _ = chown(&temporary, Some(meta.uid()), Some(meta.gid()));
    }
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        Some(dir) => File::open(dir)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

/// A YAML scalar that is text whatever it looks like. Quoted text is written as JSON, which YAML
/// contains.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let word = WORDS.contains(&text.to_ascii_lowercase().as_str());
    if begins && text.chars().all(plain) && !word {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}

/// Keys as `LIVEKIT_KEYS` holds them: the text of a key file.
///
/// # Errors
/// Where the text stops being a map of key ids to secrets.
pub(crate) fn read_map(text: &str) -> Result<Vec<(String, Secret<String>)>, String> {
    parse(text)
}

fn parse(text: &str) -> Result<Vec<(String, Secret<String>)>, String> {
    let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if text.lines().all(blank) {
        return Ok(Vec::new());
    }
    match serde_saphyr::from_str::<Pairs>(text) {
        Ok(pairs) => Ok(pairs.0),
        Err(error) => Err(error
            .location()
            .filter(|at| at.line() > 0)
            .map(|at| format!(" (line {})", at.line()))
            .unwrap_or_default()),
    }
}

/// A map in the order of the file.
struct Pairs(Vec<(String, Secret<String>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ordered;
        impl<'de> Visitor<'de> for Ordered {
            type Value = Pairs;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry::<String, Secret<String>>()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Ordered)
    }
}
