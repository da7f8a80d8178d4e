//! The conversation as lines, each told once: what the caller said when it is understood, what the
//! agent said when it has been said.

use std::collections::BTreeMap;

use trunkline_store::Turn;

/// Looks without a change after which an answer counts as said.
const SETTLED: u32 = 8;

#[derive(Debug, Default)]
struct Told {
    said: String,
    unchanged: u32,
    caller: bool,
    agent: bool,
}

/// What was told so far.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    turns: BTreeMap<String, Told>,
}

impl Transcript {
    /// One look at the turns of a call; gives the lines that are new.
    pub(super) fn read(&mut self, turns: &[Turn]) -> Vec<String> {
        let mut lines = Vec::new();
        for (index, turn) in turns.iter().enumerate() {
            let told = self.turns.entry(turn.turn_id.to_string()).or_default();
            let heard = turn.heard.expose();
            if !told.caller {
                told.caller = true;
                if !heard.is_empty() {
                    lines.push(format!("  caller  {heard}"));
                }
            }
            let said = turn.said.expose();
            told.unchanged = if told.said == *said {
                told.unchanged + 1
            } else {
                0
            };
            told.said.clone_from(said);
            let over = index + 1 < turns.len() || told.unchanged >= SETTLED;
            if over && !told.agent && !said.is_empty() {
                told.agent = true;
                let cut = if turn.interrupted { " —" } else { "" };
                lines.push(format!("  agent   {said}{cut}"));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_base::id::{RoomName, TurnId};
    use trunkline_base::time::UnixTime;
    use trunkline_store::TurnLatency;

    fn turn(id: &str, heard: &str, said: &str) -> Turn {
        Turn {
            turn_id: TurnId::parse(id).unwrap(),
            room: RoomName::parse("call").unwrap(),
            call_id: None,
            at: UnixTime(0),
            heard: heard.into(),
            said: said.into(),
            interrupted: false,
            latency: TurnLatency::default(),
        }
    }

    #[test]
    fn each_line_is_told_once_and_the_answer_when_it_is_whole() {
        let mut transcript = Transcript::default();
        assert_eq!(
            transcript.read(&[turn("a", "hello", "")]),
            ["  caller  hello"]
        );
        assert!(transcript.read(&[turn("a", "hello", "Good")]).is_empty());
        let next = [turn("a", "hello", "Good day."), turn("b", "bye", "")];
        assert_eq!(
            transcript.read(&next),
            ["  agent   Good day.", "  caller  bye"]
        );
        let mut later = Vec::new();
        for _ in 0..20 {
            later.extend(
                transcript.read(&[turn("a", "hello", "Good day."), turn("b", "bye", "Bye.")]),
            );
        }
        assert_eq!(later, ["  agent   Bye."]);
    }
}
