//! Which subscribers wait for the first packet of a track.
//!
//! The Go SDK tells its application of a track when the track's first packet comes, so that a
//! publisher who is muted or has not begun would be invisible to it. Such a subscriber is sent
//! silence until the publisher is heard, for as long as LiveKit's own server sends it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::ids::{MemberId, TrackId};

/// The publisher's own packets come first if it sends any.
const LET_IT_BEGIN: Duration = Duration::from_millis(100);
const FRAME: Duration = Duration::from_millis(20);
pub(super) const FRAMES_A_SECOND: u32 = 50;
/// Five seconds.
const FRAMES: u32 = 5 * FRAMES_A_SECOND;

/// Silence still to be sent.
#[derive(Debug)]
struct Opening {
    due: Instant,
    sent: u32,
}

/// The subscriptions that wait for their first packet.
#[derive(Debug, Default)]
pub(super) struct Openings(BTreeMap<(MemberId, TrackId), Opening>);

impl Openings {
    /// A subscription is on the air.
    pub(super) fn begin(&mut self, to: MemberId, track: TrackId, now: Instant) {
        let due = now + LET_IT_BEGIN;
        self.0.insert((to, track), Opening { due, sent: 0 });
    }

    /// A packet of the publisher's has come, or the subscription ended.
    pub(super) fn end(&mut self, to: MemberId, track: TrackId) {
        // Nearly always nobody waits, and this is asked for every packet.
        if !self.0.is_empty() {
            self.0.remove(&(to, track));
        }
    }

    /// A participant has left.
    pub(super) fn forget(&mut self, member: MemberId) {
        self.0.retain(|(to, _), _| *to != member);
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.0.values().map(|opening| opening.due).min()
    }

    /// Counts of the frames that are due, and what is over.
    pub(super) fn take(&mut self, now: Instant) -> Vec<(MemberId, TrackId, u32)> {
        let mut frames = Vec::new();
        self.0.retain(|(to, track), opening| {
            if opening.due <= now {
                frames.push((*to, *track, opening.sent));
                opening.sent += 1;
                opening.due = now.max(opening.due + FRAME);
            }
            opening.sent < FRAMES
        });
        frames
    }
}
