//! The structure of an Opus packet without decoding it: RFC 6716 section 3 and appendix B.

/// The configuration half of a packet's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Toc(pub u8);

impl Toc {
    /// Length of one frame in samples at 48 kHz.
    #[must_use]
    pub const fn frame_48k(self) -> u32 {
        let config = self.0 >> 3;
        match config {
            0..=11 => match config & 3 {
                0 => 480,
                1 => 960,
                2 => 1920,
                _ => 2880,
            },
            12..=15 => 480 << (config & 1),
            _ => 120 << (config & 3),
        }
    }

    /// Whether frames are coded as stereo.
    #[must_use]
    pub const fn stereo(self) -> bool {
        self.0 & 0b100 != 0
    }

    /// How the frames are packed: 0 one, 1 two equal, 2 two different, 3 any number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0 & 0b11
    }

    /// The same configuration with another packing.
    #[must_use]
    pub const fn with_code(self, code: u8) -> Self {
        Self((self.0 & !0b11) | (code & 0b11))
    }
}

/// Why bytes are no Opus packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Nothing at all.
    #[error("empty opus packet")]
    Empty,
    /// A length points past the end.
    #[error("opus packet is cut short")]
    Truncated,
    /// Frames of unequal length where equal ones were promised, or too long a packet.
    #[error("opus packet is inconsistent")]
    Inconsistent,
}

/// One frame may not be longer than this: RFC 6716 section 3.4, R2.
pub const MAX_FRAME: usize = 1275;
/// A packet may not last longer than this: 120 ms.
const MAX_PACKET_48K: u32 = 5760;

/// The frames of a packet; an empty frame is one that was not sent (DTX).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frames<'a> {
    /// The configuration all frames share.
    pub toc: Toc,
    /// The frames' bytes, in order.
    pub frames: Vec<&'a [u8]>,
}

/// How long a packet lasts at 48 kHz, read from its first two bytes; `None` if that is no packet.
#[must_use]
pub fn duration_samples_48k(packet: &[u8]) -> Option<u32> {
    let toc = Toc(*packet.first()?);
    let count = match toc.code() {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(*packet.get(1)? & 0x3F),
    };
    let samples = toc.frame_48k() * count;
    (1..=MAX_PACKET_48K).contains(&samples).then_some(samples)
}

/// Whether a packet carries nothing audible: only a TOC byte, or a DTX frame of libopus.
#[must_use]
pub fn is_dtx(packet: &[u8]) -> bool {
    packet.len() <= 2
}

/// Splits a packet into its frames.
///
/// # Errors
/// The bytes break one of the rules of RFC 6716 section 3.4.
pub fn parse(packet: &[u8]) -> Result<Frames<'_>, PacketError> {
    let (&first, body) = packet.split_first().ok_or(PacketError::Empty)?;
    let toc = Toc(first);
    let frames = match toc.code() {
        0 => vec![body],
        1 => halves(body)?,
        2 => {
            let (length, rest) = read_length(body)?;
            let (one, two) = rest
                .split_at_checked(length)
                .ok_or(PacketError::Truncated)?;
            vec![one, two]
        }
        _ => many(toc, body)?,
    };
    if frames.iter().any(|frame| frame.len() > MAX_FRAME) {
        return Err(PacketError::Inconsistent);
    }
    Ok(Frames { toc, frames })
}

/// Appends one frame as a self-delimited packet: RFC 6716 appendix B, code 0.
pub fn write_self_delimited(toc: Toc, frame: &[u8], out: &mut Vec<u8>) {
    out.push(toc.with_code(0).0);
    write_length(frame.len().min(MAX_FRAME), out);
    out.extend_from_slice(frame.get(..frame.len().min(MAX_FRAME)).unwrap_or_default());
}

/// Appends one frame as an ordinary packet: code 0.
pub fn write_plain(toc: Toc, frame: &[u8], out: &mut Vec<u8>) {
    out.push(toc.with_code(0).0);
    out.extend_from_slice(frame);
}

/// Appends several frames of one configuration as an ordinary or a self-delimited packet: code 3,
/// variable bit rate.
pub fn write_many(toc: Toc, frames: &[&[u8]], self_delimited: bool, out: &mut Vec<u8>) {
    out.push(toc.with_code(3).0);
    let count = u8::try_from(frames.len().min(48)).unwrap_or(48);
    out.push(0x80 | count);
    let listed = if self_delimited {
        frames.len()
    } else {
        frames.len().saturating_sub(1)
    };
    for frame in frames.iter().take(listed) {
        write_length(frame.len(), out);
    }
    for frame in frames {
        out.extend_from_slice(frame);
    }
}

