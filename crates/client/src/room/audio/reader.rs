//! A remote track as PCM.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use trunkline_media::SampleRate;
use trunkline_media::jitter::Stats;
use trunkline_media::playout::{Codec, Heard, Stream};

use super::super::{MediaPacket, MediaReceiver};
use super::PcmError;

/// The frame everything here is counted in.
const FRAME: Duration = Duration::from_millis(20);

/// A listener further behind goes on with what comes now: less than wait for it, and what a caller may
/// wait for in turn.
const MOST_BEHIND: Duration = Duration::from_secs(1);

/// Reads a track as PCM: jitter buffer, Opus decoding, concealment, one frame each 20 ms.
pub struct PcmReader {
    packets: MediaReceiver,
    stream: Stream,
    rate: u32,
    pace: Interval,
    frame: Vec<i16>,
    heard: Heard,
    over: bool,
}

impl std::fmt::Debug for PcmReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PcmReader")
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}

impl PcmReader {
    /// Reads at `rate`: 8, 12, 16, 24 or 48 kHz.
    ///
    /// # Errors
    /// [`PcmError::Rate`] for another rate.
    pub fn new(packets: MediaReceiver, rate: u32) -> Result<Self, PcmError> {
        let refused = PcmError::Rate { rate };
        let hz = SampleRate::new(rate).map_err(|_| refused.clone())?;
        let stream = Stream::new(Codec::Opus, hz).map_err(|_| refused)?;
        let mut pace = interval_at(Instant::now() + FRAME, FRAME);
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        Ok(Self {
            packets,
            stream,
            rate,
            pace,
            frame: vec![0; hz.samples_in_ms(20)],
            heard: Heard::Idle,
            over: false,
        })
    }

    /// The sample rate.
    pub const fn rate(&self) -> u32 {
        self.rate
    }

    /// The next 20 ms, mono; nothing once the track is over.
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses neither packets nor a frame.
    pub async fn next_20ms(&mut self) -> Option<&[i16]> {
        // When the frame was due, not when it is asked for: a listener that was kept from listening
        // hears what came meanwhile as it came, and not as sound that is too old to be played.
        let due = loop {
            tokio::select! {
                biased;
                packet = self.packets.recv(), if !self.over => match packet {
                    Some(packet) => self.insert(packet),
                    None => self.over = true,
                },
                due = self.pace.tick() => break due,
            }
        };
        let due = self.not_too_far_behind(due);
        self.heard = self.stream.frame(due.into_std(), &mut self.frame);
        if self.over && self.heard == Heard::Idle {
            return None;
        }
        Some(&self.frame)
    }

    /// What the last frame was made of.
    pub const fn heard(&self) -> Heard {
        self.heard
    }

    /// What the jitter buffer has seen.
    pub fn stats(&self) -> Stats {
        self.stream.stats()
    }

    /// Packets that came and were not heard: too late, or more than wait for a reader.
    pub fn missed(&self) -> u64 {
        let stats = self.stream.stats();
        stats.late + stats.dropped + self.packets.dropped()
    }

    /// What was due too long ago is made up for no more.
    fn not_too_far_behind(&mut self, due: Instant) -> Instant {
        let now = Instant::now();
        if now.saturating_duration_since(due) <= MOST_BEHIND {
            return due;
        }
        self.pace.reset();
        now
    }

    fn insert(&mut self, packet: MediaPacket) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the wire's sixteen bits are wanted"
        )]
        let seq = packet.seq as u16;
        self.stream
            .insert((0, seq, packet.timestamp), packet.payload, packet.arrival);
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use bytes::Bytes;
    use futures::FutureExt as _;
    use trunkline_base::lane::lane;

    use super::*;

    fn packet(seq: u64) -> MediaPacket {
        MediaPacket {
            seq,
            timestamp: u32::try_from(seq).unwrap() * 960,
            marker: false,
            level: None,
            payload: Bytes::from_static(&[0xf8, 0xff, 0xfe]),
            arrival: Instant::now().into_std(),
            sender_report: None,
        }
    }

    /// Four seconds of a caller, while some packets of whom the listener does not run.
    async fn kept_from_listening(kept: Range<u64>) -> (PcmReader, usize) {
        let (sender, lane) = lane(64);
        let mut reader = PcmReader::new(MediaReceiver { lane }, 16_000).unwrap();
        let mut concealed = 0;
        for seq in 0..200 {
            sender.push(packet(seq));
            tokio::time::advance(FRAME).await;
            while !kept.contains(&seq) && reader.next_20ms().now_or_never().is_some() {
                concealed += usize::from(reader.heard() == Heard::Concealed);
            }
        }
        (reader, concealed)
    }

    /// Beside a busy machine an agent did not run for a third of a second in the middle of a caller's
    /// sentence, threw away what had come meanwhile, and answered another question.
    #[tokio::test(start_paused = true)]
    async fn what_came_while_the_listener_was_kept_from_listening_is_heard_to_the_last_frame() {
        let (reader, concealed) = kept_from_listening(40..60).await;
        let stats = reader.stats();
        assert_eq!((stats.lost, reader.missed(), concealed), (0, 0, 0));
        assert!(stats.played >= 198, "{}", stats.played);
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_in_too_long_a_while_is_missed_and_counted_and_the_rest_heard() {
        let (reader, _) = kept_from_listening(40..140).await;
        let stats = reader.stats();
        let heard = stats.played + reader.missed();
        assert!(reader.missed() >= 36, "{}", reader.missed());
        assert!((198..=200).contains(&heard), "{heard}");
    }
}
