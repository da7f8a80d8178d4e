//! The smallest node: development keys, loopback, rooms and media, nothing kept.
//!
//! ```sh
//! cargo run -p trunkline-node --example dev_node -- 7880 7882 http://127.0.0.1:9100/
//! ```
//! The ports and the receivers of its webhooks may be left out.
//! Then join with any LiveKit client: `ws://127.0.0.1:7880`, key `devkey`, secret `secret`.

use trunkline_node::{Node, NodeConfig, Receiver};
use trunkline_service::tasks::{Limits, Tasks};
use trunkline_store::Store;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let mut config = NodeConfig::dev();
    let mut args = std::env::args().skip(1);
    if let Some(port) = args.next() {
        config.http.set_port(port.parse()?);
    }
    if let Some(port) = args.next() {
        config.rtc_udp.set_port(port.parse()?);
    }
    config.webhooks.receivers = args.map(Receiver::all).collect();
    let tasks = Tasks::new();
    let store = Store::open(":memory:").await?;
    let node = Node::start(config, store, tasks.clone()).await?;
    tracing::info!(url = node.url(), media = %node.udp_addr(), "join with devkey and secret");
    tokio::signal::ctrl_c().await?;
    node.drain().await;
    tasks.finish(Limits::default()).await;
    Ok(())
}
