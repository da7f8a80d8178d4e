//! What the file made before: known by its mark, and remembered in the store as it was written, so
//! that a change by others is seen.

use std::collections::BTreeMap;

use tracing::{info, warn};
use trunkline_base::class::Classified as _;
use trunkline_client::api::{ApiError, LiveKitApiClient};
use trunkline_store::Store;

use super::entry::Entry;
use crate::clock::now;
use crate::settings::sip::marked;

/// One that the file made.
pub(super) struct Found<E> {
    pub(super) entry: E,
    /// It is as the file wrote it.
    pub(super) is_untouched: bool,
}

/// Everything of a kind that is there.
pub(super) struct Made<E> {
    /// By the key that the file gave it.
    by_key: BTreeMap<String, Found<E>>,
    /// The file's too, under a key that is taken: two processes made it at the same time.
    doubles: Vec<(String, Found<E>)>,
    /// Made by others.
    pub(super) others: Vec<E>,
}

impl<E: Entry> Made<E> {
    pub(super) async fn read(api: &LiveKitApiClient, store: &Store) -> Result<Self, ApiError> {
        let present = E::list(api).await?;
        Ok(Self::sort(present, &remembered(store).await))
    }

    /// Tells the file's from others'. What is remembered is the file's whatever was made of its
    /// mark; what an older version made is known by the mark alone, and is untouched if nobody has
    /// written it since.
    pub(super) fn sort(present: Vec<E>, written: &BTreeMap<String, E>) -> Self {
        let mut made = Self {
            by_key: BTreeMap::new(),
            doubles: Vec::new(),
            others: Vec::new(),
        };
        for entry in present {
            let record = written.iter().find(|(_, one)| one.id() == entry.id());
            let key = record
                .map(|(key, _)| key.clone())
                .or_else(|| marked(entry.metadata()));
            let Some(key) = key else {
                made.others.push(entry);
                continue;
            };
            let is_untouched = match record {
                Some((_, one)) => *one == entry,
                None => entry.is_as_created(),
            };
            let is_the_one = record.is_some() || !made.by_key.contains_key(&key);
            let found = Found {
                entry,
                is_untouched,
            };
            if !is_the_one {
                made.doubles.push((key, found));
            } else if let Some(other) = made.by_key.insert(key.clone(), found) {
                made.doubles.push((key, other));
            }
        }
        made
    }

    /// One whose key alone was changed in the file keeps its id, which rules of others may name.
    /// Gives the key it had.
    pub(super) fn adopt_renamed(
        &mut self,
        key: &str,
        wanted: &E,
        is_gone: impl Fn(&str) -> bool,
    ) -> Option<String> {
        if self.by_key.contains_key(key) {
            return None;
        }
        let old = self.by_key.iter().find(|(old, found)| {
            let renamed = found.entry.clone().with_metadata_of(wanted);
            is_gone(old) && found.is_untouched && renamed.is_as(wanted)
        });
        let old = old.map(|(old, _)| old.clone())?;
        let found = self.by_key.remove(&old)?;
        info!(key, before = old, "{} has another key now", E::WHAT);
        self.by_key.insert(key.to_owned(), found);
        Some(old)
    }

    /// What there is for a key.
    pub(super) fn take(&mut self, key: &str) -> Option<Found<E>> {
        self.by_key.remove(key)
    }

    /// Removes what the file no longer names, and gives what was removed: those that others have
    /// changed stay, are named in the log, and count as others' from then on.
    pub(super) async fn remove(
        &mut self,
        api: &LiveKitApiClient,
        store: &Store,
        is_named: impl Fn(&str) -> bool,
    ) -> Result<Vec<E>, ApiError> {
        let mut gone = std::mem::take(&mut self.doubles);
        let keys: Vec<String> = self
            .by_key
            .keys()
            .filter(|key| !is_named(key))
            .cloned()
            .collect();
        for key in keys {
            if let Some(found) = self.by_key.remove(&key) {
                gone.push((key, found));
            }
        }
        let mut removed = Vec::new();
        for (key, found) in gone {
            let id = found.entry.id().to_owned();
            if !found.is_untouched {
                warn!(
                    key,
                    id,
                    "{} is not in the file any more, but was changed by others since and stays; \
                     to remove it: {} {id}",
                    E::WHAT,
                    E::DELETE
                );
                self.others.push(found.entry);
                continue;
            }
            E::delete(api, &id).await?;
            if !is_named(&key) {
                forget::<E>(store, &key).await;
            }
            info!(
                key,
                id,
                "{} removed: the file does not name it any more",
                E::WHAT
            );
            removed.push(found.entry);
        }
        Ok(removed)
    }
}

/// What the file wrote, by key. What cannot be read is as if an older version had made it.
async fn remembered<E: Entry>(store: &Store) -> BTreeMap<String, E> {
    let documents = store
        .documents()
        .list(E::MADE)
        .await
        .unwrap_or_else(|error| {
            warn!(
                code = error.code(),
                "what the SIP file made before cannot be read"
            );
            Vec::new()
        });
    let read = |(key, body): (String, Vec<u8>)| Some((key, E::decode(body.as_slice()).ok()?));
    documents.into_iter().filter_map(read).collect()
}

/// Remembers one as it is now.
pub(super) async fn remember<E: Entry>(store: &Store, key: &str, stored: &E) {
    let body = stored.encode_to_vec();
    let put = store.documents().put(E::MADE, key, &body, now()).await;
    if let Err(error) = put {
        warn!(
            key,
            code = error.code(),
            "what the SIP file made is not remembered"
        );
    }
}

pub(super) async fn forget<E: Entry>(store: &Store, key: &str) {
    if let Err(error) = store.documents().delete(E::MADE, key).await {
        warn!(
            key,
            code = error.code(),
            "what the SIP file made is not forgotten"
        );
    }
}
