//! How the program is reached, and how long it may take.

use std::collections::BTreeMap;
use std::time::Duration;

use trunkline_base::secret::Secret;

/// How the program is reached, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalConfig {
    /// `http`, `https`, `ws` or `wss`.
    pub url: String,
    pub headers: BTreeMap<String, Secret<String>>,
    /// The first words; none waits for the caller.
    pub greeting: Option<String>,
    /// Said when a part of the agent fails.
    pub apology: String,
    /// Whether turns are sent before it is sure that they are over.
    pub early_turns: bool,
    /// Until the first line of the answer, the connection with it.
    pub first_byte: Duration,
    /// Silence inside an answer that counts as cut.
    pub stall: Duration,
    /// Until the last line.
    pub total: Duration,
}

impl ExternalConfig {
    /// With deadlines fit for a telephone.
    pub fn new(url: String) -> Self {
        Self {
            url,
            headers: BTreeMap::new(),
            greeting: None,
            apology: "I'm sorry, could you say that once more?".to_owned(),
            early_turns: false,
            first_byte: Duration::from_secs(5),
            stall: Duration::from_secs(5),
            total: Duration::from_secs(30),
        }
    }

    /// Whether it is spoken with over a WebSocket.
    pub(super) fn is_socket(&self) -> bool {
        self.url.starts_with("ws:") || self.url.starts_with("wss:")
    }
}
