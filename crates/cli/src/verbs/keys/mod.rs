//! `keys list | add | rotate | retire`. A secret goes into the key file and nowhere else, unless
//! `--show` asks for it once.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use trunkline_base::class::Class;
use trunkline_base::id::guid;
use trunkline_base::secret::Secret;

use super::settings;
use crate::clock::{now, utc};
use crate::failure::Failure;
use crate::global::Global;
use crate::keys::{Book, Entry, KeyFile, State};
use crate::output;
use crate::settings::Livekit;

/// Longest secret read.
const SECRET_LIMIT: u64 = 4096;

/// Characters of a secret that HS256 asks for.
const STRONG: usize = 32;

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Say which keys there are and what each is for
    List,
    /// Add a key: it verifies at once, and signs once rotated to
    Add(Add),
    /// Make a key sign; the one that did goes on verifying until its last token has expired
    Rotate(Rotate),
    /// Take a key out of use
    Retire(Retire),
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The key's id; made up when absent
    #[arg(long, value_name = "KEY")]
    id: Option<String>,
    /// Read the secret from this file, `-` for standard input; made up when absent
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Print the new secret, once
    #[arg(long)]
    show: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// The key that shall sign; the pending one when absent, or a new one
    key: Option<String>,
    /// Print the secret of a new key, once
    #[arg(long)]
    show: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Retire {
    /// The key
    key: String,
    /// Even while tokens that it signed may be in use
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(verb: Keys, global: &Global) -> Result<(), Failure> {
    let livekit = settings(global)?.livekit;
    let desk = Desk {
        file: KeyFile::new(livekit.keys.file.clone()),
        livekit,
        json: global.json,
    };
    match verb {
        Keys::List => desk.list(),
        Keys::Add(add) => desk.add(add),
        Keys::Rotate(rotate) => desk.rotate(&rotate),
        Keys::Retire(retire) => desk.retire(&retire),
    }
}

struct Desk {
    file: KeyFile,
    livekit: Livekit,
    json: bool,
}

impl Desk {
    fn list(&self) -> Result<(), Failure> {
        // Without a key file the configured keys are listed as they are used.
        let book = if self.file.exists() {
            self.file.load()?
        } else {
            Book::of(self.livekit.configured(), Vec::new())
        };
        if self.json {
            let keys: Vec<Value> = book.entries().iter().map(to_json).collect();
            output::json(&json!({ "keys": keys, "file": self.shown_file() }));
            return Ok(());
        }
        let rows: Vec<Vec<String>> = book.entries().iter().map(row).collect();
        output::text(&output::table(&["KEY", "STATE", "SINCE", "UNTIL"], &rows));
        if !self.file.exists() {
            output::note("from the configuration; there is no key file yet: `trunkline keys add`");
        }
        Ok(())
    }

    fn add(&self, add: Add) -> Result<(), Failure> {
        let secret = match &add.secret_file {
            Some(path) => read_secret(path)?,
            None => made_up(),
        };
        let id = add.id.unwrap_or_else(|| guid("API", &mut rand::rng()));
        let first = self.first();
        let state = self
            .file
            .change(first, |book| book.add(&id, secret.clone(), now()))?;
        let said = match state {
            State::Active => format!("added {id}, which signs: it is the only key"),
            _ => format!(
                "added {id}: it verifies; give it to whoever verifies or signs elsewhere, then \
                 `trunkline keys rotate {id}`"
            ),
        };
        self.tell(&id, state, add.show.then_some(&secret), &said);
        Ok(())
    }

    fn rotate(&self, rotate: &Rotate) -> Result<(), Failure> {
        let window = self.livekit.keys.window();
        let (id, made) = self.file.change(self.first(), |book| {
            let wanted = match &rotate.key {
                Some(key) => Some(key.clone()),
                None => book.pending()?,
            };
            let (id, made) = match wanted {
                Some(id) => (id, None),
                None => {
                    let (id, secret) = (guid("API", &mut rand::rng()), made_up());
                    let state = book.add(&id, secret.clone(), now())?;
                    if state == State::Active {
                        return Ok((id, Some(secret)));
                    }
                    (id, Some(secret))
                }
            };
            book.rotate(&id, now(), window)?;
            Ok((id, made))
        })?;
        let until = utc(now().plus(window));
        let said = format!("{id} signs now; the one before verifies until {until}");
        let shown = made.as_ref().filter(|_| rotate.show);
        self.tell(&id, State::Active, shown, &said);
        Ok(())
    }

    fn retire(&self, retire: &Retire) -> Result<(), Failure> {
        let id = &retire.key;
        self.file
            .change(self.first(), |book| book.retire(id, now(), retire.force))?;
        let said = format!("{id} is retired: what it signed is refused from now on");
        self.tell(id, State::Retired, None, &said);
        Ok(())
    }

    /// What a new key file begins with: the keys that are in use already, so that making one
    /// changes nothing for anybody.
    fn first(&self) -> Vec<(String, Secret<String>)> {
        let well_known =
            |(id, secret): &(String, Secret<String>)| id == "devkey" && secret.expose() == "secret";
        let mut keys = self.livekit.configured();
        keys.retain(|pair| !well_known(pair));
        keys
    }

    fn tell(&self, id: &str, state: State, secret: Option<&Secret<String>>, said: &str) {
        if self.json {
            let mut answer = json!({ "key": id, "state": state, "file": self.shown_file() });
            if let (Some(secret), Some(fields)) = (secret, answer.as_object_mut()) {
                fields.insert("secret".to_owned(), secret.expose().clone().into());
            }
            output::json(&answer);
            return;
        }
        output::line(said);
        if let Some(secret) = secret {
            output::line(&format!("{id}: {}", secret.expose()));
        }
    }

    fn shown_file(&self) -> String {
        self.file.path().display().to_string()
    }
}

fn made_up() -> Secret<String> {
    let mut rng = rand::rng();
    // Four times twelve letters of an alphabet of 57: 280 random bits.
    let text: String = (0..4).map(|_| guid("", &mut rng)).collect();
    Secret::new(text)
}

fn read_secret(path: &Path) -> Result<Secret<String>, Failure> {
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin()
            .lock()
            .take(SECRET_LIMIT)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(SECRET_LIMIT).read_to_string(&mut text))
    };
    let invalid = |text: String| Failure::new(Class::Invalid, "keys.secret", text);
    read.map_err(|error| invalid(format!("cannot read {}: {error}", path.display())))?;
    let secret = text.trim();
    if secret.len() < STRONG {
        return Err(invalid(format!(
            "the secret is {} characters long; HS256 asks for {STRONG} or more",
            secret.len()
        )));
    }
    Ok(Secret::from(secret))
}

fn row(entry: &Entry) -> Vec<String> {
    let time = |at: Option<_>| at.map_or_else(|| "-".to_owned(), utc);
    vec![
        entry.id.clone(),
        entry.state.to_string(),
        time(entry.since),
        time(entry.until),
    ]
}

fn to_json(entry: &Entry) -> Value {
    json!({
        "key": entry.id,
        "state": entry.state,
        "since": entry.since.map(utc),
        "until": entry.until.map(utc),
    })
}
