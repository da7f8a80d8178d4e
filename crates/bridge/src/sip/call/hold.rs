//! A call on hold: since when, how long it may last, and what the room is told of it.
//!
//! The phone holds when it will not hear us (`sendonly`, `inactive`, `0.0.0.0`, port 0); it is muted
//! when it hears us and sends nothing (`recvonly`). Either way silence is no sign of its end, so the
//! watch over the media stands still, and a limit of its own takes its place.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::warn;
use trunkline_client::room::Room;
use trunkline_sip::sdp::{Agreement, Direction};

/// What the phone does with its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum PhoneLine {
    /// It talks and listens.
    #[default]
    Open,
    /// It listens.
    Muted,
    /// It does not listen; what it sends, if anything, is music.
    Held,
}

impl PhoneLine {
    pub(super) const fn of(agreement: &Agreement) -> Self {
        match agreement.direction {
            Direction::SendRecv => Self::Open,
            Direction::SendOnly => Self::Muted,
            Direction::RecvOnly | Direction::Inactive => Self::Held,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "none",
            Self::Muted => "muted",
            Self::Held => "held",
        }
    }
}

/// The line of one call.
pub(super) struct Hold {
    since: Option<Instant>,
    line: watch::Sender<PhoneLine>,
}

impl Hold {
    pub(super) fn new() -> Self {
        Self {
            since: None,
            line: watch::Sender::new(PhoneLine::Open),
        }
    }

    /// The sides agreed on this. A hold that is repeated or changes its spelling goes on.
    pub(super) fn agree(&mut self, line: PhoneLine, now: Instant) {
        self.since = match line {
            PhoneLine::Open => None,
            PhoneLine::Muted | PhoneLine::Held => Some(self.since.unwrap_or(now)),
        };
        self.line
            .send_if_modified(|known| std::mem::replace(known, line) != line);
    }

    /// Since when it lasts.
    pub(super) const fn since(&self) -> Option<Instant> {
        self.since
    }

    /// When it has lasted too long.
    pub(super) fn ends_at(&self, limit: Duration) -> Option<Instant> {
        Some(self.since? + limit)
    }

    /// Tells the room of every change, one after the other, until the call lets go of its hold.
    pub(super) fn tell(&self, room: Room) -> impl Future<Output = ()> + Send + use<> {
        let mut line = self.line.subscribe();
        async move {
            let mut told = PhoneLine::Open;
            loop {
                let now = *line.borrow_and_update();
                if now != told && set_hold(&room, now).await {
                    told = now;
                }
                let changed = line.changed();
                let changed = if now == told {
                    changed.await
                } else {
                    let news = tokio::time::timeout(AGAIN, changed).await;
                    news.unwrap_or(Ok(()))
                };
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

async fn set_hold(room: &Room, line: PhoneLine) -> bool {
    let change = BTreeMap::from([(ATTRIBUTE.to_owned(), line.as_str().to_owned())]);
    let done = tokio::time::timeout(PATIENCE, room.set_attributes(change)).await;
    let told = matches!(done, Ok(Ok(())));
    if !told {
        warn!(line = line.as_str(), "the room was not told of a hold");
    }
    told
}

/// The participant attribute that says it.
const ATTRIBUTE: &str = "sip.hold";

/// Between two tries: a room that comes back should know soon that the phone is back too.
const AGAIN: Duration = Duration::from_secs(1);

/// A room that takes longer is not there.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_runs_from_the_first_hold_and_ends_with_it() {
        let t0 = tokio::time::Instant::now().into_std();
        let limit = Duration::from_secs(1800);
        let later = |seconds| t0 + Duration::from_secs(seconds);
        let mut hold = Hold::new();
        assert_eq!(hold.ends_at(limit), None);
        hold.agree(PhoneLine::Held, later(5));
        for (line, at) in [
            (PhoneLine::Held, 60),
            (PhoneLine::Muted, 90),
            (PhoneLine::Held, 100),
        ] {
            hold.agree(line, later(at));
            assert_eq!(hold.ends_at(limit), Some(later(5) + limit));
        }
        hold.agree(PhoneLine::Open, later(200));
        assert_eq!(hold.ends_at(limit), None);
        hold.agree(PhoneLine::Muted, later(300));
        assert_eq!(hold.ends_at(limit), Some(later(300) + limit));
    }
}
