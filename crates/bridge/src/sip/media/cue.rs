//! Short tones that tell a caller something, in place of words.

use trunkline_media::SampleRate;
use trunkline_media::tone::Sine;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cue {
    /// A PIN is wanted: two notes that go up.
    Ask,
    /// It was wrong: three low ones.
    Wrong,
}

/// A note, or the pause between two.
#[derive(Clone, Copy)]
struct Note {
    hz: Option<f64>,
    ms: u32,
}

impl Cue {
    const fn notes(self) -> &'static [Note] {
        const ASK: &[Note] = &[note(523.0, 160), PAUSE, note(659.0, 260)];
        const LOW: Note = note(311.0, 140);
        const WRONG: &[Note] = &[LOW, PAUSE, LOW, PAUSE, LOW];
        match self {
            Self::Ask => ASK,
            Self::Wrong => WRONG,
        }
    }
}

const fn note(hz: f64, ms: u32) -> Note {
    Note { hz: Some(hz), ms }
}

/// A cue on its way to a phone.
pub(super) struct Playing {
    pub(super) cue: Cue,
    rate: SampleRate,
    rest: std::slice::Iter<'static, Note>,
    sine: Option<Sine>,
    /// Samples of the note that is heard.
    left: usize,
}

impl Playing {
    pub(super) fn new(cue: Cue, rate: SampleRate) -> Self {
        Self {
            cue,
            rate,
            rest: cue.notes().iter(),
            sine: None,
            left: 0,
        }
    }

    /// The next samples, over what is there; `false` once all was heard.
    pub(super) fn fill(&mut self, mut pcm: &mut [i16]) -> bool {
        while !pcm.is_empty() {
            if self.left == 0 {
                let Some(note) = self.rest.next() else {
                    pcm.fill(0);
                    return false;
                };
                self.left = self.rate.samples_in_ms(note.ms);
                self.sine = note.hz.map(|hz| Sine::new(self.rate, hz, LOUD));
            }
            let now = self.left.min(pcm.len());
            let (part, later) = pcm.split_at_mut(now);
            match &mut self.sine {
                Some(sine) => sine.fill(part),
                None => part.fill(0),
            }
            self.left -= now;
            pcm = later;
        }
        true
    }
}

/// Between two notes.
const PAUSE: Note = Note { hz: None, ms: 80 };

/// Peak, in dBFS.
const LOUD: f64 = -16.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cue_has_its_notes_and_ends() {
        for (cue, ms) in [(Cue::Ask, 500), (Cue::Wrong, 580)] {
            for rate in [SampleRate::HZ_8000, SampleRate::HZ_24000] {
                let mut playing = Playing::new(cue, rate);
                let mut pcm = vec![0; rate.samples_in_ms(20)];
                let mut frames = 1;
                let mut bursts = 0;
                let mut loud = false;
                while playing.fill(&mut pcm) {
                    let is_loud = pcm.iter().any(|sample| sample.unsigned_abs() > 1000);
                    bursts += u32::from(is_loud && !loud);
                    loud = is_loud;
                    frames += 1;
                    assert!(frames < 100, "{cue:?} never ends");
                }
                assert_eq!(frames, ms / 20 + 1, "{cue:?}");
                assert_eq!(bursts, if cue == Cue::Ask { 2 } else { 3 }, "{cue:?}");
            }
        }
    }
}
