//! Where the session stands.

use std::time::{Duration, Instant};

use livekit_protocol as proto;
use livekit_protocol::signal_request::Message as Request;

/// Defaults where the join response names none.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(15);

/// Where the session stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// The shell opens the socket.
    Dialing {
        attempt: u32,
        resume: bool,
        deadline: Instant,
    },
    /// The socket is open; the first message decides.
    Greeting {
        attempt: u32,
        resume: bool,
        deadline: Instant,
    },
    /// Signalling works, media does not yet.
    Connecting {
        attempt: u32,
        resume: bool,
        deadline: Instant,
    },
    /// Everything works.
    Up,
    /// The next attempt is due at `until`.
    Waiting {
        attempt: u32,
        resume: bool,
        until: Instant,
    },
    /// Ended for good.
    Over,
}

impl Phase {
    /// Requests go out once the server has let us in; the last words also when it is over.
    pub(super) fn may_speak(&self) -> bool {
        matches!(self, Self::Connecting { .. } | Self::Up | Self::Over)
    }

    pub(super) fn deadline(&self) -> Option<(Instant, &'static str)> {
        match self {
            Self::Dialing { deadline, .. } => Some((*deadline, "dial timeout")),
            Self::Greeting { deadline, .. } => Some((*deadline, "greeting timeout")),
            Self::Connecting { deadline, .. } => Some((*deadline, "connect timeout")),
            Self::Waiting { until, .. } => Some((*until, "next attempt")),
            Self::Up | Self::Over => None,
        }
    }
}

/// Signs of life on the signal socket.
#[derive(Debug)]
pub(super) struct Pulse {
    start: Instant,
    pub(super) last_heard: Instant,
    pub(super) next_ping: Instant,
    interval: Duration,
    pub(super) timeout: Duration,
    rtt_ms: i64,
    /// `Some(resume)` while the connection is being restored.
    pub(super) reconnecting: Option<bool>,
    pub(super) joined_once: bool,
}

impl Pulse {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            start: now,
            last_heard: now,
            next_ping: now,
            interval: PING_INTERVAL,
            timeout: PING_TIMEOUT,
            rtt_ms: 0,
            reconnecting: None,
            joined_once: false,
        }
    }

    /// Takes over what the join response says about pings.
    pub(super) fn configure(&mut self, join: &proto::JoinResponse, now: Instant) {
        let seconds = |n: i32| {
            u64::try_from(n)
                .ok()
                .filter(|n| *n > 0)
                .map(Duration::from_secs)
        };
        self.interval = seconds(join.ping_interval).unwrap_or(PING_INTERVAL);
        self.timeout = seconds(join.ping_timeout).unwrap_or(PING_TIMEOUT);
        self.heard(now);
        self.next_ping = now + self.interval;
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.last_heard = now;
    }

    pub(super) fn pong(&mut self, pong: &proto::Pong, now: Instant) {
        self.rtt_ms = (self.millis(now) - pong.last_ping_timestamp).max(0);
    }

    pub(super) fn ping(&mut self, now: Instant) -> Request {
        self.next_ping = now + self.interval;
        Request::PingReq(proto::Ping {
            timestamp: self.millis(now),
            rtt: self.rtt_ms,
        })
    }

    /// Milliseconds of our own clock; the server only hands them back.
    fn millis(&self, now: Instant) -> i64 {
        let since = now.saturating_duration_since(self.start).as_millis();
        i64::try_from(since).unwrap_or(i64::MAX)
    }

    pub(super) fn deadline(&self) -> (Instant, &'static str) {
        let dead = (self.last_heard + self.timeout, "ping timeout");
        if dead.0 < self.next_ping {
            dead
        } else {
            (self.next_ping, "ping")
        }
    }
}
