//! The way back to a state that was kept: what of it was the file's is wanted again, as it was to the
//! last field, and what the file made since is not. Others' things are left alone. Pure.

use std::collections::BTreeMap;

use trunkline_sip::routing::mark;

use super::entry::{Entry, Rule};
use super::plan::{There, Wanted, Written, named};
use super::sorted::Record;

/// What is wanted, and what must count as written so that all of the file's own may be changed.
pub(crate) fn back(kept: &There, there: &There) -> (Wanted, Written) {
    let keys: BTreeMap<String, String> = kept
        .trunks
        .iter()
        .filter_map(|trunk| {
            let key = mark::key(&trunk.metadata)?;
            Some((trunk.sip_trunk_id.clone(), named(&key)))
        })
        .collect();
    let by_key = |mut rule: Rule| {
        for id in &mut rule.trunk_ids {
            if let Some(key) = keys.get(id) {
                id.clone_from(key);
            }
        }
        rule
    };
    let rules: Vec<Rule> = kept.rules.iter().cloned().map(by_key).collect();
    let wanted = Wanted {
        trunks: own(&kept.trunks),
        outbound: own(&kept.outbound),
        rules: own(&rules),
    };
    let written = Written {
        trunks: as_it_is(&there.trunks),
        outbound: as_it_is(&there.outbound),
        rules: as_it_is(&there.rules),
    };
    (wanted, written)
}

fn own<E: Entry>(kept: &[E]) -> Vec<(String, E)> {
    let marked = |entry: &E| {
        let key = mark::key(entry.metadata())?;
        Some((key, entry.clone().with_id(String::new())))
    };
    kept.iter().filter_map(marked).collect()
}

fn as_it_is<E: Entry>(there: &[E]) -> BTreeMap<String, Record<E>> {
    let marked = |entry: &E| {
        let record = Record {
            stored: entry.clone(),
            said: Some(entry.clone()),
        };
        Some((mark::key(entry.metadata())?, record))
    };
    there.iter().filter_map(marked).collect()
}
