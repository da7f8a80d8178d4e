//! Why a number is not dialled, in words.

use crate::tariff::Micros;

/// Why a number is not dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Its prefix is denied.
    #[error("numbers that begin with {0} are denied by dialling.deny in security.yaml")]
    Prefix(String),
    /// It is not among those that are allowed.
    #[error("the number is not among those that dialling.allow in security.yaml names")]
    NotAllowed,
    /// No prefix says anything of it.
    #[error(
        "the number has letters or digits of another script in it, so that the prefixes of dialling in security.yaml cannot be held against it"
    )]
    Veiled,
    /// The trunk is full.
    #[error(
        "the trunk carries {0} calls already, which is dialling.calls_per_trunk in security.yaml"
    )]
    TooMany(usize),
    /// It has been dialled too often over this trunk.
    #[error(
        "{0} calls were placed over the trunk in this minute, which is dialling.calls_per_minute in security.yaml"
    )]
    TooFast(usize),
    /// It has its hours, and these are none of them.
    #[error(
        "numbers that begin with {prefix} may be dialled {words} only, which is dialling.hours in security.yaml"
    )]
    Closed {
        /// The beginning of the number.
        prefix: String,
        /// When, in words.
        words: String,
    },
    /// All that may be spent is spent.
    #[error(
        "calls have cost the {limit} {currency} that dialling.budget.{period} in security.yaml allows"
    )]
    Spent {
        /// `day` or `month`.
        period: &'static str,
        /// How much they may.
        limit: Micros,
        /// Of what.
        currency: String,
    },
    /// There is a budget, and nobody knows what the number costs.
    #[error(
        "dialling.budget in security.yaml limits what calls cost, and its tariff has no price for this number: add a rate, one with prefix \"\" for all others"
    )]
    Unpriced,
}

impl Denied {
    /// A stable word for journals and metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Prefix(_) => "denied_prefix",
            Self::NotAllowed => "denied_number",
            Self::Veiled => "denied_veiled",
            Self::TooMany(_) => "denied_too_many",
            Self::TooFast(_) => "denied_too_fast",
            Self::Closed { .. } => "denied_hours",
            Self::Spent { .. } => "denied_spent",
            Self::Unpriced => "denied_unpriced",
        }
    }

    /// Whether it may pass later.
    pub const fn passes(&self) -> bool {
        matches!(
            self,
            Self::TooMany(_) | Self::TooFast(_) | Self::Closed { .. } | Self::Spent { .. }
        )
    }
}
