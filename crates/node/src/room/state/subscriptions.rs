//! What one participant wants to hear, and what it has been given.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use trunkline_base::id::TrackSid;

/// Wishes and facts of one subscriber.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    /// Explicit wishes; without one the session's auto-subscribe decides.
    wishes: BTreeMap<TrackSid, bool>,
    /// Tracks wished for that do not exist, and since when.
    sought: BTreeMap<TrackSid, Instant>,
    active: BTreeSet<TrackSid>,
    disabled: BTreeSet<TrackSid>,
    allowed_told: BTreeMap<TrackSid, bool>,
}

/// What is to be done about one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Subscribe,
    Unsubscribe,
}

/// One track in the eyes of one subscriber.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// The subscriber may subscribe at all, and is a session that auto-subscribes.
    pub(crate) may_subscribe: bool,
    pub(crate) auto_subscribe: bool,
    /// The publisher allows this subscriber.
    pub(crate) permitted: bool,
}

impl Subscriptions {
    /// Notes a wish. Wishes are bounded: a client that names a thousand unknown tracks is wrong.
    pub(crate) fn wish(&mut self, track: TrackSid, wanted: bool, exists: bool, now: Instant) {
        if self.wishes.len() >= MAX_WISHES && !self.wishes.contains_key(&track) {
            return;
        }
        if wanted && !exists {
            self.sought.insert(track.clone(), now);
        } else {
            self.sought.remove(&track);
        }
        self.wishes.insert(track, wanted);
    }

    /// What to do about a live track now; remembers it as done.
    pub(crate) fn reconcile(&mut self, track: &TrackSid, view: View) -> Option<Step> {
        self.sought.remove(track);
        let wanted = self.wants(track, view.auto_subscribe) && view.may_subscribe && view.permitted;
        match (wanted, self.active.contains(track)) {
            (true, false) => {
                self.active.insert(track.clone());
                Some(Step::Subscribe)
            }
            (false, true) => {
                self.active.remove(track);
                Some(Step::Unsubscribe)
            }
            _ => None,
        }
    }

    /// Whether the subscriber has to be told if it is allowed: at the first resolution of a
    /// track it wants, and at each change.
    pub(crate) fn tell_allowed(&mut self, track: &TrackSid, view: View) -> Option<bool> {
        if !view.may_subscribe || !self.wants(track, view.auto_subscribe) {
            return None;
        }
        let told = self.allowed_told.insert(track.clone(), view.permitted);
        (told != Some(view.permitted)).then_some(view.permitted)
    }

    pub(crate) fn has(&self, track: &TrackSid) -> bool {
        self.active.contains(track)
    }

    pub(crate) fn active(&self) -> impl Iterator<Item = &TrackSid> {
        self.active.iter()
    }

    /// Turns a subscription's media off or on; `true` when that changes anything.
    pub(crate) fn set_disabled(&mut self, track: &TrackSid, disabled: bool) -> bool {
        if disabled {
            self.disabled.len() < MAX_WISHES && self.disabled.insert(track.clone())
        } else {
            self.disabled.remove(track)
        }
    }

    pub(crate) fn is_disabled(&self, track: &TrackSid) -> bool {
        self.disabled.contains(track)
    }

    /// The track is gone for good.
    pub(crate) fn forget(&mut self, track: &TrackSid) {
        self.active.remove(track);
        self.wishes.remove(track);
        self.sought.remove(track);
        self.disabled.remove(track);
        self.allowed_told.remove(track);
    }

    /// Tracks sought in vain until now; they are given up.
    pub(crate) fn give_up(&mut self, now: Instant) -> Vec<TrackSid> {
        let late: Vec<_> = self
            .sought
            .iter()
            .filter(|(_, since)| **since + SEEK_LIMIT <= now)
            .map(|(track, _)| track.clone())
            .collect();
        for track in &late {
            self.forget(track);
        }
        late
    }

    /// When the next search ends.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.sought.values().min().map(|since| *since + SEEK_LIMIT)
    }

    fn wants(&self, track: &TrackSid, auto_subscribe: bool) -> bool {
        self.wishes.get(track).copied().unwrap_or(auto_subscribe)
    }
}

/// How long a subscription waits for its track to appear.
const SEEK_LIMIT: Duration = Duration::from_secs(60);

/// Far above the tracks of the largest room we admit.
const MAX_WISHES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn sid(text: &str) -> TrackSid {
        TrackSid::parse(text).unwrap()
    }

    const AUTO: View = View { may_subscribe: true, auto_subscribe: true, permitted: true };

    #[test]
    fn auto_subscribes_once_and_a_wish_overrides() {
        let now = Instant::now();
        let mut subscriptions = Subscriptions::default();
        let track = sid("TR_1");
        assert_eq!(subscriptions.reconcile(&track, AUTO), Some(Step::Subscribe));
        assert_eq!(subscriptions.reconcile(&track, AUTO), None);
        subscriptions.wish(track.clone(), false, true, now);
        assert_eq!(subscriptions.reconcile(&track, AUTO), Some(Step::Unsubscribe));
    }

    #[test]
    fn a_later_grant_subscribes_what_was_wanted() {
        let mut subscriptions = Subscriptions::default();
        let track = sid("TR_1");
        let denied = View { permitted: false, ..AUTO };
        assert_eq!(subscriptions.tell_allowed(&track, denied), Some(false));
        assert_eq!(subscriptions.tell_allowed(&track, denied), None);
        assert_eq!(subscriptions.reconcile(&track, denied), None);
        assert_eq!(subscriptions.tell_allowed(&track, AUTO), Some(true));
        assert_eq!(subscriptions.reconcile(&track, AUTO), Some(Step::Subscribe));
    }

    #[test]
    fn a_track_that_never_comes_is_given_up_after_a_minute() {
        let start = Instant::now();
        let mut subscriptions = Subscriptions::default();
        subscriptions.wish(sid("TR_1"), true, false, start);
        assert!(subscriptions.give_up(start + Duration::from_secs(59)).is_empty());
        assert_eq!(subscriptions.deadline(), Some(start + SEEK_LIMIT));
        assert_eq!(subscriptions.give_up(start + SEEK_LIMIT), [sid("TR_1")]);
        assert_eq!(subscriptions.deadline(), None);
    }
}
