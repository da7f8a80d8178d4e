//! Looking after one server: connecting, listing, noticing that it is gone.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rmcp::service::Peer;
use rmcp::{RoleClient, model};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::config::McpConfig;
use super::connect::{Connected, connect};

/// How often a list that nobody says has changed is asked for again.
const REFRESH: Duration = Duration::from_secs(300);

/// Waits between two tries to reach a server: the first, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A connection that lasted this long was a good one: the next wait is the first again.
const LASTING: Duration = Duration::from_secs(60);

/// Tools of one server; more would fill a model's attention with nothing else.
const MOST_TOOLS: usize = 128;

/// Where a server stands.
#[derive(Clone, Default)]
pub(super) struct Link {
    /// Nothing while it is away.
    pub(super) peer: Option<Peer<RoleClient>>,
    /// As they were listed last.
    pub(super) tools: Arc<[Arc<model::Tool>]>,
    /// It was reached, or could not be.
    pub(super) tried: bool,
    /// Woken when the list may have changed, or the connection be gone.
    pub(super) doubt: Arc<Notify>,
}

/// Looks after a server until it is dropped.
pub(super) async fn keep(config: Arc<McpConfig>, http: reqwest::Client, link: watch::Sender<Link>) {
    let (mut wait, mut told) = (FIRST_WAIT, String::new());
    loop {
        let began = Instant::now();
        let why = serve(&config, &http, &link).await;
        link.send_modify(|link| {
            link.peer = None;
            link.tried = true;
        });
        if began.elapsed() > LASTING {
            told.clear();
            wait = FIRST_WAIT;
        }
        if why == told {
            tracing::debug!(server = config.name, why, "a tool server is still away");
        } else {
            tracing::warn!(server = config.name, why, "a tool server is away");
            told = why;
        }
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// One connection, from its beginning to its end; why it ended.
async fn serve(config: &McpConfig, http: &reqwest::Client, link: &watch::Sender<Link>) -> String {
    let doubt = Arc::new(Notify::new());
    let connecting = connect(config, http, Arc::clone(&doubt));
    let Connected {
        running,
        said,
        group: _group,
    } = match timeout(config.timeout, connecting).await {
        Ok(Ok(connected)) => connected,
        Ok(Err(why)) => return why,
        Err(_) => return format!("not ready within {} s", config.timeout.as_secs_f64()),
    };
    let peer = running.peer().clone();
    let mut ended = pin!(running.waiting());
    loop {
        match timeout(config.timeout, peer.list_all_tools()).await {
            Ok(Ok(tools)) => publish(config, tools, (&peer, &doubt), link),
            Ok(Err(_)) => return format!("it does not list its tools{}", said.words()),
            Err(_) => return "it did not list its tools in time".to_owned(),
        }
        tokio::select! {
            biased;
            _ = &mut ended => return format!("it ended{}", said.words()),
            () = doubt.notified() => {}
            () = sleep(REFRESH) => {}
        }
    }
}

fn publish(
    config: &McpConfig,
    tools: Vec<model::Tool>,
    (peer, doubt): (&Peer<RoleClient>, &Arc<Notify>),
    link: &watch::Sender<Link>,
) {
    let is_allowed = |tool: &model::Tool| {
        let allowed = config.allowed.as_ref();
        allowed.is_none_or(|allowed| allowed.contains(tool.name.as_ref()))
    };
    for name in config.allowed.iter().flatten() {
        if !tools.iter().any(|tool| tool.name.as_ref() == name) {
            tracing::warn!(
                server = config.name,
                tool = name,
                "the server has no such tool"
            );
        }
    }
    let tools: Vec<Arc<model::Tool>> = tools
        .into_iter()
        .filter(is_allowed)
        .take(MOST_TOOLS)
        .map(Arc::new)
        .collect();
    tracing::info!(
        server = config.name,
        tools = tools.len(),
        "a tool server is there"
    );
    link.send_replace(Link {
        peer: Some(peer.clone()),
        tools: tools.into(),
        tried: true,
        doubt: Arc::clone(doubt),
    });
}
