//! The way back to a state that was kept: what of it was the file's is wanted again, as it was to the
//! last field, and what the file made since is not. Others' things are left alone, and so are those
//! of another file. Pure.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_sip::routing::mark;

use super::entry::{Entry, Rule, with_password_of};
use super::plan::{There, Wanted, Written, named};
use super::sorted::Record;

/// A state that was kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Kept {
    /// With the passwords that were known then.
    pub(crate) there: There,
    /// What of it had been written from here, by id; `None` for what an older version kept.
    pub(crate) own: Option<BTreeSet<String>>,
}

impl Kept {
    /// What is there now.
    pub(crate) fn of(there: &There, written: &Written) -> Self {
        let mut own = BTreeSet::new();
        let there = There {
            trunks: whole(&there.trunks, &written.trunks, &mut own),
            outbound: whole(&there.outbound, &written.outbound, &mut own),
            rules: whole(&there.rules, &written.rules, &mut own),
        };
        let own = Some(own);
        Self { there, own }
    }

    fn is_own<E: Entry>(&self, entry: &E) -> bool {
        self.own.as_ref().is_none_or(|own| own.contains(entry.id()))
    }

    /// The file's own, by key.
    fn own<E: Entry>(&self, kept: &[E], written: &BTreeMap<String, Record<E>>) -> Vec<(String, E)> {
        let mine = kept.iter().filter(|entry| self.is_own(*entry));
        let marked = |entry: &E| {
            let key = mark::key(entry.metadata())?;
            let said = written.get(&key).and_then(|record| record.said.as_ref());
            let entry = match said {
                Some(said) => with_password_of(entry.clone(), said),
                None => entry.clone(),
            };
            Some((key, entry.with_id(String::new())))
        };
        mine.filter_map(marked).collect()
    }
}

/// Entries with the passwords that the book knows; notes which are in it.
fn whole<E: Entry>(
    there: &[E],
    written: &BTreeMap<String, Record<E>>,
    own: &mut BTreeSet<String>,
) -> Vec<E> {
    let one = |entry: &E| {
        let mut records = written.values();
        let Some(record) = records.find(|record| record.stored.id() == entry.id()) else {
            return entry.clone();
        };
        own.insert(entry.id().to_owned());
        match &record.said {
            Some(said) => with_password_of(entry.clone(), said),
            None => entry.clone(),
        }
    };
    there.iter().map(one).collect()
}

/// What is wanted, and what must count as written so that all of the file's own may be changed.
pub(crate) fn back(kept: &Kept, there: &There, written: &Written) -> (Wanted, Written) {
    let keys: BTreeMap<String, String> = kept
        .there
        .trunks
        .iter()
        .filter(|trunk| kept.is_own(*trunk))
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
    let rules: Vec<Rule> = kept.there.rules.iter().cloned().map(by_key).collect();
    let wanted = Wanted {
        trunks: kept.own(&kept.there.trunks, &written.trunks),
        outbound: kept.own(&kept.there.outbound, &written.outbound),
        rules: kept.own(&rules, &written.rules),
    };
    let written = Written {
        trunks: as_it_is(&there.trunks, &written.trunks),
        outbound: as_it_is(&there.outbound, &written.outbound),
        rules: as_it_is(&there.rules, &written.rules),
    };
    (wanted, written)
}

/// What was written from here, as if it had been written as it is now.
fn as_it_is<E: Entry>(
    there: &[E],
    written: &BTreeMap<String, Record<E>>,
) -> BTreeMap<String, Record<E>> {
    let as_now = |(key, record): (&String, &Record<E>)| {
        let entry = there.iter().find(|one| one.id() == record.stored.id())?;
        let said = match &record.said {
            Some(said) => with_password_of(entry.clone(), said),
            None => entry.clone(),
        };
        let record = Record {
            stored: entry.clone(),
            said: Some(said),
        };
        Some((key.clone(), record))
    };
    written.iter().filter_map(as_now).collect()
}
