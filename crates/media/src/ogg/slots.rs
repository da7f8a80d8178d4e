//! One side of the file: frames waiting for their slot on the 20 ms grid.

use std::collections::BTreeMap;

use super::SLOT_48K;
use crate::opus::packet::{self, PacketError, Toc};

/// Why a packet cannot go into the file as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The bytes are no Opus packet.
    #[error(transparent)]
    BadPacket(#[from] PacketError),
    /// Its frames do not fit the grid: frames of 40 or 60 ms, which cannot be cut, or short frames
    /// whose configuration changes inside a slot. The track has to be encoded again.
    #[error("opus frames of this packet do not fit a 20 ms grid")]
    Unfit,
    /// Its time has already been written.
    #[error("packet came after its time was written")]
    Late,
    /// Its time is more than a minute ahead.
    #[error("packet lies too far in the future")]
    Far,
}

/// Slots that may wait: one minute. Past that a caller has lost its clock.
const MAX_AHEAD: u64 = 3_000;

/// What is in one slot: frames of one configuration that fill it, or part of it.
#[derive(Debug)]
struct Slot {
    toc: Toc,
    /// Index within the slot and bytes, in order of index.
    frames: Vec<(u64, Vec<u8>)>,
}

/// The frames of one side.
#[derive(Debug)]
pub(super) struct Slots {
    waiting: BTreeMap<u64, Slot>,
    last_toc: Toc,
    last_length: usize,
    missing: u32,
}

/// Full-band CELT, mono, 20 ms: what stands in for a track that has not spoken yet.
const UNHEARD: Toc = Toc(31 << 3);
/// A frame of [`UNHEARD`] that decodes to silence.
const SILENCE: [u8; 2] = [0xFF, 0xFE];
/// Missing frames left to the player's concealment. Decoders of speech keep on sounding without
/// end, so past this the silence is written out.
const CONCEALED: u32 = 5;
/// The same for a sender in DTX, which refreshes its comfort noise every 400 ms.
const CONCEALED_DTX: u32 = 25;
/// Frames before DTX are quiet, hence short: 20 ms at 8 kbit/s.
const DTX_LENGTH: usize = 20;

impl Slots {
    pub(super) fn new() -> Self {
        Self {
            waiting: BTreeMap::new(),
            last_toc: UNHEARD,
            last_length: 0,
            missing: 0,
        }
    }

    /// Puts the frames of a packet that starts at `at` (48 kHz) into their slots; `written` is the
    /// first slot still open.
    pub(super) fn push(&mut self, at: u64, bytes: &[u8], written: u64) -> Result<(), PushError> {
        let packet = packet::parse(bytes)?;
        let length = u64::from(packet.toc.frame_48k());
        if length > SLOT_48K {
            return Err(PushError::Unfit);
        }
        // Rounding to whole frames keeps consecutive packets in consecutive places.
        let first = (at + length / 2) / length;
        let per_slot = SLOT_48K / length;
        if first / per_slot > written + MAX_AHEAD {
            return Err(PushError::Far);
        }
        let mut late = true;
        for (index, frame) in (first..).zip(&packet.frames) {
            let slot = index / per_slot;
            if slot < written {
                continue;
            }
            late = false;
            if !frame.is_empty() {
                self.place(slot, index % per_slot, packet.toc, frame)?;
            }
        }
        if late { Err(PushError::Late) } else { Ok(()) }
    }

    fn place(&mut self, slot: u64, part: u64, toc: Toc, frame: &[u8]) -> Result<(), PushError> {
        let toc = toc.with_code(0);
        let held = self.waiting.entry(slot).or_insert_with(|| Slot {
            toc,
            frames: Vec::new(),
        });
        if held.toc != toc {
            // Two sources meet in one slot: the first keeps it.
            return if toc.frame_48k() == 960 && held.toc.frame_48k() == 960 {
                Ok(())
            } else {
                Err(PushError::Unfit)
            };
        }
        match held.frames.binary_search_by_key(&part, |(part, _)| *part) {
            Ok(_) => {}
            Err(place) => held.frames.insert(place, (part, frame.to_vec())),
        }
        Ok(())
    }

    /// Writes the packet of `slot`, or a one-byte stand-in when nothing came.
    pub(super) fn write(&mut self, slot: u64, self_delimited: bool, out: &mut Vec<u8>) -> bool {
        let Some(held) = self.waiting.remove(&slot) else {
            self.write_missing(self_delimited, out);
            return false;
        };
        self.missing = 0;
        self.last_length = held.frames.iter().map(|(_, frame)| frame.len()).sum();
        let length = u64::from(held.toc.frame_48k());
        // A stand-in lasts as long as one frame of its configuration, so a slot of short frames
        // that never filled up is written with the missing ones empty.
        if length == SLOT_48K {
            self.last_toc = held.toc;
            let frame = held.frames.first().map(|(_, frame)| frame.as_slice());
            self.write_one(frame.unwrap_or_default(), self_delimited, out);
        } else {
            let mut all: Vec<&[u8]> = vec![&[]; usize::try_from(SLOT_48K / length).unwrap_or(1)];
            for (part, frame) in &held.frames {
                let place = usize::try_from(*part)
                    .ok()
                    .and_then(|part| all.get_mut(part));
                if let Some(place) = place {
                    *place = frame;
                }
            }
            packet::write_many(held.toc, &all, self_delimited, out);
        }
        true
    }

    fn write_missing(&mut self, self_delimited: bool, out: &mut Vec<u8>) {
        self.missing += 1;
        let patience = if self.last_length <= DTX_LENGTH {
            CONCEALED_DTX
        } else {
            CONCEALED
        };
        let fade_out = self.last_length > 0 && self.missing > patience;
        if fade_out {
            self.last_toc = UNHEARD;
        }
        let frame: &[u8] = if fade_out { &SILENCE } else { &[] };
        self.write_one(frame, self_delimited, out);
    }

    fn write_one(&self, frame: &[u8], self_delimited: bool, out: &mut Vec<u8>) {
        if self_delimited {
            packet::write_self_delimited(self.last_toc, frame, out);
        } else {
            packet::write_plain(self.last_toc, frame, out);
        }
    }

    /// The slot after the last one waiting.
    pub(super) fn end(&self) -> u64 {
        self.waiting
            .last_key_value()
            .map_or(0, |(slot, _)| slot + 1)
    }
}
