//! Conversations as stories; each claims what a caller would notice.

mod endings;
mod interruptions;
mod judgement;
mod line;

use std::time::Duration;

use super::world::{Parts, World, ms};
use crate::turn::config::TurnConfig;
use crate::turn::event::{Action, AgentState, DigitPlan, Input, Keys, Line, Sound, Verdict};

fn delay_of(world: &World) -> Duration {
    let commit = world.commits().remove(0);
    commit.committed - commit.last_speech
}

fn paused(action: &Action) -> bool {
    matches!(action, Action::Pause { .. })
}

fn resumed(action: &Action) -> bool {
    matches!(action, Action::Resume { .. })
}

fn interrupted(action: &Action) -> bool {
    matches!(action, Action::Interrupt { .. })
}

fn prepared(action: &Action) -> bool {
    matches!(action, Action::Prepare { .. })
}

fn abandoned(action: &Action) -> bool {
    matches!(action, Action::Abandon { .. })
}

fn away(action: &Action) -> bool {
    matches!(action, Action::Away { .. })
}
