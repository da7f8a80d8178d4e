//! A disk that is full, for the tests of those who write to the store.

use std::path::Path;

use trunkline_base::time::UnixTime;

use crate::{Store, StoreError};

/// What fills a store up to its last byte.
#[derive(Debug)]
pub struct Filling {
    store: Store,
    ids: Vec<String>,
}

const KIND: &str = "filling";

/// Ever smaller, until not even a short row fits.
const SIZES: [usize; 3] = [4096, 256, 16];

/// A store in this folder for which the disk has one mebibyte.
///
/// # Errors
/// It cannot be opened.
pub async fn small_store(dir: &Path) -> Result<Store, StoreError> {
    let path = dir.join("store.db").display().to_string();
    Store::open_within(&path, Some(1 << 20)).await
}

impl Filling {
    /// Fills a [small store](small_store).
    pub async fn of(store: &Store) -> Self {
        let documents = store.documents();
        let mut ids = Vec::new();
        for size in SIZES {
            loop {
                let id = ids.len().to_string();
                let body = vec![7; size];
                let put = documents.put(KIND, &id, &body, UnixTime(1)).await;
                if put.is_err() {
                    break;
                }
                ids.push(id);
            }
        }
        let store = store.clone();
        Self { store, ids }
    }

    /// Takes it out again: there is room on the disk.
    ///
    /// # Errors
    /// The store does not let it go.
    pub async fn remove(self) -> Result<(), StoreError> {
        for id in &self.ids {
            self.store.documents().delete(KIND, id).await?;
        }
        Ok(())
    }
}
