//! Whom a publisher lets hear it, in a form that is quickly asked.

use std::collections::{BTreeMap, BTreeSet};

use super::config::Audience;
use super::member::Member;
use super::track::Track;

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
    pub(super) fn admits(&self, member: &Member, track: &Track) -> bool {
        let Self::Only(only) = self else { return true };
        let names = [member.identity.as_str(), member.sid.as_str()];
        let heard = names.iter().filter_map(|name| only.get(*name));
        let mut this = heard.map(|heard| heard.all || heard.tracks.contains(track.sid.as_str()));
        this.any(|heard| heard)
    }
}
