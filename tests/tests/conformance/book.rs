//! What was seen in one run, and its end: nothing may differ but what is known to.

use std::collections::{BTreeMap, BTreeSet};

use crate::differences::DIFFERENCES;
use crate::rpc::Encoding;
use crate::target::Target;
use crate::world::World;

/// The notes of one suite.
pub(crate) struct Book {
    pub(crate) target: Target,
    title: &'static str,
    stories: usize,
    cases: BTreeSet<String>,
    surprises: BTreeMap<String, Surprise>,
}

struct Surprise {
    encoding: Encoding,
    expected: String,
    found: String,
}

impl Book {
    /// Opens the suite of this title.
    pub(crate) fn open(title: &'static str) -> Self {
        Self {
            target: Target::open(),
            title,
            stories: 0,
            cases: BTreeSet::new(),
            surprises: BTreeMap::new(),
        }
    }

    /// The next story, in a room of its own.
    pub(crate) fn world(&mut self, encoding: Encoding) -> World<'_> {
        self.stories += 1;
        let room = format!("conf-{}-{:08x}", self.stories, rand::random::<u32>());
        World::new(self, encoding, room)
    }

    /// Notes one case; `wrong` says what was answered instead.
    pub(crate) fn note(
        &mut self,
        case: &str,
        encoding: Encoding,
        expected: String,
        wrong: Option<String>,
    ) {
        let case = format!("{}: {case}", self.title);
        self.cases.insert(case.clone());
        if let Some(found) = wrong {
            let surprise = Surprise {
                encoding,
                expected,
                found,
            };
            self.surprises.entry(case).or_insert(surprise);
        }
    }

    /// The end of the suite.
    ///
    /// # Panics
    /// When an answer differs that is not known to, or one does not that is.
    pub(crate) fn close(self) {
        let known = |case: &str| {
            let mut all = DIFFERENCES.iter().filter(|_| self.target.ours);
            all.find(|known| known.case == case)
        };
        let mut report = Vec::new();
        for (case, surprise) in &self.surprises {
            match known(case) {
                Some(known) if known.ours == surprise.found => {}
                Some(known) => report.push(format!(
                    "{case}\n  known to answer {}\n  answers         {}",
                    known.ours, surprise.found
                )),
                None => report.push(format!(
                    "{case} ({:?})\n  expected {}\n  answered {}",
                    surprise.encoding, surprise.expected, surprise.found
                )),
            }
        }
        let of_this = |case: &str| {
            let rest = case.strip_prefix(self.title);
            rest.is_some_and(|rest| rest.starts_with(": "))
        };
        for known in DIFFERENCES.iter().filter(|known| of_this(known.case)) {
            if !self.cases.contains(known.case) {
                report.push(format!("{}\n  is no case any more", known.case));
            } else if self.target.ours && !self.surprises.contains_key(known.case) {
                report.push(format!("{}\n  does not differ any more", known.case));
            }
        }
        assert!(
            report.is_empty(),
            "{} of {} cases:\n{}\n",
            report.len(),
            self.cases.len(),
            report.join("\n")
        );
    }
}
