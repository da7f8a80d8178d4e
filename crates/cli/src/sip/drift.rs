//! What is otherwise at a server than it was when it was applied. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::entry::{Entry, with_password_of};
use super::fields::{Field, differences};
use super::plan::{There, Written};
use super::sorted::Record;

/// One entry that is not as it was written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Drifted {
    pub(crate) what: &'static str,
    pub(crate) key: String,
    pub(crate) id: String,
    /// It is there no more.
    pub(crate) is_gone: bool,
    pub(crate) fields: Vec<Field>,
}

/// Everything that has changed since it was written.
pub(crate) fn drift(written: &Written, there: &There) -> Vec<Drifted> {
    let mut found = Vec::new();
    of(&written.trunks, &there.trunks, &mut found);
    of(&written.outbound, &there.outbound, &mut found);
    of(&written.rules, &there.rules, &mut found);
    found
}

fn of<E: Entry>(written: &BTreeMap<String, Record<E>>, there: &[E], found: &mut Vec<Drifted>) {
    for (key, record) in written {
        let id = record.stored.id();
        let now = there.iter().find(|one| one.id() == id);
        let fields = now.map(|now| {
            let now = with_password_of(now.clone(), &record.stored);
            differences(Some(&record.stored), Some(&now))
        });
        if fields.as_ref().is_some_and(Vec::is_empty) {
            continue;
        }
        found.push(Drifted {
            what: E::WHAT,
            key: key.clone(),
            id: id.to_owned(),
            is_gone: fields.is_none(),
            fields: fields.unwrap_or_default(),
        });
    }
}
