//! Whose the calls in the store are: one process at a time minds those of its gateway, closes what a
//! killed one left open, and comes back to what can go on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::{info, warn};
use trunkline_bridge::sip::{JournalKey, JournalOptions};
use trunkline_store::Store;

use super::{Role, Roles};
use crate::clock::now;
use crate::failure::Failure;
use crate::settings::Settings;

/// Takes over the calls in the store, unless another process has them; those in the journal are the
/// gateway's to go on with.
pub(super) async fn take_over(
    settings: &Settings,
    roles: &Roles,
    store: &Store,
) -> Result<Option<JournalOptions>, Failure> {
    if !roles.include(Role::Sip) {
        // Another process's calls are its own.
        return Ok(None);
    }
    let key = match claim(&settings.livekit.store).await {
        Claim::Ours(key) => Some(key),
        Claim::Nobodys => None,
        Claim::Others => {
            warn!(
                "another process minds the calls in this store; calls of this one do not outlive it"
            );
            return Ok(None);
        }
    };
    let within = settings.gateway.resume_within;
    let wanted = settings.gateway.enabled && !within.is_zero();
    let options = key
        .filter(|_| wanted)
        .map(|key| JournalOptions { key, within });
    if options.is_none() {
        store.journal().clear().await?;
    }
    let orphans = store.calls().close_orphans(now()).await?;
    if orphans > 0 {
        info!(
            calls = orphans,
            "closed the calls of a process that was killed"
        );
    }
    Ok(options)
}

enum Claim {
    Ours(JournalKey),
    /// Another process has them.
    Others,
    /// There is no key to be had.
    Nobodys,
}

/// A process that was killed a moment ago may not be quite gone.
async fn claim(store: &Path) -> Claim {
    if store == Path::new(":memory:") {
        return Claim::Nobodys;
    }
    let path = beside(store);
    for _ in 0..TRIES {
        match JournalKey::claim(&path) {
            Ok(Some(key)) => return Claim::Ours(key),
            Ok(None) => tokio::time::sleep(BETWEEN).await,
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "calls do not outlive this process"
                );
                return Claim::Nobodys;
            }
        }
    }
    Claim::Others
}

/// The key of a store's journal.
fn beside(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".calls-key");
    name.into()
}

const TRIES: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(100);
