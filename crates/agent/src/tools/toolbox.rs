//! The tools of one agent.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::time::timeout;
use trunkline_base::class::Classified;
use trunkline_service::metrics::{Counter, count};

use super::http::{Connected, HttpTool};
use super::mcp::{McpConfig, McpReach, Server};
use super::ready::ready;
use super::schema::{hold, read};
use super::{Context, Outcome, Powers, Tool, ToolError};

/// How long the first answer of all waits for tool servers to come up.
const READY_LIMIT: Duration = Duration::from_secs(3);

/// Longest name a model's service takes.
const LONGEST_NAME: usize = 64;

/// What an agent's tools are made of.
#[derive(Clone, Default)]
pub struct ToolConfig {
    /// What it may do to a call.
    pub powers: Arc<Powers>,
    services: Vec<HttpTool>,
    servers: Vec<McpConfig>,
    own: Vec<Arc<dyn Tool>>,
}

impl fmt::Debug for ToolConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own: Vec<&str> = self.own.iter().map(|tool| tool.name()).collect();
        f.debug_struct("ToolConfig")
            .field("powers", &self.powers)
            .field("services", &self.services)
            .field("servers", &self.servers)
            .field("own", &own)
            .finish()
    }
}

impl ToolConfig {
    /// What a file says.
    pub(super) fn new(
        powers: Arc<Powers>,
        services: Vec<HttpTool>,
        servers: Vec<McpConfig>,
    ) -> Self {
        Self {
            powers,
            services,
            servers,
            own: Vec::new(),
        }
    }

    /// Whether a tool of this name changes something; nothing where there is none. Of servers' tools
    /// nobody knows before they are asked.
    pub fn changes(&self, name: &str) -> Option<bool> {
        let mut services = self.services.iter();
        let service = services.find(|tool| tool.name == name);
        let own = || self.own.iter().find(|tool| tool.name() == name);
        service
            .map(|tool| tool.changes)
            .or_else(|| own().map(|tool| tool.changes()))
            .or_else(|| (!self.servers.is_empty()).then_some(true))
    }

    /// The names of the tools that are known before any server is asked.
    pub fn names(&self) -> Vec<&str> {
        let services = self.services.iter().map(|tool| tool.name.as_str());
        services
            .chain(self.own.iter().map(|tool| tool.name()))
            .collect()
    }

    /// With a tool of yours.
    #[must_use]
    pub fn with(mut self, tool: Arc<dyn Tool>) -> Self {
        self.own.push(tool);
        self
    }

    /// The addresses that its tools call, by the key that names them in the file.
    pub fn addresses(&self) -> Vec<(String, String)> {
        let services = self.services.iter().map(|tool| {
            let key = format!("tools.{}.url", tool.name);
            (key, tool.address().to_owned())
        });
        let servers = self
            .servers
            .iter()
            .filter_map(|server| match &server.reach {
                McpReach::Http { url, .. } => Some((format!("mcp: {}", server.name), url.clone())),
                McpReach::Process { .. } => None,
            });
        services.chain(servers).collect()
    }
}

/// The tools of one agent, its servers looked after for as long as this lives.
pub struct Toolbox {
    powers: Arc<Powers>,
    fixed: Vec<Arc<dyn Tool>>,
    servers: Vec<Server>,
}

impl fmt::Debug for Toolbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.offered().into_iter().map(|offer| offer.name).collect();
        f.debug_struct("Toolbox").field("offered", &names).finish()
    }
}

/// A tool, and the name it is offered by.
#[derive(Clone)]
pub struct Offer {
    pub name: String,
    pub tool: Arc<dyn Tool>,
}

impl Toolbox {
    /// Starts what has to be started. Must run inside a tokio runtime. `http` is not to follow
    /// anybody to another host.
    pub fn start(config: &ToolConfig, http: &reqwest::Client) -> Self {
        let services = config.services.iter().map(|tool| -> Arc<dyn Tool> {
            Arc::new(Connected {
                tool: tool.clone(),
                http: http.clone(),
            })
        });
        let servers = config.servers.iter();
        Self {
            powers: Arc::clone(&config.powers),
            fixed: ready(&config.powers)
                .into_iter()
                .chain(services)
                .chain(config.own.iter().cloned())
                .collect(),
            servers: servers
                .map(|server| Server::start(server.clone(), http))
                .collect(),
        }
    }

    /// What the agent may do to a call.
    pub fn powers(&self) -> &Arc<Powers> {
        &self.powers
    }

    /// Waits until every tool server was tried once, for a while.
    pub async fn ready(&self) {
        let all = async {
            for server in &self.servers {
                server.tried().await;
            }
        };
        drop(timeout(READY_LIMIT, all).await);
    }

    /// All tools there are now. Of two with one name the first keeps it; a server's gets the server's
    /// name before its own.
    pub fn offered(&self) -> Vec<Offer> {
        let mut taken = BTreeSet::new();
        let mut offered = Vec::new();
        for tool in &self.fixed {
            let name = usable(tool.name());
            if taken.insert(name.clone()) {
                let tool = Arc::clone(tool);
                offered.push(Offer { name, tool });
            }
        }
        for server in &self.servers {
            for tool in server.tools() {
                let mut name = usable(tool.name());
                if taken.contains(&name) {
                    name = usable(&format!("{}_{}", server.name(), tool.name()));
                }
                if taken.insert(name.clone()) {
                    offered.push(Offer { name, tool });
                }
            }
        }
        offered
    }

    /// The tool that is offered by this name, once its server had the time to come up.
    pub async fn find(&self, name: &str) -> Option<Offer> {
        self.ready().await;
        let mut offered = self.offered().into_iter();
        offered.find(|offer| offer.name == name)
    }
}

impl Offer {
    /// Calls the tool with what a model wrote.
    ///
    /// # Errors
    /// [`ToolError`], whose words are for the model.
    pub async fn call(&self, arguments: &str, context: &Context) -> Result<Outcome, ToolError> {
        let arguments = read(arguments);
        let end = match arguments.and_then(|held| hold(held, &self.tool.parameters())) {
            Ok(arguments) => self.tool.call(arguments, context).await,
            Err(error) => Err(error),
        };
        let result = end.as_ref().map_or_else(Classified::code, |_| "done");
        count(Counter::ToolCalls, 1, &[("result", result)]);
        end
    }

    /// The same with arguments of a program's.
    ///
    /// # Errors
    /// As [`Offer::call`].
    pub async fn call_with(
        &self,
        arguments: Json,
        context: &Context,
    ) -> Result<Outcome, ToolError> {
        self.call(&arguments.to_string(), context).await
    }
}

/// A name as models' services take it.
fn usable(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name = name.chars().map(|c| if fits(c) { c } else { '_' });
    name.take(LONGEST_NAME).collect()
}
