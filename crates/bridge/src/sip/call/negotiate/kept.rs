//! What was agreed on, as it is written down.

use trunkline_sip::sdp::{Agreement, Local};

use super::super::super::journal::KeptLocal;
use super::super::super::media::Home;
use super::Negotiation;

impl Negotiation {
    /// As it is now; nothing before both sides have agreed.
    pub(in crate::sip::call) fn keep(&self) -> Option<KeptLocal> {
        let agreement = self.latest.as_ref()?;
        Some(KeptLocal::of(&self.local, agreement))
    }

    /// As it was.
    pub(in crate::sip::call) fn again(local: Local, agreement: Agreement) -> Self {
        Self {
            local,
            latest: Some(agreement),
            home: Home::default(),
        }
    }
}
