//! Ogg pages: RFC 3533.

/// Most bytes of a page: 27 of head, 255 lacing values, 255 times 255 of body.
const MAX_SEGMENTS: usize = 255;
const HEAD: usize = 27;
const CAPTURE: &[u8; 4] = b"OggS";

const FLAG_CONTINUES: u8 = 1;
pub(super) const FLAG_FIRST: u8 = 2;
pub(super) const FLAG_LAST: u8 = 4;

/// A page under construction; packets never span pages.
#[derive(Debug, Default)]
pub(super) struct PageBuilder {
    lacing: Vec<u8>,
    body: Vec<u8>,
    packets: usize,
}

impl PageBuilder {
    /// Whether `packet` still fits.
    pub(super) fn fits(&self, packet: &[u8]) -> bool {
        self.lacing.len() + packet.len() / 255 < MAX_SEGMENTS
    }

    pub(super) fn push(&mut self, packet: &[u8]) {
        let full = packet.len() / 255;
        self.lacing.extend(std::iter::repeat_n(255, full));
        self.lacing
            .push(u8::try_from(packet.len() % 255).unwrap_or(0));
        self.body.extend_from_slice(packet);
        self.packets += 1;
    }

    /// The start of a packet that ends in the next page: whole segments of 255 bytes.
    #[cfg(test)]
    pub(super) fn push_open(&mut self, start: &[u8]) {
        self.lacing
            .extend(std::iter::repeat_n(255, start.len() / 255));
        self.body.extend_from_slice(start);
    }

    pub(super) fn packets(&self) -> usize {
        self.packets
    }

    /// Appends the page to `out` and starts the next one.
    pub(super) fn write(
        &mut self,
        (serial, sequence): (u32, u32),
        flags: u8,
        granule: u64,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        out.extend_from_slice(CAPTURE);
        out.push(0);
        out.push(flags);
        out.extend_from_slice(&granule.to_le_bytes());
        out.extend_from_slice(&serial.to_le_bytes());
        out.extend_from_slice(&sequence.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.push(u8::try_from(self.lacing.len()).unwrap_or(u8::MAX));
        out.append(&mut self.lacing);
        out.append(&mut self.body);
        self.packets = 0;
        let sum = checksum(0, out.get(start..).unwrap_or_default());
        if let Some(field) = out.get_mut(start + 22..start + 26) {
            field.copy_from_slice(&sum.to_le_bytes());
        }
    }
}

/// A page as read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    pub(super) flags: u8,
    pub(super) granule: u64,
    pub(super) serial: u32,
    lacing: &'a [u8],
    body: &'a [u8],
    /// Where it ends in the file.
    pub(super) end: usize,
}

impl<'a> Page<'a> {
    /// Whether its first bytes end a packet of the page before.
    pub(super) fn continues(&self) -> bool {
        self.flags & FLAG_CONTINUES != 0
    }

    /// The packets that lie wholly in this page.
    pub(super) fn packets(&self) -> Vec<&'a [u8]> {
        self.pieces().0
    }

    /// The pieces that end in this page, and the start of a packet that ends in the next.
    pub(super) fn pieces(&self) -> (Vec<&'a [u8]>, &'a [u8]) {
        let (mut packets, mut at, mut length) = (Vec::new(), 0, 0);
        for &value in self.lacing {
            length += usize::from(value);
            if value < 255 {
                packets.push(self.body.get(at..at + length).unwrap_or_default());
                at += length;
                length = 0;
            }
        }
        (packets, self.body.get(at..).unwrap_or_default())
    }
}

/// The pages of a file in order. Damage is skipped to the next whole page; a torn end is the end.
#[derive(Debug)]
pub(super) struct Pages<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Pages<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

impl<'a> Iterator for Pages<'a> {
    type Item = Page<'a>;

    fn next(&mut self) -> Option<Page<'a>> {
        loop {
            let rest = self.bytes.get(self.at..)?;
            let found = rest
                .windows(CAPTURE.len())
                .position(|window| window == CAPTURE)?;
            self.at += found;
            if let Some(page) = read(self.bytes, self.at) {
                self.at = page.end;
                return Some(page);
            }
            self.at += 1;
        }
    }
}

fn read(bytes: &[u8], at: usize) -> Option<Page<'_>> {
    let head = bytes.get(at..at + HEAD)?;
    let segments = usize::from(*head.get(26)?);
    let lacing = bytes.get(at + HEAD..at + HEAD + segments)?;
    let length: usize = lacing.iter().map(|&value| usize::from(value)).sum();
    let start = at + HEAD + segments;
    let body = bytes.get(start..start + length)?;
    let end = start + length;
    let stored = u32::from_le_bytes(head.get(22..26)?.try_into().ok()?);
    let before = checksum(0, head.get(..22)?);
    let sum = checksum(checksum(before, &[0; 4]), bytes.get(at + 26..end)?);
    if sum != stored || *head.get(4)? != 0 {
        return None;
    }
    Some(Page {
        flags: *head.get(5)?,
        granule: u64::from_le_bytes(head.get(6..14)?.try_into().ok()?),
        serial: u32::from_le_bytes(head.get(14..18)?.try_into().ok()?),
        lacing,
        body,
        end,
    })
}

/// Ogg's own CRC: polynomial 0x04C11DB7, most significant bit first, nothing inverted.
fn checksum(start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |sum, &byte| {
        let index = usize::from(sum.to_be_bytes()[0] ^ byte);
        (sum << 8) ^ TABLE[index]
    })
}

const TABLE: [u32; 256] = {
    let mut table = [0_u32; 256];
    let mut index = 0_u32;
    while index < 256 {
        let mut value = index << 24;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 0x8000_0000 != 0 {
                (value << 1) ^ 0x04C1_1DB7
            } else {
                value << 1
            };
            bit += 1;
        }
        table[index as usize] = value;
        index += 1;
    }
    table
};
