//! The trunks and rules of `livekit-sip-correct.yaml`, where they are needed.
//!
//! The embedded node's store is made to hold what the file says: what is missing is created, what
//! differs is replaced, and what the file made and no longer names is removed, unless somebody
//! changed it since: then it is named in the log. Things that the file never made are left alone.
//! What it made carries its mark in the metadata, and is remembered in the store as it was written.
//!
//! A remote server's store belongs to everybody who uses it, so it is only read: the gateway keeps
//! the file's trunks and rules by itself.

mod entry;
mod made;

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tracing::{info, warn};
use trunkline_bridge::sip::{GatewayHandle, OwnSetup};
use trunkline_client::api::{ApiError, LiveKitApiClient};
use trunkline_node::SipChanged;
use trunkline_service::tasks::Stop;
use trunkline_store::Store;

use crate::settings::SipSetup;
use entry::{Entry, Inbound, Rule};
use made::{Found, Made};

/// Makes the node's trunks and rules those of the file.
///
/// # Errors
/// [`ApiError`] of the call that failed; what was done before it stays done, and a repeat goes on.
pub(super) async fn apply(
    api: &LiveKitApiClient,
    store: &Store,
    setup: &SipSetup,
) -> Result<(), ApiError> {
    let mut trunks = Made::<Inbound>::read(api, store).await?;
    let mut rules = Made::<Rule>::read(api, store).await?;
    for trunk in &setup.trunks {
        let is_gone = |key: &str| !setup.trunks.iter().any(|one| one.key == key);
        if let Some(old) = trunks.adopt_renamed(&trunk.key, &trunk.to_proto(), is_gone) {
            made::forget::<Inbound>(store, &old).await;
        }
    }
    // Rules first: none shall point at a trunk that is gone. Both before anything is made: what is
    // gone may hold the number that something new is for.
    rules
        .remove(api, store, |key| {
            setup.rules.iter().any(|rule| rule.key == key)
        })
        .await?;
    let gone = trunks
        .remove(api, store, |key| {
            setup.trunks.iter().any(|trunk| trunk.key == key)
        })
        .await?;
    warn_of_orphans(&rules.others, &gone);

    let wanted = setup.trunks.iter().map(|trunk| {
        let found = trunks.take(&trunk.key);
        (trunk.key.clone(), trunk.to_proto(), found)
    });
    let stored = Box::pin(reconcile(api, store, wanted.collect())).await?;
    let ids: BTreeMap<String, String> = stored
        .into_iter()
        .map(|(key, trunk)| (key, trunk.sip_trunk_id))
        .collect();
    let wanted = setup.rules.iter().map(|rule| {
        let found = rules.take(&rule.key);
        (rule.key.clone(), rule.to_proto(&ids), found)
    });
    Box::pin(reconcile(api, store, wanted.collect())).await?;
    Ok(())
}

/// The same as the gateway's own, under ids that no server gives.
pub(super) fn own(setup: &SipSetup) -> OwnSetup {
    let ids: BTreeMap<String, String> = setup
        .trunks
        .iter()
        .map(|trunk| (trunk.key.clone(), format!("ST_file_{}", trunk.key)))
        .collect();
    let trunks = setup.trunks.iter().map(|trunk| Inbound {
        sip_trunk_id: ids.get(&trunk.key).cloned().unwrap_or_default(),
        ..trunk.to_proto()
    });
    let rules = setup.rules.iter().map(|rule| Rule {
        sip_dispatch_rule_id: format!("SDR_file_{}", rule.key),
        ..rule.to_proto(&ids)
    });
    OwnSetup {
        trunks: trunks.collect(),
        rules: rules.collect(),
    }
}

/// Has the gateway read trunks and rules again whenever the node's have changed.
pub(super) async fn follow(
    mut changes: mpsc::Receiver<SipChanged>,
    gateway: GatewayHandle,
    stop: Stop,
) {
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            () = stop.hurry() => return,
        };
        let Some(change) = change else {
            stop.draining().await;
            return;
        };
        // One reading serves everything that has changed by now.
        let mut told = vec![change];
        while let Ok(more) = changes.try_recv() {
            told.push(more);
        }
        if let Err(error) = gateway.reload().await {
            warn!(%error, "the gateway does not know changed trunks and rules yet");
        }
        drop(told);
    }
}

/// What is wanted under a key, and what is there of it.
type Wish<E> = (String, E, Option<Found<E>>);

/// Creates or replaces each. Two that swap numbers stand in each other's way: where nothing moves
/// any more, one is taken out and made anew.
async fn reconcile<E: Entry>(
    api: &LiveKitApiClient,
    store: &Store,
    mut open: Vec<Wish<E>>,
) -> Result<Vec<(String, E)>, ApiError> {
    let mut done = Vec::new();
    while !open.is_empty() {
        let before = open.len();
        let mut blocked = Vec::new();
        let mut conflict = None;
        for (key, wanted, found) in open {
            match write(api, &key, &wanted, found.as_ref()).await {
                Ok(stored) => {
                    made::remember(store, &key, &stored).await;
                    done.push((key, stored));
                }
                Err(error) if is_conflict(&error) => {
                    conflict = Some(error);
                    blocked.push((key, wanted, found));
                }
                Err(error) => return Err(error),
            }
        }
        if blocked.len() == before
            && let Some(error) = conflict
        {
            let in_the_way = blocked.iter_mut().find_map(|(_, _, found)| found.take());
            match in_the_way {
                Some(found) if before > 1 => E::delete(api, found.entry.id()).await?,
                _ => return Err(error),
            }
        }
        open = blocked;
    }
    Ok(done)
}

async fn write<E: Entry>(
    api: &LiveKitApiClient,
    key: &str,
    wanted: &E,
    found: Option<&Found<E>>,
) -> Result<E, ApiError> {
    match found {
        Some(found) if found.entry.is_as(wanted) => Ok(found.entry.clone()),
        Some(found) => {
            if !found.is_untouched {
                info!(
                    key,
                    "{} was changed by others; the file says how it is",
                    E::WHAT
                );
            }
            let stored = E::replace(api, found.entry.id(), wanted.clone()).await?;
            info!(key, "{} replaced", E::WHAT);
            Ok(stored)
        }
        None => {
            let stored = E::create(api, wanted.clone()).await?;
            info!(key, "{} created", E::WHAT);
            Ok(stored)
        }
    }
}

/// Whether something else that is there stands in the way, in LiveKit's words.
fn is_conflict(error: &ApiError) -> bool {
    error.refusal().is_some_and(|refusal| {
        refusal.message.contains("Conflicting inbound SIP Trunks")
            || refusal.message.contains("already exists in dispatch rule")
    })
}

/// A rule that somebody made for a trunk of the file serves nobody once that is gone.
fn warn_of_orphans(others: &[Rule], gone: &[Inbound]) {
    for rule in others {
        let names = |trunk: &&Inbound| rule.trunk_ids.contains(&trunk.sip_trunk_id);
        if let Some(trunk) = gone.iter().find(names) {
            warn!(
                rule = rule.sip_dispatch_rule_id,
                trunk = trunk.sip_trunk_id,
                "a dispatch rule names a trunk that the file no longer has"
            );
        }
    }
}

#[cfg(test)]
mod tests;
