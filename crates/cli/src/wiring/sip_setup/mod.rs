//! The trunks and rules of `livekit-sip-correct.yaml`, where they are needed.
//!
//! The embedded node's store is made to hold what the file says: what is missing is created, what
//! differs is replaced, and what the file made and no longer names is removed, unless somebody
//! changed it since: then it is named in the log. Things that the file never made are left alone.
//! What it made carries its mark in the metadata, and is remembered in the store as it was written.
//!
//! A remote server's store belongs to everybody who uses it, so it is only read: the gateway keeps
//! the file's trunks and rules by itself.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tracing::{info, warn};
use trunkline_base::class::Class;
use trunkline_bridge::sip::{GatewayHandle, LineOut, OwnSetup, Referrer, Register, TrunkLine};
use trunkline_client::api::{ApiError, LiveKitApiClient};
use trunkline_node::SipChanged;
use trunkline_service::tasks::Stop;
use trunkline_sip::routing::mark;
use trunkline_store::{Direction, Store};

use crate::failure::Failure;
use crate::settings::SipSetup;
use crate::settings::sip::{Outbound, Trunk};
use crate::sip::apply::{self, Stopped, look};
use crate::sip::book::Book;
use crate::sip::entry::{self, Inbound, Rule};
use crate::sip::plan::{Plan, There, Wanted};

/// The code of a plan that the node would refuse, of which nothing is begun.
pub(super) const BLOCKED: &str = "sip.blocked";

/// Makes the node's trunks and rules those of the file, and says what was done for it. What was there
/// before is kept for `sip rollback`.
///
/// # Errors
/// What the node refused; what was done before it stays done, and a repeat goes on.
pub(super) async fn apply(
    api: &LiveKitApiClient,
    store: &Store,
    setup: &SipSetup,
) -> Result<Vec<String>, Failure> {
    let book = Book::of_node(store);
    let written = book.written().await;
    let there = look(api).await?;
    let plan = Plan::make(&Wanted::from(setup), there.clone(), &written);
    for note in &plan.notes {
        warn!("{note}");
    }
    if let Some(blocked) = plan.blocked.first() {
        let remedy = "see all at once: trunkline sip validate";
        return Err(Failure::new(Class::Conflict, BLOCKED, blocked).or_else(remedy));
    }
    if !plan.steps.is_empty() && there != There::default() {
        let kept = book.keep(&there, &written).await?;
        info!(
            kept,
            "what the node had is kept: trunkline sip rollback --list"
        );
    }
    let gone = Box::pin(apply::apply(api, &book, &plan)).await;
    gone.map_err(|Stopped { step, error, .. }| {
        let failure = Failure::from(error);
        let text = format!("{step}: {failure}");
        failure.with_text(text)
    })?;
    let changes = plan.steps.len();
    if changes > 0 {
        info!(changes, "the node has the trunks and rules of the file");
    }
    Ok(plan.steps.iter().map(ToString::to_string).collect())
}

/// The same as the gateway's own, under ids that no server gives.
pub(crate) fn own(setup: &SipSetup) -> OwnSetup {
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

/// Trunks of the file that calls go out over, under ids that no server gives.
pub(super) fn own_outbound(setup: &SipSetup) -> Vec<entry::Outbound> {
    let each = setup.outbound.iter().map(|trunk| entry::Outbound {
        sip_trunk_id: format!("ST_file_out_{}", trunk.key),
        ..trunk.to_proto()
    });
    each.collect()
}

/// What the file alone says of its trunks, under the keys that mark them at every server.
pub(crate) fn lines(setup: &SipSetup) -> Vec<TrunkLine> {
    let line = |trunk: &Trunk| {
        let register = trunk.register.clone().map(|register| Register {
            key: trunk.key.clone(),
            registrar: register.registrar,
            username: register.username,
            password: register.password,
            domain: register.from_host,
            expires: register.expires,
            contact_user: register.contact_user,
            proxy: register.outbound_proxy,
            keep_alive: register.keep_alive,
        });
        TrunkLine {
            key: trunk.key.clone(),
            plan: setup.numbering.plan(&trunk.country),
            is_trusted: trunk.trusted,
            register,
        }
    };
    setup.trunks.iter().map(line).collect()
}

/// The ids of outbound trunks at the node, by the keys that the file knows them by.
///
/// # Errors
/// What the node says instead.
pub(super) async fn ids_out(api: &LiveKitApiClient) -> Result<BTreeMap<String, String>, ApiError> {
    let there = api.list_outbound_trunks().await?.into_iter();
    let marked = there.filter_map(|one| Some((mark::key(&one.metadata)?, one.sip_trunk_id)));
    Ok(marked.collect())
}

/// Whose phones may pass their calls on, and over what: trunks that the node has go by its `ids`.
pub(crate) fn referrers(setup: &SipSetup, ids: &BTreeMap<String, String>) -> Vec<Referrer> {
    let ours = own_outbound(setup);
    let over = |key: &str| {
        let mut over = ours
            .iter()
            .find(|one| mark::key(&one.metadata).as_deref() == Some(key))?
            .clone();
        if let Some(id) = ids.get(key) {
            over.sip_trunk_id.clone_from(id);
        }
        Some(over)
    };
    let referrer = |direction, key: &str, allowed: &str| {
        Some(Referrer {
            direction,
            key: key.to_owned(),
            over: over(allowed)?,
        })
    };
    let inbound = setup.trunks.iter();
    let inbound =
        inbound.filter_map(|one| referrer(Direction::Inbound, &one.key, &one.allow_refer));
    let outbound = setup.outbound.iter();
    let outbound =
        outbound.filter_map(|one| referrer(Direction::Outbound, &one.key, &one.allow_refer));
    inbound.chain(outbound).collect()
}

/// The same of trunks that calls go out by.
pub(crate) fn lines_out(setup: &SipSetup) -> Vec<LineOut> {
    let line = |trunk: &Outbound| LineOut {
        key: trunk.key.clone(),
        proxy: trunk.outbound_proxy.clone(),
    };
    setup.outbound.iter().map(line).collect()
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

#[cfg(test)]
mod tests;