/// Reads one self-delimited packet from the front, giving its frames and what follows it.
///
/// # Errors
/// The bytes break one of the rules of RFC 6716 appendix B.
pub fn parse_self_delimited(bytes: &[u8]) -> Result<(Frames<'_>, &[u8]), PacketError> {
    let (&first, body) = bytes.split_first().ok_or(PacketError::Empty)?;
    let toc = Toc(first);
    let (lengths, padding, body) = match toc.code() {
        0 => {
            let (length, rest) = read_length(body)?;
            (vec![length], 0, rest)
        }
        1 => {
            let (length, rest) = read_length(body)?;
            (vec![length; 2], 0, rest)
        }
        2 => {
            let (one, rest) = read_length(body)?;
            let (two, rest) = read_length(rest)?;
            (vec![one, two], 0, rest)
        }
        _ => {
            let head = ManyHead::read(toc, body)?;
            let listed = if head.variable { head.count } else { 1 };
            let (mut lengths, rest) = read_lengths(head.rest, listed)?;
            if !head.variable {
                lengths = vec![lengths.first().copied().unwrap_or(0); head.count];
            }
            (lengths, head.padding, rest)
        }
    };
    let (frames, rest) = take_frames(body, &lengths)?;
    let rest = rest.get(padding..).ok_or(PacketError::Truncated)?;
    Ok((Frames { toc, frames }, rest))
}

struct ManyHead<'a> {
    count: usize,
    variable: bool,
    padding: usize,
    rest: &'a [u8],
}

impl<'a> ManyHead<'a> {
    fn read(toc: Toc, body: &'a [u8]) -> Result<Self, PacketError> {
        let (&head, mut rest) = body.split_first().ok_or(PacketError::Truncated)?;
        let count = usize::from(head & 0x3F);
        let samples = toc.frame_48k() * u32::from(head & 0x3F);
        if count == 0 || samples > MAX_PACKET_48K {
            return Err(PacketError::Inconsistent);
        }
        let mut padding = 0;
        if head & 0x40 != 0 {
            loop {
                let (&byte, after) = rest.split_first().ok_or(PacketError::Truncated)?;
                rest = after;
                padding += usize::from(if byte == 255 { 254 } else { byte });
                if byte != 255 {
                    break;
                }
            }
        }
        Ok(Self {
            count,
            variable: head & 0x80 != 0,
            padding,
            rest,
        })
    }
}

fn many(toc: Toc, body: &[u8]) -> Result<Vec<&[u8]>, PacketError> {
    let head = ManyHead::read(toc, body)?;
    if head.variable {
        let (mut lengths, rest) = read_lengths(head.rest, head.count - 1)?;
        let audio = rest
            .len()
            .checked_sub(head.padding)
            .ok_or(PacketError::Truncated)?;
        let listed: usize = lengths.iter().sum();
        lengths.push(audio.checked_sub(listed).ok_or(PacketError::Truncated)?);
        Ok(take_frames(rest, &lengths)?.0)
    } else {
        let audio = head
            .rest
            .len()
            .checked_sub(head.padding)
            .ok_or(PacketError::Truncated)?;
        if !audio.is_multiple_of(head.count) {
            return Err(PacketError::Inconsistent);
        }
        Ok(take_frames(head.rest, &vec![audio / head.count; head.count])?.0)
    }
}

fn halves(body: &[u8]) -> Result<Vec<&[u8]>, PacketError> {
    if !body.len().is_multiple_of(2) {
        return Err(PacketError::Inconsistent);
    }
    let (one, two) = body.split_at(body.len() / 2);
    Ok(vec![one, two])
}

fn take_frames<'a>(
    mut bytes: &'a [u8],
    lengths: &[usize],
) -> Result<(Vec<&'a [u8]>, &'a [u8]), PacketError> {
    let mut frames = Vec::with_capacity(lengths.len());
    for &length in lengths {
        let (frame, rest) = bytes
            .split_at_checked(length)
            .ok_or(PacketError::Truncated)?;
        frames.push(frame);
        bytes = rest;
    }
    Ok((frames, bytes))
}

fn read_lengths(mut bytes: &[u8], count: usize) -> Result<(Vec<usize>, &[u8]), PacketError> {
    let mut lengths = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, rest) = read_length(bytes)?;
        lengths.push(length);
        bytes = rest;
    }
    Ok((lengths, bytes))
}

/// RFC 6716 section 3.2.1: one byte up to 251, two bytes from 252.
fn read_length(bytes: &[u8]) -> Result<(usize, &[u8]), PacketError> {
    match bytes {
        [first, rest @ ..] if *first < 252 => Ok((usize::from(*first), rest)),
        [first, second, rest @ ..] => Ok((usize::from(*second) * 4 + usize::from(*first), rest)),
        _ => Err(PacketError::Truncated),
    }
}

fn write_length(length: usize, out: &mut Vec<u8>) {
    if let Some(byte) = u8::try_from(length).ok().filter(|byte| *byte < 252) {
        out.push(byte);
    } else {
        let first = 252 + (length & 3);
        let second = (length - first) / 4;
        out.extend([first, second].map(|value| u8::try_from(value).unwrap_or(u8::MAX)));
    }
}
