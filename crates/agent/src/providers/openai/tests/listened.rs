//! How many answers of a test's server somebody still listens to.

use tokio::sync::watch;

/// Counts answers.
#[derive(Clone, Debug)]
pub(crate) struct Live(watch::Sender<usize>);

impl Default for Live {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Live {
    /// Answers that somebody listens to.
    pub(crate) fn open(&self) -> usize {
        *self.0.borrow()
    }

    /// Waits until nobody listens to any.
    pub(crate) async fn all_closed(&self) {
        let mut open = self.0.subscribe();
        open.wait_for(|open| *open == 0).await.unwrap();
    }
}

/// One answer, counted for as long as it lives.
pub(crate) struct Listened(Live);

impl Listened {
    pub(crate) fn new(live: &Live) -> Self {
        live.0.send_modify(|open| *open += 1);
        Self(live.clone())
    }
}

impl Drop for Listened {
    fn drop(&mut self) {
        self.0.0.send_modify(|open| *open -= 1);
    }
}
