//! What a server has, told apart: the file's own by their mark or by what was remembered, others'.

use std::collections::BTreeMap;

use trunkline_sip::routing::mark;

use super::entry::{Entry, is_as_stored, with_password_of};

/// What was written under a key: as the server answered, and as the file said it.
#[derive(Clone, Debug)]
pub(crate) struct Record<E> {
    pub(crate) stored: E,
    /// Unknown of what an older version wrote.
    pub(crate) said: Option<E>,
}

/// One that the file made.
#[derive(Clone, Debug)]
pub(crate) struct Found<E> {
    pub(crate) entry: E,
    /// It is as the file wrote it.
    pub(crate) is_untouched: bool,
    /// What the file said of it then.
    pub(crate) said: Option<E>,
    /// It was written from here, and does not merely bear the mark of a file: two files may be
    /// applied to one server.
    pub(crate) is_remembered: bool,
}

impl<E: Entry> Found<E> {
    /// With the password that the server keeps to itself: it is believed to have the one it was
    /// given, and a replacement without it would take it away.
    pub(crate) fn whole(&self) -> E {
        match &self.said {
            Some(said) => with_password_of(self.entry.clone(), said),
            None => self.entry.clone(),
        }
    }
}

/// Everything of a kind that is there.
pub(crate) struct Sorted<E> {
    /// By the key that the file gave it.
    pub(crate) by_key: BTreeMap<String, Found<E>>,
    /// The file's too, under a key that is taken: two processes made it at the same time.
    pub(crate) doubles: Vec<(String, Found<E>)>,
    /// Made by others.
    pub(crate) others: Vec<E>,
}

impl<E: Entry> Sorted<E> {
    /// Tells the file's from others'. What is remembered is the file's whatever was made of its
    /// mark; what is not remembered is known by the mark alone, and is untouched if nobody has
    /// written it since it was created.
    pub(crate) fn sort(present: Vec<E>, written: &BTreeMap<String, Record<E>>) -> Self {
        let mut sorted = Self {
            by_key: BTreeMap::new(),
            doubles: Vec::new(),
            others: Vec::new(),
        };
        for entry in present {
            let record = written
                .iter()
                .find(|(_, one)| one.stored.id() == entry.id());
            let key = record
                .map(|(key, _)| key.clone())
                .or_else(|| mark::key(entry.metadata()));
            let Some(key) = key else {
                sorted.others.push(entry);
                continue;
            };
            let is_untouched = match record {
                Some((_, one)) => is_as_stored(&one.stored, &entry),
                None => entry.is_as_created(),
            };
            let is_the_one = record.is_some() || !sorted.by_key.contains_key(&key);
            let found = Found {
                entry,
                is_untouched,
                said: record.and_then(|(_, one)| one.said.clone()),
                is_remembered: record.is_some(),
            };
            if !is_the_one {
                sorted.doubles.push((key, found));
            } else if let Some(other) = sorted.by_key.insert(key.clone(), found) {
                sorted.doubles.push((key, other));
            }
        }
        sorted
    }

    /// One whose key alone was changed in the file keeps its id, which rules of others may name.
    /// Gives the key it had.
    pub(crate) fn adopt_renamed(
        &mut self,
        key: &str,
        wanted: &E,
        is_gone: impl Fn(&str) -> bool,
    ) -> Option<String> {
        if self.by_key.contains_key(key) {
            return None;
        }
        let old = self.by_key.iter().find(|(old, found)| {
            let renamed = found.whole().with_metadata_of(wanted);
            let as_wanted = super::fields::over(&renamed, wanted, found.said.as_ref());
            is_gone(old) && found.is_remembered && found.is_untouched && renamed == as_wanted
        });
        let old = old.map(|(old, _)| old.clone())?;
        let found = self.by_key.remove(&old)?;
        self.by_key.insert(key.to_owned(), found);
        Some(old)
    }
}
