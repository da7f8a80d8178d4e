//! `store prune`.

use clap::Subcommand;
use serde_json::json;

use super::{settings, store};
use crate::clock::now;
use crate::failure::Failure;
use crate::global::Global;
use crate::retention::Archive;
use crate::{output, retention};

#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// Remove what `retention` in security.yaml keeps no longer, as the daemon does every hour
    Prune {
        /// Say what would go, and remove nothing
        #[arg(long)]
        dry_run: bool,
    },
}

pub(crate) async fn run(verb: Store, global: &Global) -> Result<(), Failure> {
    match verb {
        Store::Prune { dry_run } => prune(dry_run, global).await,
    }
}

async fn prune(dry_run: bool, global: &Global) -> Result<(), Failure> {
    let settings = settings(global)?;
    let retention = settings.security.retention;
    let archive = Archive::new(store(global).await?, &settings.livekit.store);
    let pruned = if dry_run {
        retention::expired(&archive, &retention, now()).await?
    } else {
        retention::prune(&archive, &retention, now()).await?
    };
    archive.store.close().await;
    if global.json {
        output::json(&json!({ "dry_run": dry_run, "pruned": pruned }));
        return Ok(());
    }
    let rows = pruned.rows;
    let counts = [
        ("calls", rows.calls),
        ("turns", rows.turns),
        ("refusals", rows.refusals),
        ("events", rows.events),
        ("sip messages", rows.sip),
        ("recordings", pruned.recordings),
        ("captures of sound", pruned.captures),
    ];
    let table: Vec<Vec<String>> = counts
        .iter()
        .map(|(what, count)| vec![(*what).to_owned(), count.to_string()])
        .collect();
    let heading = if dry_run { "WOULD GO" } else { "REMOVED" };
    output::text(&output::table(&["WHAT", heading], &table));
    Ok(())
}
