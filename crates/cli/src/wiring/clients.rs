//! Clients of the LiveKit server for the daemon's own calls.

use std::net::SocketAddr;
use std::sync::Arc;

use trunkline_base::here::at_home;
use trunkline_base::retry::RetryPolicy;
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_client::api::breaker::BreakerPolicy;
use trunkline_client::api::{ApiOptions, LiveKitApiClient, Watch};
use trunkline_client::auth::LiveKitAuthManager;
use trunkline_ops::daemon::Daemon;

use super::{api_metrics, remote};
use crate::failure::Failure;
use crate::settings::{Server, Settings};

/// The well-known pair of LiveKit's development mode.
pub(crate) fn dev_keys() -> KeyRing {
    KeyRing::from(ApiKey::new("devkey", "secret"))
}

/// A client for the daemon's own calls.
pub(super) fn background_api(
    settings: &Settings,
    keys: &KeyRing,
) -> Result<LiveKitApiClient, Failure> {
    api(settings, keys, background_options(settings))
}

/// A client for calls that find out whether a server is there.
pub(super) fn seeking_api(
    settings: &Settings,
    keys: &KeyRing,
) -> Result<LiveKitApiClient, Failure> {
    api(settings, keys, seeking_options(settings))
}

/// A client for somebody who looks once and tells what was seen, also at a node that this process
/// does not run.
pub(crate) fn asking_api(settings: &Settings, keys: &KeyRing) -> Result<LiveKitApiClient, Failure> {
    let mut settings = settings.clone();
    if settings.livekit.server == Server::Embedded {
        let node = at_home(settings.livekit.node.http);
        settings.livekit.url = format!("ws://{node}");
    }
    let mut options = settings.retries.for_people();
    options.rules.policy = RetryPolicy::NONE;
    api(&settings, keys, options)
}

/// The daemon of these settings, asked over its console.
pub(crate) fn daemon(settings: &Settings, keys: KeyRing) -> Daemon {
    let addr = settings.monitoring.console;
    // A port with a certificate takes plain text from this machine.
    let is_here = addr.ip().is_loopback() || addr.ip().is_unspecified();
    let has_certificate = settings.security.transport.certificate_files().is_some();
    let name = settings.monitoring.hosts.first();
    let name = name.filter(|_| has_certificate && !is_here).cloned();
    let rules = settings.security.transport_rules();
    Daemon::new(addr, name, LiveKitAuthManager::new(keys), rules)
}

/// A daemon on this machine, asked for what it tells everybody.
pub(crate) fn daemon_at(console: SocketAddr) -> Daemon {
    let auth = LiveKitAuthManager::new(dev_keys());
    Daemon::new(console, None, auth, Arc::default())
}

fn api(
    settings: &Settings,
    keys: &KeyRing,
    options: ApiOptions,
) -> Result<LiveKitApiClient, Failure> {
    let rules = settings.security.transport_rules();
    let auth = LiveKitAuthManager::new(keys.clone());
    let server = (settings.livekit.url.as_str(), &rules);
    Ok(LiveKitApiClient::with(server, auth, options)?)
}

/// Such calls come at their own slow pace, and a server that is back should be seen: nothing is
/// gained by leaving it alone for longer.
pub(super) fn seeking_options(settings: &Settings) -> ApiOptions {
    let background = background_options(settings);
    ApiOptions {
        breaker: BreakerPolicy {
            open: remote::AWAY,
            open_cap: remote::AWAY,
            ..background.breaker
        },
        ..background
    }
}

fn background_options(settings: &Settings) -> ApiOptions {
    ApiOptions {
        watch: Watch::by(api_metrics::ApiMetrics),
        ..settings.retries.for_background()
    }
}
