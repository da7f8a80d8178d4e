//! Sections of ours that carry nothing any more, and what they carried.
//!
//! A section is used again, but not for a track it has carried: LiveKit's native SDKs hand a track
//! over once for each pair of section and stream, so that one which came back to its own section
//! would never be heard again.

use std::collections::{BTreeMap, VecDeque};

use super::section::{MediaKind, Mid};

/// Tracks remembered per section, so that one which many come and go on does not grow for ever.
const MEMORY: usize = 32;
/// Sections lying idle from which on any of them will do: somebody who asks for one track over and
/// over must not make descriptions grow without end.
const PLENTY: usize = 64;

#[derive(Debug, Default)]
pub(super) struct IdleSections {
    free: BTreeMap<Mid, MediaKind>,
    carried: BTreeMap<Mid, VecDeque<String>>,
}

impl IdleSections {
    /// A section's sender has left; it may not be taken yet.
    pub(super) fn remember(&mut self, mid: Mid, track: &str) {
        let carried = self.carried.entry(mid).or_default();
        if carried.len() == MEMORY {
            carried.pop_front();
        }
        carried.push_back(track.to_owned());
    }

    /// Sections that may be taken from now on.
    pub(super) fn extend(&mut self, sections: impl IntoIterator<Item = (Mid, MediaKind)>) {
        self.free.extend(sections);
    }

    /// Forgets sections that cannot be used any more.
    pub(super) fn retain(&mut self, usable: impl Fn(Mid) -> bool) {
        self.free.retain(|mid, _| usable(*mid));
        self.carried.retain(|mid, _| usable(*mid));
    }

    /// A section for a track.
    pub(super) fn take(&mut self, wanted: MediaKind, track: &str) -> Option<Mid> {
        let of_kind = || self.free.iter().filter(|(_, kind)| **kind == wanted);
        let carried = |mid| {
            let tracks = self.carried.get(mid);
            tracks.is_some_and(|tracks| tracks.iter().any(|t| t == track))
        };
        let new_to_it = of_kind().find(|(mid, _)| !carried(*mid));
        let any = || of_kind().next().filter(|_| self.free.len() >= PLENTY);
        let mid = new_to_it.or_else(any).map(|(mid, _)| *mid)?;
        self.free.remove(&mid);
        Some(mid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(mid: &str, tracks: &[&str]) -> IdleSections {
        let mut sections = IdleSections::default();
        sections.extend([(mid.into(), MediaKind::Audio)]);
        for track in tracks {
            sections.remember(mid.into(), track);
        }
        sections
    }

    #[test]
    fn a_section_is_taken_once_by_its_kind_and_by_a_track_new_to_it() {
        let mut sections = idle("1", &["ann"]);
        assert_eq!(sections.take(MediaKind::Audio, "ann"), None);
        assert_eq!(sections.take(MediaKind::Video, "bob"), None);
        assert_eq!(sections.take(MediaKind::Audio, "bob"), Some("1".into()));
        assert_eq!(sections.take(MediaKind::Audio, "eve"), None);
    }

    #[test]
    fn what_a_section_carried_is_remembered_within_bounds() {
        let names: Vec<String> = (0..=MEMORY).map(|n| n.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut sections = idle("1", &names);
        assert_eq!(sections.take(MediaKind::Audio, names[MEMORY]), None);
        assert_eq!(
            sections.take(MediaKind::Audio, names[0]),
            Some("1".into()),
            "the oldest is forgotten"
        );
    }

    #[test]
    fn of_plenty_any_will_do() {
        let mut sections = IdleSections::default();
        for n in 0..PLENTY {
            let mid = Mid::from(n.to_string().as_str());
            sections.remember(mid, "ann");
            sections.extend([(mid, MediaKind::Audio)]);
        }
        assert!(sections.take(MediaKind::Audio, "ann").is_some());
        assert_eq!(sections.take(MediaKind::Audio, "ann"), None, "one too few");
    }
}
