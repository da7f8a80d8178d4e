//! What an administrator may have the daemon do, and ask of its parts. The console takes the wish, with
//! its rule for who may; whoever wires the daemon carries it out.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// Carries out what administrators want.
#[async_trait]
pub trait Operator: Send + Sync + 'static {
    /// Takes up changed files now, and says what came of it.
    ///
    /// # Errors
    /// [`NotTold`].
    async fn reload(&self) -> Result<Reloaded, NotTold>;

    /// How trunks that register stand.
    fn registrations(&self) -> Vec<Registration>;
}

/// Why nobody can say what became of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTold {
    /// Whoever follows them is gone.
    #[error("the daemon is ending, or follows no files")]
    Ending,
    /// They are still being taken up, and whoever asks is not kept any longer.
    #[error(
        "the files are still being taken up; `trunkline config check` tells how they stand in a while"
    )]
    Late,
}

/// What became of the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// In a word.
    pub result: ReloadResult,
    /// What is otherwise from now on: `gateway.codecs`, `trunks.office`.
    pub changed: Vec<String>,
    /// What is otherwise from the next start on.
    pub at_next_start: Vec<String>,
    /// Why not all of it is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How much of the files is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReloadResult {
    /// All of them, and something is otherwise than before.
    Taken,
    /// All of them, and nothing is otherwise.
    Unchanged,
    /// None of them: they are wrong, and the last good ones stay.
    Kept,
    /// What could be taken before something failed; it is tried again.
    Half,
}

impl ReloadResult {
    /// For counters and people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Unchanged => "unchanged",
            Self::Kept => "kept",
            Self::Half => "half",
        }
    }
}

/// How one trunk's registration stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The trunk's key in the file.
    pub trunk: String,
    /// The registrar's name.
    pub registrar: String,
    /// The server of it that we are registered at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Whether calls come.
    pub registered: bool,
    /// Until it ends, or until it is tried again.
    pub seconds: u64,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
