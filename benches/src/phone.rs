//! A caller's end of the line: real SIP and RTP, one frame out and what came in every 20 ms, and a
//! log of when the agent was heard. All times count from the answer.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior, interval};
use trunkline_bridge::sip::{CallSummary, Caller, CallerOptions, HeardFrame, OutgoingCall};
use trunkline_media::level;

use crate::voices;

/// A frame.
pub const FRAME: Duration = Duration::from_millis(20);
/// Samples of it.
pub const SAMPLES: usize = 160;
/// The agent is heard in a frame at least this loud, in dBov: speech is far above, the gateway's
/// silence far below.
const LOUD: i8 = -50;
/// A loudspeaker's way to the microphone and the network's both ways.
const ECHO_DELAY: usize = 8 * 150;

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First sound.
    pub from: Duration,
    /// End of the last sound.
    pub to: Duration,
}

/// One answered call.
pub struct Phone {
    call: OutgoingCall,
    clock: Interval,
    answered: Instant,
    ear: Ear,
    echo: Option<Echo>,
    beat: Beat,
    /// Frames that came more than 20 ms after the beat of the ones before.
    pub late: usize,
    /// Frames that came.
    pub frames: usize,
}

impl Phone {
    /// Calls; nothing when nobody answers.
    pub async fn dial(target: &str, from: &str) -> Option<Self> {
        let call = Caller::call(CallerOptions::new(target, from)).await.ok()?;
        let mut clock = interval(FRAME);
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        Some(Self {
            call,
            clock,
            answered: Instant::now(),
            ear: Ear::default(),
            echo: None,
            beat: Beat::default(),
            late: 0,
            frames: 0,
        })
    }

    /// From here on the agent's own voice comes back, quieter by so many dB.
    pub fn echo(&mut self, db: f64) {
        self.echo = Some(Echo {
            gain: 10_f64.powf(db / 20.0),
            way: VecDeque::from(vec![0; ECHO_DELAY]),
        });
    }

    /// When the agent was heard.
    pub const fn ear(&self) -> &Ear {
        &self.ear
    }

    /// When something happens that happens now.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.answered.elapsed()
    }

    /// Says something and listens meanwhile; when it was to be heard. Nothing when the call ended.
    pub async fn say(&mut self, pcm: &[i16]) -> Option<Span> {
        let mut from = None;
        for frame in pcm.chunks(SAMPLES) {
            self.tick(frame).await?;
            from.get_or_insert_with(|| self.sent());
        }
        let heard = voices::audible(pcm);
        Some(Span {
            from: from? - FRAME + lasting(heard.start),
            to: self.sent() - lasting(pcm.len().next_multiple_of(SAMPLES) - heard.end),
        })
    }

    /// When the frame given last has been sent whole.
    fn sent(&self) -> Duration {
        self.now() + FRAME * u32::try_from(self.call.queued()).unwrap_or(0)
    }

    /// Presses a key.
    pub async fn press(&self, digits: &str) {
        self.call.dtmf(digits).await;
    }

    /// Says nothing for so long.
    pub async fn listen(&mut self, length: Duration) -> Option<()> {
        let until = self.now() + length;
        while self.now() < until {
            self.tick(&[]).await?;
        }
        Some(())
    }

    /// Listens until the agent has been heard for so long since `since`, pauses included.
    pub async fn hears(
        &mut self,
        since: Duration,
        length: Duration,
        limit: Duration,
    ) -> Option<()> {
        let end = self.now() + limit;
        loop {
            let begun = self.ear.first_after(since);
            if begun.is_some_and(|at| self.now() >= at + length) {
                return Some(());
            }
            if self.now() > end {
                return None;
            }
            self.tick(&[]).await?;
        }
    }

    /// Listens until the agent, heard since `since`, has been quiet for so long.
    pub async fn heard_out(
        &mut self,
        since: Duration,
        quiet: Duration,
        limit: Duration,
    ) -> Option<()> {
        let end = self.now() + limit;
        loop {
            let last = self.ear.last().filter(|last| *last > since);
            if last.is_some_and(|last| self.now() > last + quiet) {
                return Some(());
            }
            if self.now() > end {
                return None;
            }
            self.tick(&[]).await?;
        }
    }

    /// Hangs up.
    pub async fn hang_up(self) -> CallSummary {
        self.call.hangup().await
    }

    /// One frame: what is said goes out on the beat, what came in until then is noted.
    async fn tick(&mut self, said: &[i16]) -> Option<()> {
        loop {
            tokio::select! {
                biased;
                frame = self.call.recv() => self.note(&frame?),
                _ = self.clock.tick() => break,
            }
        }
        if said.is_empty() && self.echo.is_none() {
            // Silence is sent without asking; a queue that grew in a hurry empties meanwhile.
            return (!self.call.is_over()).then_some(());
        }
        let mut frame = [0; SAMPLES];
        for (to, from) in frame.iter_mut().zip(said) {
            *to = *from;
        }
        if let Some(echo) = &mut self.echo {
            echo.add(&mut frame);
        }
        self.call.send(&frame).await.then_some(())
    }

    fn note(&mut self, frame: &HeardFrame) {
        self.frames += 1;
        self.late += usize::from(self.beat.is_late(frame));
        let at = frame.arrival.saturating_duration_since(self.answered);
        self.ear.note(at, level::dbov(&frame.samples) >= LOUD);
        if let Some(echo) = &mut self.echo {
            echo.way.extend(&frame.samples);
        }
    }
}

