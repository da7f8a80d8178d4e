//! What of `agent.yaml` is about tools, as it is typed.

use std::collections::BTreeMap;

use serde::Deserialize;
use trunkline_base::secret::Secret;
use trunkline_service::config::Spanned;

/// One of `transfer_to`: somebody who takes calls over.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTarget {
    /// `tel:`, `sip:` or `participant:`; empty while there is nobody.
    pub to: Spanned<String>,
    /// What they are for, to a model.
    #[serde(default)]
    pub description: Option<String>,
    /// How long they may take to answer.
    #[serde(default)]
    pub ringing_timeout: Option<Spanned<String>>,
}

/// One of `tools`: a web service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTool {
    /// What it is for, to a model.
    pub description: Spanned<String>,
    /// GET when absent.
    #[serde(default)]
    pub method: Option<Spanned<String>>,
    /// Where; `{name}` is an argument, `{call.name}` a fact of the call.
    pub url: Spanned<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, Spanned<Secret<String>>>,
    #[serde(default)]
    pub auth: Option<Spanned<RawAuth>>,
    /// JSON schema of the arguments.
    #[serde(default)]
    pub parameters: Option<Spanned<serde_json::Value>>,
    /// JSON to send instead of the arguments; its values are templates.
    #[serde(default)]
    pub body: Option<BTreeMap<String, Spanned<String>>>,
    /// Five seconds when absent.
    #[serde(default, alias = "time_out")]
    pub timeout: Option<Spanned<String>>,
    /// How much of the answer a model reads.
    #[serde(default)]
    pub most_bytes: Option<Spanned<usize>>,
    /// Where in the answer the result is: `data.items.0`.
    #[serde(default)]
    pub result: Option<Spanned<String>>,
    /// Said when it takes long.
    #[serde(default)]
    pub say_while_waiting: Option<Spanned<String>>,
    /// After this.
    #[serde(default)]
    pub say_after: Option<Spanned<String>>,
    /// Tries again; none when absent.
    #[serde(default)]
    pub retries: Option<Spanned<u32>>,
    /// Whether it changes something; it does unless its method is GET.
    #[serde(default)]
    pub changes: Option<bool>,
}

/// Who asks: one of the two.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAuth {
    #[serde(default)]
    pub bearer: Option<Secret<String>>,
    /// `user:password`.
    #[serde(default)]
    pub basic: Option<Secret<String>>,
}

/// One of `mcp`: a server of tools, by its command or its address.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawMcp {
    pub name: Spanned<String>,
    /// A program and its arguments.
    #[serde(default)]
    pub command: Option<Spanned<Vec<Secret<String>>>>,
    #[serde(default)]
    pub env: BTreeMap<String, Secret<String>>,
    #[serde(default)]
    pub url: Option<Spanned<String>>,
    #[serde(default)]
    pub headers: BTreeMap<String, Spanned<Secret<String>>>,
    /// Those that are offered; all when absent.
    #[serde(default)]
    pub allowed_tools: Option<Spanned<Vec<String>>>,
    /// For connecting and for each call: ten seconds when absent.
    #[serde(default, alias = "time_out")]
    pub timeout: Option<Spanned<String>>,
    /// How much of an answer a model reads.
    #[serde(default)]
    pub most_bytes: Option<Spanned<usize>>,
}
