//! A server, as the file has it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use trunkline_base::secret::Secret;

/// A server, as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpConfig {
    pub name: String,
    pub reach: McpReach,
    /// Its tools that are offered; all of them when absent.
    pub allowed: Option<BTreeSet<String>>,
    /// For connecting, listing, and each call.
    pub timeout: Duration,
    /// Bytes of an answer that a model reads.
    pub most_bytes: usize,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum McpReach {
    /// A program that is started, and spoken with over its standard input and output.
    Process {
        program: String,
        arguments: Vec<Secret<String>>,
        env: BTreeMap<String, Secret<String>>,
    },
    /// A service.
    Http {
        url: String,
        headers: BTreeMap<String, Secret<String>>,
    },
}
