//! The LiveKit server: does it answer, does it take our keys, and what time is it there?

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use trunkline_base::class::{Classified as _, chain};
use trunkline_base::id::RoomName;
use trunkline_client::api::Failure;
use trunkline_client::url::ServerUrl;

use super::finding::Finding;
use super::patient::{Patient, ServerSide};
use crate::daemon::Daemon;

pub(super) const SERVER: &str = "livekit";
pub(super) const CLOCK: &str = "clock";

const NOT_RUNNING: &str = "the embedded node does not run: it does with `trunkline serve`";

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

/// What time is it there?
pub(super) async fn clock(patient: Arc<Patient>) -> Vec<Finding> {
    let Ok(api) = &patient.server.api else {
        return vec![Finding::skip(CLOCK, "there is no server to ask")];
    };
    let url = api.url();
    if patient.server.is_embedded && patient.daemon.is_running().await {
        return vec![Finding::pass(CLOCK, "the node has this machine's clock")];
    }
    if patient.server.is_embedded {
        return vec![Finding::skip(CLOCK, NOT_RUNNING)];
    }
    vec![match date(url).await {
        Err(why) => Finding::skip(CLOCK, format!("{url} tells no time: {why}")),
        Ok(server) => judge(server, SystemTime::now()),
    }]
}

/// The server's time, by the header that every web server sends.
async fn date(url: &ServerUrl) -> Result<SystemTime, String> {
    let client = Daemon::web(url.rules()).map_err(|error| error.to_string())?;
    let answer = client.get(url.http("/")).send().await;
    let answer = answer.map_err(|error| chain(&error))?;
    let date = answer
        .headers()
        .get("date")
        .and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
    date.ok_or_else(|| "its answer has no Date".to_owned())
}

/// Servers allow a minute between their clock and a token's.
fn judge(server: SystemTime, ours: SystemTime) -> Finding {
    let (by, word) = match server.duration_since(ours) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    let seconds = by.as_secs();
    let seen = format!("the server's clock is {seconds} s {word} this machine's");
    let remedy = "set both clocks by ntp (chrony, systemd-timesyncd): tokens are dated by them";
    if by <= NEAR {
        Finding::pass(CLOCK, "the server's clock agrees with this machine's")
    } else if by <= LEEWAY {
        Finding::warn(CLOCK, seen, remedy)
    } else {
        Finding::fail(CLOCK, seen, remedy)
    }
}

/// Date has whole seconds, and the answer was under way.
const NEAR: Duration = Duration::from_secs(5);

/// What LiveKit forgives.
const LEEWAY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_clock_that_tokens_cannot_bear_fails() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        for (seconds, verdict) in [
            (0, Verdict::Pass),
            (5, Verdict::Pass),
            (30, Verdict::Warn),
            (600, Verdict::Fail),
        ] {
            let off = Duration::from_secs(seconds);
            assert_eq!(judge(now + off, now).verdict, verdict, "{seconds} ahead");
            assert_eq!(judge(now, now + off).verdict, verdict, "{seconds} behind");
        }
        let seen = judge(now, now + Duration::from_secs(600)).seen;
        assert_eq!(seen, "the server's clock is 600 s behind this machine's");
    }
}
