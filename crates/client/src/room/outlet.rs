//! Events on their way to whoever reads them. The room never waits for a slow reader: what does
//! not fit the lane waits here, bounded, and past the bound the least important is dropped.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc;

use super::RoomEvent;

/// Places in the lane itself.
pub(super) const EVENT_DEPTH: usize = 256;

/// Events kept back. A reader this far behind has stopped reading.
const BACKLOG: usize = 4096;

/// How long the end waits for a reader to take what is left.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Outlet {
    lane: mpsc::Sender<RoomEvent>,
    backlog: VecDeque<RoomEvent>,
    dropped: u64,
}

impl Outlet {
    pub(super) const fn new(lane: mpsc::Sender<RoomEvent>) -> Self {
        Self {
            lane,
            backlog: VecDeque::new(),
            dropped: 0,
        }
    }

    /// Passes an event on, in order.
    pub(super) fn push(&mut self, event: RoomEvent) {
        let event = if self.backlog.is_empty() {
            match self.lane.try_send(event) {
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => return,
                Err(mpsc::error::TrySendError::Full(event)) => event,
            }
        } else {
            event
        };
        let passing = matches!(event, RoomEvent::Speakers(_) | RoomEvent::Data(_));
        if self.backlog.len() >= BACKLOG || (passing && self.backlog.len() >= EVENT_DEPTH) {
            self.dropped += 1;
            if self.dropped.is_power_of_two() {
                tracing::warn!(dropped = self.dropped, "room events are not read");
            }
            return;
        }
        self.backlog.push_back(event);
    }

    /// Moves one kept event on when there is room; waits for ever when there is none to move.
    ///
    /// # Cancel safety
    /// Safe: an event is either in the lane or still kept.
    pub(super) async fn flush(&mut self) {
        if self.backlog.is_empty() {
            return std::future::pending().await;
        }
        match self.lane.reserve().await {
            Ok(place) => {
                if let Some(event) = self.backlog.pop_front() {
                    place.send(event);
                }
            }
            // Nobody reads any more.
            Err(_) => self.backlog.clear(),
        }
    }

    /// Delivers what is left and the last event.
    pub(super) async fn close(mut self, last: RoomEvent) {
        self.backlog.push_back(last);
        let delivering = async {
            for event in self.backlog.drain(..) {
                if self.lane.send(event).await.is_err() {
                    return;
                }
            }
        };
        drop(tokio::time::timeout(CLOSE_LIMIT, delivering).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speakers() -> RoomEvent {
        RoomEvent::Speakers(Vec::new())
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_loses_speakers_first_and_gets_the_rest_in_order() {
        let (lane, mut reader) = mpsc::channel(2);
        let mut outlet = Outlet::new(lane);
        outlet.push(RoomEvent::Reconnecting);
        for _ in 0..1000 {
            outlet.push(speakers());
        }
        outlet.push(RoomEvent::Reconnected);
        let mut seen = 0;
        loop {
            tokio::select! {
                biased;
                () = outlet.flush() => {}
                event = reader.recv() => match event {
                    Some(RoomEvent::Reconnected) => break,
                    Some(_) => seen += 1,
                    None => panic!("closed"),
                },
            }
        }
        assert!((EVENT_DEPTH..1000).contains(&seen), "{seen}");
    }
}
