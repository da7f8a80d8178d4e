//! How far a server's clock is off, and the time to date its tokens by.

use std::time::Duration;

use trunkline_base::time::UnixTime;
use trunkline_base::token::LEEWAY;

/// A server whose clock is further off than this is not followed, but reported.
const FOLLOWED: Duration = Duration::from_secs(24 * 3600);

/// Two skews this near to each other date tokens alike.
const NEAR_MS: u64 = 30_000;

/// Milliseconds by which a server's clock is ahead of ours; none while tokens of ours are good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Skew(i64);

impl Skew {
    /// None when the clocks are as near as tokens allow, or further apart than is followed.
    pub(crate) fn between(server: UnixTime, ours: UnixTime) -> Self {
        let off = server.since(ours).max(ours.since(server));
        if off <= Duration::from_secs(LEEWAY) || off > FOLLOWED {
            return Self::default();
        }
        Self(server.millis_i64().saturating_sub(ours.millis_i64()))
    }

    pub(crate) fn is_none(self) -> bool {
        self == Self::default()
    }

    /// The server's time at ours.
    pub(crate) const fn at(self, ours: UnixTime) -> UnixTime {
        UnixTime(ours.0.saturating_add_signed(self.0))
    }

    /// Whether tokens by the other one would be dated alike.
    pub(crate) const fn is_near(self, other: Self) -> bool {
        self.0.abs_diff(other.0) <= NEAR_MS
    }

    /// Says in the log that tokens are dated by this from now on.
    pub(crate) fn tell(self) {
        match self.0 {
            0 => tracing::info!("this machine's clock is right again"),
            ahead => tracing::warn!(
                seconds_ahead = ahead / 1000,
                "the server's clock is not ours, and tokens follow it; set both by ntp"
            ),
        }
    }
}
