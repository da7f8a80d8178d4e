//! A server that is looked after.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::config::McpConfig;
use super::keep::{Link, keep};
use super::tool::McpTool;
use crate::tools::Tool;

/// A server that is looked after.
pub(in crate::tools) struct Server {
    config: Arc<McpConfig>,
    link: watch::Receiver<Link>,
    _work: JoinSet<()>,
}

impl Server {
    /// Begins to look after a server.
    pub(in crate::tools) fn start(config: McpConfig, http: &reqwest::Client) -> Self {
        let config = Arc::new(config);
        let (sender, link) = watch::channel(Link::default());
        let mut work = JoinSet::new();
        work.spawn(keep(Arc::clone(&config), http.clone(), sender));
        Self {
            config,
            link,
            _work: work,
        }
    }

    pub(in crate::tools) fn name(&self) -> &str {
        &self.config.name
    }

    /// Waits until the server was tried once.
    pub(in crate::tools) async fn tried(&self) {
        let mut link = self.link.clone();
        drop(link.wait_for(|link| link.tried).await);
    }

    /// Its tools, as it listed them last.
    pub(in crate::tools) fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let link = self.link.borrow();
        let tool = |listed: &Arc<rmcp::model::Tool>| -> Arc<dyn Tool> {
            Arc::new(McpTool::new(
                Arc::clone(&self.config),
                Arc::clone(listed),
                self.link.clone(),
            ))
        };
        link.tools.iter().map(tool).collect()
    }
}
