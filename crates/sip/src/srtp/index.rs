//! Which packet this is, of all there ever were: 16 bits are sent, 48 count (RFC 3711 3.3.1), and
//! none is taken twice (3.3.2).

/// Where a stream of RTP is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rollover {
    /// The highest index that was authenticated.
    highest: Option<u64>,
}

impl Rollover {
    /// The index of a packet: the nearest one that ends in this sequence number.
    pub(super) fn index(self, sequence: u16) -> u64 {
        let sequence = u64::from(sequence);
        let Some(highest) = self.highest else {
            return sequence;
        };
        let (roc, last) = (highest >> 16, highest & 0xffff);
        let roc = if last < HALF && sequence > last + HALF {
            // Before the first packet of all there is none.
            roc.saturating_sub(u64::from(roc > 0))
        } else if last >= HALF && sequence < last - HALF {
            roc + 1
        } else {
            roc
        };
        (roc << 16) | sequence
    }

    pub(super) const fn highest(self) -> Option<u64> {
        self.highest
    }

    pub(super) fn advance(&mut self, index: u64) {
        self.highest = self.highest.max(Some(index));
    }
}

/// What has been taken of the latest packets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    highest: Option<u64>,
    /// Bit n: the packet n before the highest was taken.
    taken: u128,
}

impl Window {
    /// Nothing up to here is new.
    pub(super) const fn after(highest: u64) -> Self {
        Self {
            highest: Some(highest),
            taken: u128::MAX,
        }
    }

    pub(super) const fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// May this one be new? What is older than the window is not.
    pub(super) fn is_new(&self, index: u64) -> bool {
        let Some(highest) = self.highest else {
            return true;
        };
        let Some(back) = highest.checked_sub(index) else {
            return true;
        };
        back < u64::from(u128::BITS) && self.taken & (1 << back) == 0
    }

    pub(super) fn take(&mut self, index: u64) {
        let forward = match self.highest {
            None => u64::from(u128::BITS),
            Some(highest) if index >= highest => index - highest,
            Some(highest) => {
                let back = u32::try_from(highest - index).unwrap_or(u128::BITS);
                self.taken |= 1_u128.checked_shl(back).unwrap_or(0);
                return;
            }
        };
        let shift = u32::try_from(forward).unwrap_or(u128::BITS);
        self.taken = self.taken.checked_shl(shift).unwrap_or(0) | 1;
        self.highest = Some(index);
    }
}

const HALF: u64 = 0x8000;
