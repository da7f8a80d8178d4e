//! The LiveKit server: does it answer, and does it take our keys?

use std::sync::Arc;

use trunkline_base::class::{Classified as _, chain};
use trunkline_base::id::RoomName;
use trunkline_client::api::Failure;

use super::finding::Finding;
use super::patient::{Patient, ServerSide};

pub(super) const SERVER: &str = "livekit";

pub(super) const NOT_RUNNING: &str =
    "the embedded node does not run: it does with `trunkline serve`";

const KEYS: &str = "set LIVEKIT_API_KEY and LIVEKIT_API_SECRET as the server has them, or make keys \
                    with `trunkline keys add`; --dev for a development server";

/// Does it answer, and take our keys?
pub(super) async fn server(patient: Arc<Patient>) -> Vec<Finding> {
    let ServerSide { api, is_embedded } = &patient.server;
    let api = match api {
        Ok(api) => api,
        Err(why) => return vec![Finding::fail(SERVER, why.clone(), KEYS)],
    };
    if *is_embedded && !patient.daemon.is_running().await {
        return vec![Finding::skip(SERVER, NOT_RUNNING)];
    }
    // A room that nobody has: the answer is empty, and costs the server nothing.
    let nobody: Vec<RoomName> = RoomName::parse("trunkline-doctor").into_iter().collect();
    let url = api.url();
    let Err(error) = api.list_rooms(&nobody).await else {
        let seen = format!("{url} answers and takes the keys");
        return vec![Finding::pass(SERVER, seen)];
    };
    let remedy = match &error.failure {
        Failure::Twirp(refusal) if refusal.clock.is_some() => {
            "the clocks differ too much for tokens: set both by ntp (chrony, systemd-timesyncd)"
        }
        Failure::Twirp(refusal) if refusal.status == 401 => KEYS,
        Failure::Foreign { .. } | Failure::Redirect { .. } | Failure::Answer => {
            "something else than LiveKit answers there: correct LIVEKIT_URL"
        }
        Failure::Tls(_) => {
            "have its certificate renewed, issued for the name that is called, or signed by a CA this \
             machine knows; transport.ca_file of security.yaml (TRUNKLINE_CA_FILE) names one"
        }
        _ => "start the server, correct LIVEKIT_URL, or open the way to it in the firewall",
    };
    let seen = format!("{url}: {} ({})", chain(&error), error.code());
    vec![Finding::fail(SERVER, seen, remedy)]
}
