//! Answers that wait until what they tell can be seen.

use std::fmt;

use crate::room::command::Ask;

/// Answers in order.
#[derive(Default)]
pub(super) struct Replies(Vec<Box<dyn FnOnce() + Send>>);

impl fmt::Debug for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Replies").field(&self.0.len()).finish()
    }
}

impl Replies {
    /// One more. Whoever asked may be gone by then.
    pub(super) fn put<T: Send + 'static>(&mut self, to: Ask<T>, answer: T) {
        self.0.push(Box::new(move || drop(to.send(answer))));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives them all.
    pub(super) fn give(&mut self) {
        for reply in self.0.drain(..) {
            reply();
        }
    }
}
