//! Whom a publisher lets hear it, in a form that is quickly asked.

use std::collections::{BTreeMap, BTreeSet};

use super::config::Audience;

/// Who may hear a publisher.
#[derive(Debug, Default)]
pub(super) enum Admission {
    #[default]
    All,
    /// By identity or by session.
    Only(BTreeMap<String, Heard>),
}

/// What one listener may hear.
#[derive(Debug, Default)]
pub(super) struct Heard {
    all: bool,
    tracks: BTreeSet<String>,
}

impl From<Audience> for Admission {
    fn from(audience: Audience) -> Self {
        let Audience::Only(listeners) = audience else {
            return Self::All;
        };
        let mut only: BTreeMap<String, Heard> = BTreeMap::new();
        for listener in listeners {
            let heard = only.entry(listener.name).or_default();
            heard.all |= listener.all_tracks;
            heard.tracks.extend(listener.tracks);
        }
        Self::Only(only)
    }
}

impl Admission {
    /// Whether a listener, by its identity or its session, may hear a track.
    pub(super) fn admits(&self, listener: [&str; 2], track: &str) -> bool {
        let Self::Only(only) = self else { return true };
        let heard = listener.iter().filter_map(|name| only.get(*name));
        let mut this = heard.map(|heard| heard.all || heard.tracks.contains(track));
        this.any(|heard| heard)
    }
}
