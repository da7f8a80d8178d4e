//! `store prune`.

use serde_json::json;

use super::{now, settings, store};
use crate::args::{Global, Store};
use crate::failure::Failure;
use crate::{output, retention};

pub(crate) async fn run(verb: Store, global: &Global) -> Result<(), Failure> {
    match verb {
        Store::Prune { dry_run } => prune(dry_run, global).await,
    }
}

async fn prune(dry_run: bool, global: &Global) -> Result<(), Failure> {
    let retention = settings(global)?.security.retention;
    let store = store(global).await?;
    let pruned = if dry_run {
        retention::expired(&store, &retention, now()).await?
    } else {
        retention::prune(&store, &retention, now()).await?
    };
    store.close().await;
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
        ("recordings", pruned.recordings),
    ];
    let table: Vec<Vec<String>> = counts
        .iter()
        .map(|(what, count)| vec![(*what).to_owned(), count.to_string()])
        .collect();
    let heading = if dry_run { "WOULD GO" } else { "REMOVED" };
    output::text(&output::table(&["WHAT", heading], &table));
    Ok(())
}
