//! What was announced and could not be done.

use super::Stepper;
use crate::brain::{Act, Undone};

impl Stepper<'_> {
    /// The caller is told, and asked what is open.
    pub(super) fn undone(&mut self, undone: &Undone) {
        if matches!(undone.act, Act::Transfer { .. }) {
            self.say(&self.flow.wording.not_transferred);
        }
        self.ask_last();
    }
}
