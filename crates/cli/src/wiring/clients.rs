//! Clients of the LiveKit server for the daemon's own calls.

use trunkline_base::token::KeyRing;
use trunkline_client::api::breaker::BreakerPolicy;
use trunkline_client::api::{ApiOptions, LiveKitApiClient, Watch};
use trunkline_client::auth::LiveKitAuthManager;

use super::{api_metrics, remote};
use crate::failure::Failure;
use crate::settings::Settings;

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
