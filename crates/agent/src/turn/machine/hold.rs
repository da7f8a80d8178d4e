//! A call on hold: the agent stops where it is, hears nothing, asks nothing, and goes on when the
//! caller is back.

use std::time::Instant;

use super::Machine;
use crate::turn::event::{Action, Line, Sound};
use crate::turn::voice::{Phase, Speech};

impl Machine {
    pub(super) fn on_line(&mut self, line: Line) {
        let before = std::mem::replace(&mut self.line, line);
        if before == line {
            return;
        }
        // Whoever was silent meanwhile had no chance to speak.
        self.quiet_since = None;
        self.away = 0;
        let free = self.turn.is_none() && !self.ear.speaking();
        let owed = |speech: &Speech| !speech.interruptible;
        if before == Line::Held && (free || self.voice.active.as_ref().is_some_and(owed)) {
            self.give_back_floor();
        }
    }

    /// Is the call on hold?
    pub fn on_hold(&self) -> bool {
        self.line == Line::Held
    }

    /// Music on hold is nobody's voice, and the agent's own is not the caller's.
    pub(super) fn voiced(&self, sound: Sound) -> Sound {
        let voice = if self.on_hold() || sound.own {
            0.0
        } else {
            sound.voice
        };
        Sound { voice, ..sound }
    }

    /// Whatever has the floor is kept back while nobody listens.
    pub(super) fn keep_still(&mut self, now: Instant) {
        if !self.on_hold() {
            return;
        }
        let Some(speech) = self.voice.active.as_mut().filter(|speech| !speech.paused()) else {
            return;
        };
        let began = speech.began();
        speech.phase = Phase::Paused { at: now, began };
        let reply = speech.reply;
        self.act(Action::Pause { reply, since: None });
    }
}
