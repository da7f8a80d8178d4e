//! Silence around a sentence: the voice model begins with some, which only delays the answer, and
//! ends with as much as it likes. Here the beginning is cut short and the end given one length.

/// Quieter than this is silence: 46 dB below full scale.
const QUIET: u16 = 160;

/// Kept of the silence before a sound, in milliseconds, so that a soft consonant is whole.
const LEAD: u32 = 12;

/// Silence after a sentence, in milliseconds.
const PAUSE: u32 = 180;

/// Follows one sentence.
pub(super) struct Trim {
    lead: usize,
    pause: usize,
    /// Silence is being cut until the first sound.
    waiting: bool,
    /// Silence held back, to be dropped if nothing follows.
    held: usize,
}

impl Trim {
    /// For one sentence; the silence in front of it is cut only if it is the `first`.
    pub(super) fn new(rate: u32, first: bool) -> Self {
        let samples = |ms: u32| usize::try_from(rate * ms / 1_000).unwrap_or(0);
        Self {
            lead: samples(LEAD),
            pause: samples(PAUSE),
            waiting: first,
            held: 0,
        }
    }

    /// The samples to play now. After the last ones, silence of one length.
    pub(super) fn pass(&mut self, mut samples: Vec<i16>, last: bool) -> Vec<i16> {
        let loud = |s: &i16| s.unsigned_abs() > QUIET;
        if self.waiting {
            let Some(onset) = samples.iter().position(loud) else {
                return if last {
                    vec![0; self.pause]
                } else {
                    Vec::new()
                };
            };
            samples.drain(..onset.saturating_sub(self.lead));
            self.waiting = false;
        }
        let sounding = samples.iter().rposition(loud).map_or(0, |at| at + 1);
        let mut out = Vec::new();
        if sounding > 0 {
            out.resize(self.held, 0);
            self.held = 0;
        }
        // Silence within the sentence is the voice's own; at its end it is ours.
        self.held += samples.len() - sounding;
        samples.truncate(sounding);
        out.append(&mut samples);
        if last {
            out.resize(out.len() + self.pause, 0);
            self.held = 0;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_before_the_first_sentence_is_cut() {
        let mut trim = Trim::new(1_000, true);
        assert_eq!(trim.pass(vec![1; 400], false), Vec::<i16>::new());
        let mut second = vec![1; 50];
        second.extend([9_000; 10]);
        assert_eq!(trim.pass(second, false).len(), 12 + 10);
    }

    #[test]
    fn silence_inside_stays_and_silence_at_the_end_has_one_length() {
        let mut trim = Trim::new(1_000, false);
        let first = [vec![9_000; 10], vec![0; 30]].concat();
        assert_eq!(trim.pass(first, false).len(), 10);
        let second = [vec![0; 5], vec![9_000; 10], vec![0; 500]].concat();
        assert_eq!(trim.pass(second, true).len(), 30 + 5 + 10 + 180);
    }
}
