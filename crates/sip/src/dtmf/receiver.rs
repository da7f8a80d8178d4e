//! Packets to keys. A key is one RTP timestamp: repeats, a missing marker and a missing end do no
//! harm, and every key is told once.

use std::time::{Duration, Instant};

/// A key went down or up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEvent {
    /// It went down.
    Down(char),
    /// It went up after this long.
    Up(char, Duration),
}

/// Follows one incoming event stream.
#[derive(Debug, Default)]
pub struct Receiver {
    current: Option<Current>,
    last_timestamp: Option<u32>,
}

#[derive(Debug)]
struct Current {
    key: char,
    timestamp: u32,
    duration: u16,
    heard: Instant,
}

impl Receiver {
    /// Nothing pressed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the payload of a telephone-event packet.
    pub fn on_packet(&mut self, timestamp: u32, payload: &[u8], now: Instant) -> Vec<KeyEvent> {
        let [event, flags, high, low, ..] = *payload else {
            return Vec::new();
        };
        let Some(key) = super::digit(event) else {
            return Vec::new();
        };
        let duration = u16::from_be_bytes([high, low]);
        let ended = flags & 0x80 != 0;
        let mut told = Vec::new();
        let same = self
            .current
            .as_ref()
            .is_some_and(|current| current.timestamp == timestamp);
        if !same {
            // An old event's late repeat, or a packet older than what we have, is no new key.
            let old = self
                .last_timestamp
                .is_some_and(|last| timestamp.wrapping_sub(last).cast_signed() <= 0);
            if old {
                return told;
            }
            told.extend(self.release());
            told.push(KeyEvent::Down(key));
            self.last_timestamp = Some(timestamp);
            self.current = Some(Current {
                key,
                timestamp,
                duration,
                heard: now,
            });
        }
        if let Some(current) = &mut self.current {
            current.duration = current.duration.max(duration);
            current.heard = now;
        }
        if ended {
            told.extend(self.release());
        }
        told
    }

    /// All three end packets may be lost: after a pause the key counts as up.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<KeyEvent> {
        let stale = self.poll_timeout().is_some_and(|at| at <= now);
        if stale { self.release() } else { None }
    }

    /// When to look again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.current
            .as_ref()
            .map(|current| current.heard + LOST_END)
    }

    fn release(&mut self) -> Option<KeyEvent> {
        let current = self.current.take()?;
        let micros = u64::from(current.duration) * 125;
        Some(KeyEvent::Up(current.key, Duration::from_micros(micros)))
    }
}

/// Longer than the pauses of any sender that still holds the key.
const LOST_END: Duration = Duration::from_millis(200);
