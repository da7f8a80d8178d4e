use super::page::{FLAG_FIRST, FLAG_LAST, PageBuilder};
use super::slots::{PushError, Slots};
use super::{PRE_SKIP, SLOT_48K};

/// Which channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The caller.
    Left,
    /// The agent.
    Right,
}

/// What the file says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Number of the logical stream; anything will do, but files that are joined should differ.
    pub serial: u32,
    /// Comments such as `("TITLE", "support")`, without personal data.
    pub tags: Vec<(String, String)>,
    /// Most packets a page holds; 0 means 50, which is a second.
    pub packets_per_page: u64,
}

/// Writes a call; see the module's description.
#[derive(Debug)]
pub struct DualOpusWriter {
    serial: u32,
    sequence: u32,
    packets_per_page: u64,
    page: PageBuilder,
    left: Slots,
    right: Slots,
    /// First slot that is not in a page yet.
    next: u64,
    out: Vec<u8>,
    packet: Vec<u8>,
    heard: [u64; 2],
    finished: bool,
}

const PAGE_PACKETS: u64 = 50;

impl DualOpusWriter {
    /// A writer whose header pages are ready to be taken.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        let packets_per_page = match options.packets_per_page {
            0 => PAGE_PACKETS,
            wanted => wanted.min(PAGE_PACKETS),
        };
        let mut writer = Self {
            serial: options.serial,
            sequence: 0,
            packets_per_page,
            page: PageBuilder::default(),
            left: Slots::new(),
            right: Slots::new(),
            next: 0,
            out: Vec::new(),
            packet: Vec::new(),
            heard: [0; 2],
            finished: false,
        };
        writer.page.push(&head());
        writer.write_page(FLAG_FIRST, 0);
        writer.page.push(&tags(&options.tags));
        writer.write_page(0, 0);
        writer
    }

    /// Places a packet whose sound starts `at` 48 kHz samples after the recording began.
    ///
    /// # Errors
    /// It is no Opus packet, does not fit the grid, or its time has been written already.
    pub fn push(&mut self, side: Side, at: u64, packet: &[u8]) -> Result<(), PushError> {
        let written = self.next;
        match side {
            Side::Left => self.left.push(at, packet, written),
            Side::Right => self.right.push(at, packet, written),
        }
    }

    /// Closes all slots that end at or before `until` (48 kHz samples): what has not come by now is
    /// missing.
    pub fn advance(&mut self, until: u64) {
        while !self.finished && (self.next + 1) * SLOT_48K <= until {
            self.close_slot();
            if self.next.is_multiple_of(self.packets_per_page) {
                self.flush_page();
            }
        }
    }

    /// Ends the page under construction, so that all closed slots can be taken.
    pub fn flush_page(&mut self) {
        if self.page.packets() > 0 && !self.finished {
            self.write_page(0, self.granule());
        }
    }

    /// Closes every slot in which something waits, and ends the stream. The last page is never
    /// empty, which some readers would complain about: it holds at least one slot of silence.
    pub fn finish(&mut self) {
        if self.finished {
            return;
        }
        let last = self.left.end().max(self.right.end()).saturating_sub(1);
        self.advance(last * SLOT_48K);
        if self.page.packets() == 0 || self.next <= last {
            self.close_slot();
        }
        self.write_page(FLAG_LAST, self.granule());
        self.finished = true;
    }

    /// The bytes of all pages ended since the last call, to be appended to the file.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Length of the file so far in 48 kHz samples, as a player counts it.
    #[must_use]
    pub fn played_48k(&self) -> u64 {
        self.granule().saturating_sub(u64::from(PRE_SKIP))
    }

    /// Slots in which each side had sound.
    #[must_use]
    pub fn heard(&self, side: Side) -> u64 {
        match side {
            Side::Left => self.heard[0],
            Side::Right => self.heard[1],
        }
    }

    fn close_slot(&mut self) {
        self.packet.clear();
        let slot = self.next;
        self.heard[0] += u64::from(self.left.write(slot, true, &mut self.packet));
        self.heard[1] += u64::from(self.right.write(slot, false, &mut self.packet));
        if !self.page.fits(&self.packet) {
            self.flush_page();
        }
        self.page.push(&self.packet);
        self.next += 1;
    }

    fn granule(&self) -> u64 {
        self.next * SLOT_48K
    }

    fn write_page(&mut self, flags: u8, granule: u64) {
        self.page
            .write((self.serial, self.sequence), flags, granule, &mut self.out);
        self.sequence = self.sequence.wrapping_add(1);
    }
}

/// The identification header: RFC 7845 section 5.1.
fn head() -> Vec<u8> {
    let mut head = b"OpusHead\x01\x02".to_vec();
    head.extend_from_slice(&PRE_SKIP.to_le_bytes());
    head.extend_from_slice(&48_000_u32.to_le_bytes());
    head.extend_from_slice(&[0, 0]);
    let (family, streams, coupled, mapping) = (1, 2, 0, [0, 1]);
    head.extend_from_slice(&[family, streams, coupled]);
    head.extend_from_slice(&mapping);
    head
}

/// The comment header: RFC 7845 section 5.2.
fn tags(tags: &[(String, String)]) -> Vec<u8> {
    let mut out = b"OpusTags".to_vec();
    let mut text = |value: &str| {
        out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(0).to_le_bytes());
        out.extend_from_slice(value.as_bytes());
    };
    text("trunkline");
    let lines: Vec<String> = tags
        .iter()
        .take(32)
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    out.extend_from_slice(&u32::try_from(lines.len()).unwrap_or(0).to_le_bytes());
    for line in &lines {
        out.extend_from_slice(&u32::try_from(line.len()).unwrap_or(0).to_le_bytes());
        out.extend_from_slice(line.as_bytes());
    }
    out
}
