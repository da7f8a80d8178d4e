//! What is done to the call when the agent has finished speaking, and what is said when it fails.

use std::time::Duration;

use tokio::time::Instant;
use trunkline_service::metrics::{Counter, count};

use super::Conversation;
use super::listening::Report;
use crate::brain::{Act, Question, Undone};
use crate::session::make::{Gate, Material};
use crate::session::stage::Note;
use crate::tools::Refusal;
use crate::turn::Input;

/// From the agent's last sound to the end of the call: the sound is still on its way through
/// jitter buffers and the telephone network.
pub(super) const GOODBYE_TAIL: Duration = Duration::from_millis(700);

impl Conversation {
    pub(super) fn act(&mut self, act: Act) {
        match act {
            // Whoever is being put through is not hung up on.
            Act::HangUp(_) if self.transferring => {}
            Act::HangUp(farewell) => {
                self.hang_up_at
                    .get_or_insert_with(|| (Instant::now() + GOODBYE_TAIL, farewell.into()));
            }
            Act::Transfer { to } => self.transfer(to),
            Act::SendKeys(keys) => {
                let pressing = self.stage.press(&keys);
                self.work.spawn(async move {
                    let end = pressing.await;
                    let act = Act::SendKeys(keys);
                    Report::Act { act, end }
                });
            }
            Act::SetAttribute { key, value } => self.stage.tell(Note::Attribute { key, value }),
        }
    }

    /// Only to somebody whom the file names, whoever asked for it.
    fn transfer(&mut self, to: String) {
        if self.transferring {
            return;
        }
        let targets = &self.shared.config.tools.powers.targets;
        let Some(target) = targets.get(&to) else {
            let end = Err(Refusal::Nobody(to.clone()).to_string());
            return self.on_act(Act::Transfer { to }, end);
        };
        self.transferring = true;
        let passing = self.stage.transfer(&to, target);
        self.work.spawn(async move {
            let end = passing.await;
            let act = Act::Transfer { to };
            Report::Act { act, end }
        });
    }

    pub(super) fn on_act(&mut self, act: Act, end: Result<(), String>) {
        if matches!(act, Act::Transfer { .. }) {
            self.transferring = false;
            let result = if end.is_ok() { "done" } else { "failed" };
            count(Counter::AgentTransfers, 1, &[("result", result)]);
        }
        let Err(why) = end else { return };
        tracing::info!("what the agent announced was not done");
        if self.ending.is_some() {
            return;
        }
        // The call goes on, whatever was to follow.
        self.hang_up_at = None;
        let thought = self.ask_brain(&Question::Undone(Undone { act, why }));
        let reply = self.machine.new_reply();
        self.begin(reply, Material::Thought(thought), Gate::Think);
        self.input(Input::Say {
            reply,
            interruptible: true,
        });
    }
}
