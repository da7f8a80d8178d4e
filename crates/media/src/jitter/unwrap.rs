//! Wrapping counters made endless, and their time.

/// Follows a wrapping 16-bit sequence number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sequence(pub(super) i64);

impl Sequence {
    /// The endless number nearest to the newest one seen.
    pub(super) fn unwrap(self, seq: u16) -> i64 {
        let newest = u16::try_from(self.0 & 0xFFFF).unwrap_or(0);
        self.0 + i64::from(seq.wrapping_sub(newest).cast_signed())
    }
}

/// Follows a wrapping 32-bit timestamp.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticks(pub(super) i64);

impl Ticks {
    /// The endless number nearest to the newest one seen.
    pub(super) fn unwrap(self, timestamp: u32) -> i64 {
        let newest = u32::try_from(self.0 & 0xFFFF_FFFF).unwrap_or(0);
        self.0 + i64::from(timestamp.wrapping_sub(newest).cast_signed())
    }
}

/// How fast timestamps run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(pub(super) u32);

impl Clock {
    pub(super) fn ticks(self, nanos: i64) -> i64 {
        let ticks = i128::from(nanos) * i128::from(self.0) / i128::from(NANOS);
        i64::try_from(ticks).unwrap_or(0)
    }

    pub(super) fn nanos(self, ticks: i64) -> i64 {
        let nanos = i128::from(ticks) * i128::from(NANOS) / i128::from(self.0);
        i64::try_from(nanos).unwrap_or(if ticks < 0 {
            i64::MIN / 4
        } else {
            i64::MAX / 4
        })
    }
}

pub(super) fn low16(value: i64) -> u16 {
    u16::try_from(value & 0xFFFF).unwrap_or(0)
}

pub(super) fn low32(value: i64) -> u32 {
    u32::try_from(value & 0xFFFF_FFFF).unwrap_or(0)
}

pub(super) const NANOS: i64 = 1_000_000_000;
