//! What was written where, kept in the store: so a change by others is seen, and what was there
//! before can be had back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tracing::warn;
use trunkline_base::class::Classified as _;
use trunkline_base::time::UnixTime;
use trunkline_store::{Store, StoreError};

use super::entry::{Entry, Inbound, Outbound, Rule};
use super::plan::{There, Written};
use super::sorted::Record;
use crate::clock::now;

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
}

impl Snapshot {
    pub(crate) fn there(self) -> There {
        There {
            trunks: self.trunks,
            outbound: self.outbound,
            rules: self.rules,
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

    /// Remembers one as it is now, and as the file said it.
    pub(crate) async fn remember<E: Entry>(&self, key: &str, stored: &E, said: &E) {
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
    pub(crate) async fn keep(&self, there: &There) -> Result<String, StoreError> {
        let at = now();
        let snapshot = Snapshot {
            at: at.0,
            trunks: there.trunks.clone(),
            outbound: there.outbound.clone(),
            rules: there.rules.clone(),
        };
        let id = format!("{}", at.0);
        let body = serde_json::to_vec(&snapshot).unwrap_or_default();
        let documents = self.store.documents();
        documents.put(&self.history(), &id, &body, at).await?;
        let all = documents.list(&self.history()).await?;
        for (old, _) in all.iter().take(all.len().saturating_sub(KEPT)) {
            documents.delete(&self.history(), old).await?;
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

/// When a snapshot was made.
pub(crate) const fn at(snapshot: &Snapshot) -> UnixTime {
    UnixTime(snapshot.at)
}
