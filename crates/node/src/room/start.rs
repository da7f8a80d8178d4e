//! Bringing the rooms up: bind the media port, start its reader and the registry.

use std::net::SocketAddr;

use tokio::sync::mpsc;
use trunkline_service::tasks::Tasks;

use super::config::RoomsConfig;
use super::error::StartError;
use super::handle::Rooms;
use super::notice::RoomNotice;
use super::registry::Registry;
use crate::udp;

/// Binds the media port and starts the rooms under `tasks`. Gives the handle and the address the
/// port got.
///
/// # Errors
/// The port cannot be bound.
pub fn start(
    config: RoomsConfig,
    notices: mpsc::Sender<RoomNotice>,
    tasks: &Tasks,
) -> Result<(Rooms, SocketAddr), StartError> {
    let tasks = &tasks.sound();
    let _sockets = tasks.enter();
    let addr = config.media;
    let (port, handle, bound) = udp::bind(addr, &config.node_ips, &config.wire)
        .map_err(|source| StartError::Bind { addr, source })?;
    let media = config
        .node_ips
        .iter()
        .map(|ip| SocketAddr::new(*ip, bound.port()))
        .collect();
    let stop = tasks.stop();
    drop(tasks.vital("media port", async move {
        if let Err(error) = port.run().await {
            tracing::error!(%error, "the media port failed");
        }
    }));
    let registry = Registry::new(config, media, handle, notices, tasks.clone());
    let occupancy = registry.occupancy();
    let (commands, incoming) = mpsc::channel(COMMANDS);
    drop(tasks.vital("rooms", async move {
        tokio::select! {
            () = registry.run(incoming) => {}
            () = stop.hurry() => {}
        }
    }));
    Ok((Rooms::new(commands, occupancy), bound))
}

/// Commands waiting for the registry, which never waits for a room.
const COMMANDS: usize = 256;
