//! Keys to packets: one every 20 ms while the key is down, then the end three times.

use std::collections::VecDeque;

/// One packet's worth; the caller adds sequence number and SSRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPacket {
    /// First packet of a key.
    pub marker: bool,
    /// The same for all packets of a key.
    pub timestamp: u32,
    /// The payload.
    pub payload: [u8; 4],
}

/// Plays keys one after another.
#[derive(Debug, Default)]
pub struct Sender {
    queue: VecDeque<Step>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Key(u8),
    Wait,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Down {
        code: u8,
        timestamp: u32,
        ticks: u16,
    },
    Ending {
        code: u8,
        timestamp: u32,
        duration: u16,
        left: u8,
    },
    Gap {
        ticks: u16,
        until: u16,
    },
}

impl Sender {
    /// Nothing to play.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds keys, with `w` for half a second between them; others are left out. Beyond 128 the rest
    /// is dropped.
    pub fn push(&mut self, digits: &str) {
        let steps = digits.chars().filter_map(|digit| match digit {
            'w' | 'W' => Some(Step::Wait),
            key => super::code(key).map(Step::Key),
        });
        self.queue
            .extend(steps.take(MAX_QUEUE.saturating_sub(self.queue.len())));
    }

    /// Is a key being played or waiting?
    pub fn is_active(&self) -> bool {
        !self.queue.is_empty() || !matches!(self.state, State::Idle)
    }

    /// What to send instead of audio in the frame that starts at `timestamp` and is
    /// `frame` samples long; `None` means audio (or silence) as usual.
    pub fn next(&mut self, timestamp: u32, frame: u16) -> Option<EventPacket> {
        loop {
            match &mut self.state {
                State::Idle => {
                    self.state = match self.queue.pop_front()? {
                        Step::Key(code) => State::Down {
                            code,
                            timestamp,
                            ticks: 0,
                        },
                        Step::Wait => State::Gap {
                            ticks: 0,
                            until: WAIT,
                        },
                    };
                }
                State::Down {
                    code,
                    timestamp,
                    ticks,
                } => {
                    let (code, timestamp) = (*code, *timestamp);
                    let marker = *ticks == 0;
                    *ticks = ticks.saturating_add(frame);
                    let duration = *ticks;
                    if duration >= TONE {
                        self.state = State::Ending {
                            code,
                            timestamp,
                            duration,
                            left: ENDS,
                        };
                        continue;
                    }
                    return Some(packet(code, timestamp, duration, marker, false));
                }
                State::Ending {
                    code,
                    timestamp,
                    duration,
                    left,
                } => {
                    let sent = packet(*code, *timestamp, *duration, false, true);
                    *left -= 1;
                    if *left == 0 {
                        self.state = State::Gap {
                            ticks: 0,
                            until: PAUSE,
                        };
                    }
                    return Some(sent);
                }
                State::Gap { ticks, until } => {
                    if *ticks >= *until {
                        self.state = State::Idle;
                        continue;
                    }
                    *ticks = ticks.saturating_add(frame);
                    return None;
                }
            }
        }
    }
}

fn packet(code: u8, timestamp: u32, duration: u16, marker: bool, end: bool) -> EventPacket {
    let [high, low] = duration.to_be_bytes();
    let flags = VOLUME | if end { 0x80 } else { 0 };
    EventPacket {
        marker,
        timestamp,
        payload: [code, flags, high, low],
    }
}

/// -10 dBm0, what everyone uses.
const VOLUME: u8 = 10;

/// 120 ms at 8 kHz: above the 40 ms every receiver must hear, below what feels slow.
const TONE: u16 = 960;

/// 60 ms between keys.
const PAUSE: u16 = 480;

/// Half a second, as LiveKit has it.
const WAIT: u16 = 4000;

/// The end is sent three times, since a lost one makes a long key.
const ENDS: u8 = 3;

/// Keys that may wait.
const MAX_QUEUE: usize = 128;
