//! What stands where in a file: the mistakes that no single value shows.

use std::collections::BTreeMap;

use granit_parser::Event;

use super::report::Report;
use super::source::Source;

/// Follows a parser through a file.
#[derive(Default)]
pub(super) struct Outline {
    open: Vec<Level>,
    documents: usize,
}

enum Level {
    List,
    Section {
        /// Each key, and where it stands.
        keys: BTreeMap<String, usize>,
        /// Whether the next value is a key.
        key_next: bool,
    },
}

/// The key that brings the keys of another section in.
const MERGE: &str = "<<";

impl Outline {
    /// Looks at what begins at a byte of the file.
    pub(super) fn see(
        &mut self,
        event: &Event<'_>,
        at: usize,
        source: &Source,
        report: &mut Report,
    ) {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents == 2 {
                    let what = "a second document begins here";
                    let remedy = "a file holds one: take the line `---` out, or what follows it";
                    report.at(source, source.place_of(at), what, remedy.to_owned());
                }
            }
            Event::Scalar(value, ..) => {
                if let Some(first) = self.key(value, at) {
                    let line = source.place_of(first).line;
                    let what = format!("`{value}` is here twice, first in line {line}");
                    let remedy = "keep one of the two, and put what belongs to it together";
                    report.at(source, source.place_of(at), what, remedy.to_owned());
                }
                self.passed();
            }
            Event::Alias(..) => self.passed(),
            Event::SequenceStart(..) => {
                self.passed();
                self.open.push(Level::List);
            }
            Event::MappingStart(..) => {
                self.passed();
                self.open.push(Level::Section {
                    keys: BTreeMap::new(),
                    key_next: true,
                });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.open.pop();
            }
            _ => {}
        }
    }

    /// Notes a key. Where it was before, if it was.
    fn key(&mut self, value: &str, at: usize) -> Option<usize> {
        match self.open.last_mut() {
            Some(Level::Section {
                keys,
                key_next: true,
            }) if value != MERGE => keys.insert(value.to_owned(), at),
            _ => None,
        }
    }

    /// A key or a value has gone by, or begins.
    fn passed(&mut self) {
        if let Some(Level::Section { key_next, .. }) = self.open.last_mut() {
            *key_next = !*key_next;
        }
    }
}
