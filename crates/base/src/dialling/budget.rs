//! What calls may cost together.

use serde::Serialize;

use crate::tariff::Micros;

/// How much calls may cost together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// In a day.
    pub day: Option<Micros>,
    /// In a month.
    pub month: Option<Micros>,
    /// Where days and months begin, such as `Europe/Berlin`.
    pub zone: String,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            day: None,
            month: None,
            zone: "UTC".to_owned(),
        }
    }
}

impl Budget {
    /// Is there any limit?
    pub const fn is_set(&self) -> bool {
        self.day.is_some() || self.month.is_some()
    }
}
