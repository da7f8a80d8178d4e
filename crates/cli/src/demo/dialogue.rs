//! The caller's manners, one frame at a time: wait for the greeting, speak a line, listen to the
//! answer to its end, speak on. Pure: frames in, frames out, so it can be replayed.

/// Samples of a frame: 20 ms at 8 kHz.
pub(super) const FRAME: usize = 160;
/// Frames in a second.
const SECOND: u32 = 50;

/// Quiet after the agent spoke that means it is the caller's turn. Sentences are at most a few
/// tenths of a second apart; a person would wait about as long.
const AGENT_DONE: u32 = SECOND * 9 / 10;
/// The longest a caller waits for the agent's first sound.
const PATIENCE: u32 = SECOND * 15;
/// Quiet before the caller hangs up by itself.
const LINGER: u32 = SECOND * 2;
/// Longest one answer is listened to.
const LONGEST: u32 = SECOND * 40;

/// Where the conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The agent is to speak: nothing heard for so many frames.
    Waiting(u32),
    /// The agent speaks or has just spoken.
    Hearing { frames: u32, quiet: u32 },
    /// The caller speaks a line, from a sample on.
    Speaking { line: usize, at: usize },
    /// Everything was said and answered.
    Over,
}

/// What the caller says, and where it stands.
#[derive(Debug)]
pub(super) struct Dialogue {
    lines: Vec<Vec<i16>>,
    next: usize,
    stage: Stage,
    unanswered: usize,
}

impl Dialogue {
    /// Lines of 8 kHz audio, spoken one after each answer.
    pub(super) const fn new(lines: Vec<Vec<i16>>) -> Self {
        Self {
            lines,
            next: 0,
            stage: Stage::Waiting(0),
            unanswered: 0,
        }
    }

    /// One frame later: was the agent heard in it? Gives what the caller sends.
    pub(super) fn tick(&mut self, agent_heard: bool) -> [i16; FRAME] {
        self.stage = match self.stage {
            Stage::Waiting(_) if agent_heard => Stage::Hearing {
                frames: 0,
                quiet: 0,
            },
            Stage::Waiting(frames) if frames >= PATIENCE => {
                self.unanswered += 1;
                self.speak_on()
            }
            Stage::Waiting(frames) => Stage::Waiting(frames + 1),
            Stage::Hearing { frames, quiet } => {
                let quiet = if agent_heard { 0 } else { quiet + 1 };
                let wanted = if self.next < self.lines.len() {
                    AGENT_DONE
                } else {
                    LINGER
                };
                if quiet >= wanted || frames >= LONGEST {
                    self.speak_on()
                } else {
                    Stage::Hearing {
                        frames: frames + 1,
                        quiet,
                    }
                }
            }
            speaking @ Stage::Speaking { .. } => speaking,
            Stage::Over => Stage::Over,
        };
        self.frame()
    }

    /// Whether there is nothing more to say or hear.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// Lines begun so far.
    pub(super) const fn spoken(&self) -> usize {
        self.next
    }

    /// How often the agent stayed silent.
    pub(super) const fn unanswered(&self) -> usize {
        self.unanswered
    }

    fn speak_on(&mut self) -> Stage {
        if self.next >= self.lines.len() {
            return Stage::Over;
        }
        let line = self.next;
        self.next += 1;
        Stage::Speaking { line, at: 0 }
    }

    fn frame(&mut self) -> [i16; FRAME] {
        let mut frame = [0; FRAME];
        let Stage::Speaking { line, at } = self.stage else {
            return frame;
        };
        let rest = self
            .lines
            .get(line)
            .and_then(|samples| samples.get(at..))
            .unwrap_or_default();
        for (to, from) in frame.iter_mut().zip(rest) {
            *to = *from;
        }
        self.stage = if rest.len() > FRAME {
            Stage::Speaking {
                line,
                at: at + FRAME,
            }
        } else {
            Stage::Waiting(0)
        };
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(dialogue: &mut Dialogue, frames: u32, heard: bool) -> usize {
        (0..frames)
            .filter(|_| dialogue.tick(heard).iter().any(|sample| *sample != 0))
            .count()
    }

    #[test]
    fn the_caller_waits_for_the_greeting_speaks_and_hears_the_answer_out() {
        let mut dialogue = Dialogue::new(vec![vec![7; FRAME * 10]]);
        assert_eq!(
            ticks(&mut dialogue, 100, false),
            0,
            "spoke before the greeting"
        );
        assert_eq!(
            ticks(&mut dialogue, 100, true),
            0,
            "spoke over the greeting"
        );
        assert_eq!(ticks(&mut dialogue, AGENT_DONE + 20, false), 10);
        ticks(&mut dialogue, 50, true);
        assert!(!dialogue.is_over(), "hung up before the answer was over");
        ticks(&mut dialogue, LINGER + 1, false);
        assert!(dialogue.is_over());
        assert_eq!((dialogue.spoken(), dialogue.unanswered()), (1, 0));
    }

    #[test]
    fn a_short_pause_of_the_agent_is_no_end() {
        let mut dialogue = Dialogue::new(vec![vec![7; FRAME]]);
        ticks(&mut dialogue, 10, true);
        assert_eq!(ticks(&mut dialogue, AGENT_DONE - 1, false), 0);
        assert_eq!(ticks(&mut dialogue, 10, true), 0);
        assert_eq!(dialogue.spoken(), 0);
    }

    #[test]
    fn a_silent_agent_is_counted_and_does_not_stop_the_call() {
        let mut dialogue = Dialogue::new(vec![vec![7; FRAME]]);
        ticks(&mut dialogue, (PATIENCE + 2) * 2, false);
        assert!(dialogue.is_over());
        assert_eq!(dialogue.unanswered(), 2);
    }
}
