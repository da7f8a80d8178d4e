use std::time::Duration;

use super::page::{FLAG_LAST, Pages};
use crate::SampleRate;
use crate::opus::packet::{self, PacketError};
use crate::opus::{CLOCK_HZ, Decoder, OpusError};

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is no whole Ogg page with an Opus header.
    #[error("not an ogg opus file")]
    NotOpus,
    /// It is Opus, but not two uncoupled streams.
    #[error("not a recording of two separate opus streams")]
    NotDual,
    /// It is Opus, but each packet holds several streams.
    #[error("opus file has several streams, a track carries one")]
    ManyStreams,
    /// The decoder does not work at the rate asked for.
    #[error(transparent)]
    Opus(#[from] OpusError),
}

/// Both sides as PCM, of equal length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stereo {
    /// Rate of both channels.
    pub rate: SampleRate,
    /// The caller.
    pub left: Vec<i16>,
    /// The agent.
    pub right: Vec<i16>,
}

/// What a file holds, read from its pages without decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// How long it plays.
    pub duration: Duration,
    /// Whether it was ended properly.
    pub complete: bool,
    /// Bytes up to the end of the last whole page; anything after is torn.
    pub whole_bytes: u64,
    /// 20 ms packets.
    pub packets: u64,
}

/// A recording in memory.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    pre_skip: u16,
    serial: u32,
}

impl<'a> Reader<'a> {
    /// Looks at the header.
    ///
    /// # Errors
    /// The bytes are no recording of ours.
    pub fn new(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let first = Pages::new(bytes).next().ok_or(ReadError::NotOpus)?;
        let packets = first.packets();
        let head = packets
            .first()
            .and_then(|packet| packet.strip_prefix(b"OpusHead"));
        let Some([version, channels, skip_low, skip_high, rest @ ..]) = head else {
            return Err(ReadError::NotOpus);
        };
        let layout = rest.get(6..11);
        if version >> 4 != 0 || *channels != 2 || layout != Some(&[1, 2, 0, 0, 1]) {
            return Err(ReadError::NotDual);
        }
        let pre_skip = u16::from_le_bytes([*skip_low, *skip_high]);
        Ok(Self {
            bytes,
            pre_skip,
            serial: first.serial,
        })
    }

    /// Measures without decoding.
    #[must_use]
    pub fn measure(&self) -> Measured {
        let (mut granule, mut complete, mut whole_bytes, mut packets) = (0, false, 0, 0);
        for page in Pages::new(self.bytes).filter(|page| page.serial == self.serial) {
            whole_bytes = page.end as u64;
            complete |= page.flags & FLAG_LAST != 0;
            if page.granule > 0 && page.granule != u64::MAX {
                granule = page.granule;
                packets += page.packets().len() as u64;
            }
        }
        let played = granule.saturating_sub(u64::from(self.pre_skip));
        let micros = u128::from(played) * 1_000_000 / u128::from(CLOCK_HZ);
        let duration = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        Measured {
            duration,
            complete,
            whole_bytes,
            packets,
        }
    }

    /// Decodes both sides as a player would.
    ///
    /// # Errors
    /// The decoder does not work at `rate`.
    pub fn decode(&self, rate: SampleRate) -> Result<Stereo, ReadError> {
        let mut decoders = [Decoder::new(rate)?, Decoder::new(rate)?];
        let mut stereo = Stereo {
            rate,
            left: Vec::new(),
            right: Vec::new(),
        };
        for bytes in self.sound() {
            let slot = rate.samples_in_ms(20);
            let [left, right] = split(bytes).unwrap_or_default();
            let wanted = stereo.left.len() + slot;
            decode_one(&mut decoders[0], &left, wanted, &mut stereo.left);
            decode_one(&mut decoders[1], &right, wanted, &mut stereo.right);
        }
        let skip = usize::from(self.pre_skip) * rate.hz() as usize / CLOCK_HZ as usize;
        for channel in [&mut stereo.left, &mut stereo.right] {
            channel.drain(..skip.min(channel.len()));
        }
        Ok(stereo)
    }

    /// The audio packets. Our writer never lets one span pages, and neither does anything else keep
    /// 20 ms of speech from fitting one.
    fn sound(&self) -> impl Iterator<Item = &'a [u8]> {
        let serial = self.serial;
        Pages::new(self.bytes)
            .filter(move |page| page.serial == serial)
            .flat_map(|page| page.packets())
            .skip_while(|packet| packet.starts_with(b"OpusHead") || packet.starts_with(b"OpusTags"))
    }
}

/// Both streams' packets as a decoder takes them.
fn split(bytes: &[u8]) -> Result<[Vec<u8>; 2], PacketError> {
    let (frames, right) = packet::parse_self_delimited(bytes)?;
    let mut left = Vec::with_capacity(bytes.len());
    if let [frame] = frames.frames.as_slice() {
        packet::write_plain(frames.toc, frame, &mut left);
    } else {
        packet::write_many(frames.toc, &frames.frames, false, &mut left);
    }
    Ok([left, right.to_vec()])
}

/// Decodes one packet and makes the channel exactly `wanted` long.
fn decode_one(decoder: &mut Decoder, packet: &[u8], wanted: usize, out: &mut Vec<i16>) {
    match decoder.decode(packet) {
        Ok(pcm) => out.extend_from_slice(pcm),
        Err(_) => out.extend_from_slice(
            decoder
                .conceal(wanted.saturating_sub(out.len()))
                .unwrap_or_default(),
        ),
    }
    out.resize(wanted, 0);
}
