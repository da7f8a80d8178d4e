//! Wrapping counters made endless.

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
