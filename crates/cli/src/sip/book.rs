//! What was written where, kept in the store: so a change by others is seen, and what was there
//! before can be had back.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tracing::warn;
use trunkline_base::class::{Class, Classified as _};
use trunkline_base::time::UnixTime;
use trunkline_store::{Store, StoreError};

use super::back::Kept;
use super::entry::{Entry, Inbound, Outbound, Rule};
use super::plan::{There, Written};
use super::sorted::Record;
use crate::clock::now;
use crate::failure::Failure;

/// What is kept of one server.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    store: Store,
    /// Tells servers apart; the node of this machine has none.
    server: String,
}

/// How many states before an apply are kept.
const KEPT: usize = 20;

/// What was there before something was applied.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) at: u64,
    pub(crate) trunks: Vec<Inbound>,
    pub(crate) outbound: Vec<Outbound>,
    pub(crate) rules: Vec<Rule>,
    #[serde(default)]
    own: Option<BTreeSet<String>>,
}

impl From<Snapshot> for Kept {
    fn from(snapshot: Snapshot) -> Self {
        Self {
            there: There {
                trunks: snapshot.trunks,
                outbound: snapshot.outbound,
                rules: snapshot.rules,
            },
            own: snapshot.own,
        }
    }
}

impl Book {
    /// Of the node that this store belongs to.
    pub(crate) fn of_node(store: &Store) -> Self {
        Self {
            store: store.clone(),
            server: String::new(),
        }
    }

    /// Of a server elsewhere.
    pub(crate) fn of_server(store: &Store, url: &str) -> Self {
        Self {
            store: store.clone(),
            server: format!(" {}", url.trim_end_matches('/')),
        }
    }

    /// What was written. What cannot be read is as if somebody else had written it.
    pub(crate) async fn written(&self) -> Written {
        Written {
            trunks: self.records().await,
            outbound: self.records().await,
            rules: self.records().await,
        }
    }

    async fn records<E: Entry>(&self) -> BTreeMap<String, Record<E>> {
        let said = self.entries::<E>(SAID).await;
        let stored = self.entries::<E>("").await.into_iter();
        stored
            .map(|(key, stored)| {
                let said = said.get(&key).cloned();
                (key, Record { stored, said })
            })
            .collect()
    }

    async fn entries<E: Entry>(&self, part: &str) -> BTreeMap<String, E> {
        let kind = self.kind::<E>(part);
        let documents = self.store.documents().list(&kind).await;
        let documents = documents.unwrap_or_else(|error| {
            let code = error.code();
            warn!(code, "what the SIP file made before cannot be read");
            Vec::new()
        });
        let read = |(key, body): (String, Vec<u8>)| Some((key, E::decode(body.as_slice()).ok()?));
        documents.into_iter().filter_map(read).collect()
    }

    fn kind<E: Entry>(&self, part: &str) -> String {
        format!("{}{part}{}", E::MADE, self.server)
    }

    /// Remembers one as it is now, and as the file said it; under another key that it had before
    /// it is forgotten.
    pub(crate) async fn remember<E: Entry>(&self, key: &str, stored: &E, said: &E) {
        for (old, entry) in self.entries::<E>("").await {
            if old != key && entry.id() == stored.id() {
                self.forget::<E>(&old).await;
            }
        }
        let documents = self.store.documents();
        for (part, entry) in [("", stored), (SAID, said)] {
            let kind = self.kind::<E>(part);
            let body = entry.encode_to_vec();
            if let Err(error) = documents.put(&kind, key, &body, now()).await {
                let code = error.code();
                warn!(key, code, "what the SIP file made is not remembered");
            }
        }
    }

    pub(crate) async fn forget<E: Entry>(&self, key: &str) {
        for part in ["", SAID] {
            let kind = self.kind::<E>(part);
            if let Err(error) = self.store.documents().delete(&kind, key).await {
                let code = error.code();
                warn!(key, code, "what the SIP file made is not forgotten");
            }
        }
    }

    fn history(&self) -> String {
        format!("sip_before{}", self.server)
    }

    /// Keeps what is there before something is applied; gives its name.
    pub(crate) async fn keep(&self, there: &There, written: &Written) -> Result<String, Failure> {
        let at = now();
        let kept = Kept::of(there, written);
        let snapshot = Snapshot {
            at: at.0,
            trunks: kept.there.trunks,
            outbound: kept.there.outbound,
            rules: kept.there.rules,
            own: kept.own,
        };
        let body = serde_json::to_vec(&snapshot).map_err(|error| {
            let text = format!("what is there cannot be kept, and nothing was done: {error}");
            Failure::new(Class::Internal, "sip.keep", text)
        })?;
        let documents = self.store.documents();
        let mut all = documents.list(&self.history()).await?;
        let id = free(at.0, |id| all.iter().any(|(known, _)| known == id));
        documents.put(&self.history(), &id, &body, at).await?;
        let most = all.len().saturating_sub(KEPT - 1);
        for (old, _) in all.drain(..most) {
            documents.delete(&self.history(), &old).await?;
        }
        Ok(id)
    }

    /// What was kept, newest first.
    pub(crate) async fn kept(&self) -> Result<Vec<(String, Snapshot)>, StoreError> {
        let all = self.store.documents().list(&self.history()).await?;
        let read = |(id, body): (String, Vec<u8>)| {
            Some((id, serde_json::from_slice::<Snapshot>(&body).ok()?))
        };
        Ok(all.into_iter().rev().filter_map(read).collect())
    }
}

/// The documents of what the file said.
const SAID: &str = "_said";

/// A name that no other has: two may be made in one moment.
fn free(at: u64, is_taken: impl Fn(&str) -> bool) -> String {
    let mut id = at.to_string();
    let mut number = 2_usize;
    while is_taken(&id) {
        id = format!("{at}-{number}");
        number += 1;
    }
    id
}

/// When a snapshot was made.
pub(crate) const fn at(snapshot: &Snapshot) -> UnixTime {
    UnixTime(snapshot.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_states_of_one_moment_are_both_kept_and_the_oldest_goes() {
        let store = Store::open(":memory:").await.unwrap();
        let book = Book::of_node(&store);
        let mut ids = Vec::new();
        for _ in 0..KEPT + 2 {
            ids.push(
                book.keep(&There::default(), &Written::default())
                    .await
                    .unwrap(),
            );
        }
        let kept = book.kept().await.unwrap();
        let mut left: Vec<String> = kept.into_iter().map(|(id, _)| id).collect();
        left.reverse();
        assert_eq!(left, ids[2..]);
    }

    #[tokio::test]
    async fn another_key_of_any_kind_leaves_nothing_under_the_old_one() {
        let store = Store::open(":memory:").await.unwrap();
        let book = Book::of_node(&store);
        let rule = |id: &str| Rule::default().with_id(id.to_owned());
        for (key, id) in [
            ("a", "SDR_1"),
            ("b", "SDR_2"),
            ("b", "SDR_1"),
            ("a", "SDR_2"),
        ] {
            book.remember(key, &rule(id), &rule(id)).await;
        }
        let rules = book.written().await.rules;
        let pairs: Vec<_> = rules
            .iter()
            .map(|(key, one)| (key.as_str(), one.stored.id()))
            .collect();
        assert_eq!(pairs, [("a", "SDR_2"), ("b", "SDR_1")]);
    }
}
