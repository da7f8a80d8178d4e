//! A registered worker: how busy it says it is.

use super::registration::Registration;

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) registration: Registration,
    pub(super) available: bool,
    pub(super) load: f64,
    /// Offers since its last status, which does not count them yet.
    pub(super) fresh_offers: u32,
    /// It let its last offer pass without a word.
    pub(super) is_silent: bool,
}

impl Worker {
    /// Whether it can take a job. One that is loaded to the brim cannot, whatever it calls itself.
    pub(super) fn is_free(&self) -> bool {
        self.available && self.load < 1.0
    }

    /// How likely it is chosen.
    pub(super) fn weight(&self) -> f64 {
        (1.0 - self.load) / f64::from(1 + self.fresh_offers)
    }
}
