//! The keys of a deployment and what each is for: the rules, without files or clocks.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use trunkline_base::class::{Class, Classified};
use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, KeyRing};

use crate::clock::utc;

/// What a key is for at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Pending,
    Active,
    Retiring,
    Retired,
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One key. This is also its line in the state file, where the secret never goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    #[serde(rename = "key")]
    pub(crate) id: String,
    pub(crate) state: State,
    /// Since when, in milliseconds; unknown for a key written by hand.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) since: Option<UnixTime>,
    /// When the last token it signed has expired; of retiring keys.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) until: Option<UnixTime>,
    #[serde(skip)]
    pub(crate) secret: Option<Secret<String>>,
}

/// Why a step is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BookError {
    #[error("`{id}` is no key id; use letters, digits, `-` and `_`")]
    Id { id: String },
    #[error("key {id} is there already ({state}); choose another id, or rotate to it")]
    Known { id: String, state: State },
    #[error("there is no key {id}; the keys are {known}")]
    Unknown { id: String, known: String },
    #[error("key {id} is the active one already")]
    Active { id: String },
    #[error("key {id} signs; rotate to another key first: `trunkline keys rotate`")]
    Signs { id: String },
    #[error("key {id} is retired and its secret is gone; add a new key")]
    Retired { id: String },
    #[error("several keys are pending ({ids}); say which one: `trunkline keys rotate KEY`")]
    Several { ids: String },
    #[error(
        "tokens that key {id} signed may be in use until {}; wait until then, or cut them off with \
         --force", utc(*until)
    )]
    InUse { id: String, until: UnixTime },
}

impl Classified for BookError {
    fn class(&self) -> Class {
        match self {
            Self::Id { .. } => Class::Invalid,
            Self::Unknown { .. } => Class::Missing,
            Self::Known { .. }
            | Self::Active { .. }
            | Self::Signs { .. }
            | Self::Retired { .. }
            | Self::Several { .. }
            | Self::InUse { .. } => Class::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Id { .. } => "keys.id",
            Self::Known { .. } => "keys.known",
            Self::Unknown { .. } => "keys.unknown",
            Self::Active { .. } => "keys.active",
            Self::Signs { .. } => "keys.signs",
            Self::Retired { .. } => "keys.retired",
            Self::Several { .. } => "keys.several",
            Self::InUse { .. } => "keys.in_use",
        }
    }
}

/// All keys, in the key file's order; the retired ones behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Book {
    entries: Vec<Entry>,
}

impl Book {
    /// The keys of a key file with what the state file remembers of them.
    pub(crate) fn of(keys: Vec<(String, Secret<String>)>, remembered: Vec<Entry>) -> Self {
        let recall = |id: &str| remembered.iter().find(|entry| entry.id == id).cloned();
        let mut entries = Vec::new();
        for (id, secret) in keys {
            let entry = recall(&id).unwrap_or(Entry {
                id,
                state: State::Pending,
                since: None,
                until: None,
                secret: None,
            });
            // Called retired, but not yet gone from the key file: the step was interrupted.
            if entry.state != State::Retired {
                entries.push(Entry {
                    secret: Some(secret),
                    ..entry
                });
            }
        }
        if !entries.iter().any(|entry| entry.state == State::Active)
            && let Some(first) = entries.first_mut()
        {
            first.state = State::Active;
            first.until = None;
        }
        let retired = |entry: &Entry| entry.state == State::Retired;
        entries.extend(remembered.into_iter().filter(retired));
        Self { entries }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Ids and secrets for the key file.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&str, &Secret<String>)> {
        self.entries
            .iter()
            .filter_map(|entry| Some((entry.id.as_str(), entry.secret.as_ref()?)))
    }

