//! What was used of a provider, in the units it is paid by.

use std::time::Duration;

/// What was used of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// Its name in the configuration.
    pub provider: &'static str,
    /// Which of its models, as it is named to it; empty where it has but one.
    pub model: String,
    /// How much.
    pub amount: Amount,
}

/// How much was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Sound was listened to.
    Heard(Duration),
    /// Characters were spoken.
    Spoken(u64),
    /// An answer was made.
    Thought(Tokens),
}

/// Tokens of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Given, with those of them that were cached.
    pub input: u64,
    /// Those of the given that the provider knew already.
    pub cached: u64,
    /// Made.
    pub output: u64,
}
