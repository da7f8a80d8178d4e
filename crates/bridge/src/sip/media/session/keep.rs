//! What a media task tells of its streams, so that another one may go on with them.

use super::super::super::desk::wall_clock;
use super::super::place::Place;
use super::{MediaEvent, MediaSession};

impl MediaSession {
    pub(super) fn go_on(&mut self, place: &Place) {
        self.outgoing.go_on(place);
        self.shield.go_on(place);
    }

    /// Once the call is up.
    pub(super) fn tell_place(&mut self) {
        if !self.clock.has_started() || self.phone.agreed.is_none() {
            return;
        }
        let (next, at) = (self.outgoing.next(), wall_clock());
        if !self.milestone.is_due(next, at) {
            return;
        }
        let place = self.outgoing.place(at, self.shield.reached());
        let told = MediaEvent::Reached(Box::new(place));
        if self.events.try_send(told).is_ok() {
            self.milestone.reached(next, at);
        }
    }
}