    /// The ring: the active key first, then all that verify. None without any key.
    pub(crate) fn ring(&self) -> Option<KeyRing> {
        let mut usable: Vec<&Entry> = self.entries.iter().filter(|e| e.secret.is_some()).collect();
        usable.sort_by_key(|entry| entry.state != State::Active);
        let key = |entry: &&Entry| {
            let secret = entry.secret.as_ref()?.expose().clone();
            Some(ApiKey::new(entry.id.clone(), secret))
        };
        let mut keys = usable.iter().filter_map(key);
        Some(KeyRing::new(keys.next()?, keys))
    }

    /// A key that verifies from now on; the first of all signs as well.
    pub(crate) fn add(
        &mut self,
        id: &str,
        secret: Secret<String>,
        now: UnixTime,
    ) -> Result<State, BookError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if id.is_empty() || id.len() > 64 || !id.chars().all(fits) {
            return Err(BookError::Id { id: id.to_owned() });
        }
        if let Ok(entry) = self.find(id) {
            return Err(BookError::Known {
                id: id.to_owned(),
                state: entry.state,
            });
        }
        let signs = self.entries.iter().any(|e| e.state == State::Active);
        let state = if signs { State::Pending } else { State::Active };
        let living = self.secrets().count();
        self.entries.insert(
            living,
            Entry {
                id: id.to_owned(),
                state,
                since: Some(now),
                until: None,
                secret: Some(secret),
            },
        );
        Ok(state)
    }

    /// The one key that waits to sign, if one does.
    pub(crate) fn pending(&self) -> Result<Option<String>, BookError> {
        let pending = self.entries.iter().filter(|e| e.state == State::Pending);
        let ids: Vec<&str> = pending.map(|entry| entry.id.as_str()).collect();
        match ids.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some((*one).to_owned())),
            several => Err(BookError::Several {
                ids: several.join(", "),
            }),
        }
    }

    /// Makes a key sign. The one that did goes on verifying for `window`.
    pub(crate) fn rotate(
        &mut self,
        id: &str,
        now: UnixTime,
        window: Duration,
    ) -> Result<(), BookError> {
        let id = id.to_owned();
        match self.find(&id)?.state {
            State::Active => return Err(BookError::Active { id }),
            State::Retired => return Err(BookError::Retired { id }),
            State::Pending | State::Retiring => {}
        }
        for entry in &mut self.entries {
            if entry.id == id {
                (entry.state, entry.since, entry.until) = (State::Active, Some(now), None);
            } else if entry.state == State::Active {
                entry.state = State::Retiring;
                entry.since = Some(now);
                entry.until = Some(now.plus(window));
            }
        }
        Ok(())
    }

    /// Takes a key out of use. One that signed stays until its last token has expired, unless
    /// that is forced.
    pub(crate) fn retire(&mut self, id: &str, now: UnixTime, force: bool) -> Result<(), BookError> {
        let entry = self.find(id)?;
        let id = id.to_owned();
        match (entry.state, entry.until) {
            (State::Active, _) => return Err(BookError::Signs { id }),
            (State::Retired, _) => return Err(BookError::Retired { id }),
            (State::Retiring, Some(until)) if now < until && !force => {
                return Err(BookError::InUse { id, until });
            }
            (State::Pending | State::Retiring, _) => {}
        }
        if let Some(at) = self.entries.iter().position(|entry| entry.id == id) {
            let gone = self.entries.remove(at);
            self.entries.push(Entry {
                state: State::Retired,
                since: Some(now),
                until: None,
                secret: None,
                ..gone
            });
        }
        Ok(())
    }

    fn find(&self, id: &str) -> Result<&Entry, BookError> {
        let found = self.entries.iter().find(|entry| entry.id == id);
        found.ok_or_else(|| BookError::Unknown {
            id: id.to_owned(),
            known: self.names(),
        })
    }

    fn names(&self) -> String {
        let ids: Vec<&str> = self.entries.iter().map(|e| e.id.as_str()).collect();
        if ids.is_empty() {
            return "none yet".to_owned();
        }
        ids.join(", ")
    }
}