/// How long so many samples last.
fn lasting(samples: usize) -> Duration {
    let samples = u32::try_from(samples).unwrap_or(u32::MAX);
    Duration::from_secs(1) * samples / voices::RATE.hz()
}

/// When the agent was heard, frame by frame.
#[derive(Clone, Debug, Default)]
pub struct Ear(Vec<(Duration, bool)>);

impl Ear {
    fn note(&mut self, at: Duration, loud: bool) {
        self.0.push((at, loud));
    }

    /// The agent's first sound from then on.
    #[must_use]
    pub fn first_after(&self, since: Duration) -> Option<Duration> {
        self.loud().find(|at| *at >= since)
    }

    /// The end of its last sound so far.
    #[must_use]
    pub fn last(&self) -> Option<Duration> {
        let (at, _) = self.0.iter().rfind(|(_, loud)| *loud)?;
        Some(*at + FRAME)
    }

    /// The end of the sound after which, from `since` on, it was quiet for so long.
    #[must_use]
    pub fn quiet_after(&self, since: Duration, length: Duration) -> Option<Duration> {
        let mut until = since;
        for at in self.loud().filter(|at| *at >= since) {
            if at > until + length {
                return Some(until);
            }
            until = at + FRAME;
        }
        let (end, _) = self.0.last()?;
        (*end >= until + length).then_some(until)
    }

    /// Whether it was heard in this stretch.
    #[must_use]
    pub fn within(&self, from: Duration, to: Duration) -> bool {
        self.loud().any(|at| at >= from && at < to)
    }

    fn loud(&self) -> impl Iterator<Item = Duration> {
        self.0.iter().filter(|(_, loud)| *loud).map(|(at, _)| *at)
    }
}

/// A loudspeaker beside a microphone.
struct Echo {
    gain: f64,
    way: VecDeque<i16>,
}

impl Echo {
    fn add(&mut self, frame: &mut [i16; SAMPLES]) {
        for sample in frame {
            let heard = f64::from(self.way.pop_front().unwrap_or(0)) * self.gain;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "quieter than what was heard"
            )]
            let back = heard as i16;
            *sample = sample.saturating_add(back);
        }
    }
}

/// The earliest frame sets the beat; the others are measured against it.
#[derive(Debug, Default)]
pub struct Beat(Option<(Instant, u64)>);

impl Beat {
    /// Whether this frame came more than 20 ms after the beat.
    pub fn is_late(&mut self, frame: &HeardFrame) -> bool {
        let (start, first) = *self.0.get_or_insert((frame.arrival, frame.sequence));
        let since = u32::try_from(frame.sequence.saturating_sub(first)).unwrap_or(u32::MAX);
        let due = start + FRAME * since;
        if frame.arrival < due {
            self.0 = Some((frame.arrival, frame.sequence));
        }
        frame.arrival > due + FRAME
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ear(loud: &[std::ops::Range<u64>]) -> Ear {
        let mut ear = Ear::default();
        for at in (0..5000).step_by(20) {
            let is_loud = loud.iter().any(|span| span.contains(&at));
            ear.note(Duration::from_millis(at), is_loud);
        }
        ear
    }

    #[test]
    fn the_agent_stopped_where_a_long_quiet_begins_not_at_a_pause() {
        let ear = ear(&[200..1000, 1300..2000, 3500..4000]);
        let ms = Duration::from_millis;
        assert_eq!(ear.quiet_after(ms(500), ms(600)), Some(ms(2000)));
        assert_eq!(ear.quiet_after(ms(500), ms(2000)), None);
        assert_eq!(ear.first_after(ms(1100)), Some(ms(1300)));
        assert_eq!(ear.last(), Some(ms(4000)));
        assert!(ear.within(ms(900), ms(1100)) && !ear.within(ms(1000), ms(1300)));
    }
}
