//! What time is it at the LiveKit server, and in the world, by this machine's clock?
//!
//! A node of our own is asked like any other server: it mostly has this machine's clock, but not where
//! one of the two runs in a machine of its own behind a forwarded port. Whether that one clock is right
//! shows only by one outside: `--ntp`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use trunkline_base::class::chain;
use trunkline_client::url::ServerUrl;

use super::finding::{Finding, Verdict};
use super::ntp;
use super::patient::Patient;
use super::server::NOT_RUNNING;
use crate::daemon::Daemon;

pub(super) const CLOCK: &str = "clock";

pub(super) async fn clock(patient: Arc<Patient>) -> Vec<Finding> {
    let (mut server, world) = tokio::join!(of_server(&patient), of_world(&patient));
    if world.is_none() && patient.server.is_embedded && server.verdict == Verdict::Pass {
        server.seen += ASK_THE_WORLD;
    }
    [server].into_iter().chain(world).collect()
}

async fn of_server(patient: &Patient) -> Finding {
    let Ok(api) = &patient.server.api else {
        return Finding::skip(CLOCK, "there is no server to ask");
    };
    if patient.server.is_embedded && !patient.daemon.is_running().await {
        return Finding::skip(CLOCK, NOT_RUNNING);
    }
    let url = api.url();
    let whose = if patient.server.is_embedded {
        "the node's clock"
    } else {
        "the server's clock"
    };
    match date(url).await {
        Err(why) => Finding::skip(CLOCK, format!("{url} tells no time: {why}")),
        Ok(theirs) => judge((whose, BOTH), theirs, SystemTime::now()),
    }
}

/// By the server of NTP that was named.
async fn of_world(patient: &Patient) -> Option<Finding> {
    let server = patient.ntp.as_ref()?;
    let found = match ntp::ask(server).await {
        Ok(theirs) => judge(("its clock", OURS), theirs.at, theirs.ours),
        Err(why) => {
            let remedy = "open UDP port 123 to it, or name another one (pool.ntp.org)";
            Finding::warn(CLOCK, format!("tells no time: {why}"), remedy)
        }
    };
    Some(found.about(server.clone()))
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
fn judge((whose, remedy): (&str, &str), theirs: SystemTime, ours: SystemTime) -> Finding {
    let (by, word) = match theirs.duration_since(ours) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    let seconds = by.as_secs();
    let seen = format!("{whose} is {seconds} s {word} this machine's");
    if by <= NEAR {
        Finding::pass(CLOCK, format!("{whose} agrees with this machine's"))
    } else if by <= LEEWAY {
        Finding::warn(CLOCK, seen, remedy)
    } else {
        Finding::fail(CLOCK, seen, remedy)
    }
}

const BOTH: &str = "set both clocks by ntp (chrony, systemd-timesyncd): tokens are dated by them";

const OURS: &str = "set this machine's clock by ntp (chrony, systemd-timesyncd): tokens, certificates \
                    and records go by it";

/// Where both have one clock, their agreement says nothing of it.
const ASK_THE_WORLD: &str =
    "; whether that one is right: `trunkline doctor clock --ntp pool.ntp.org`";

/// Date has whole seconds, and the answer was under way.
const NEAR: Duration = Duration::from_secs(5);

/// What LiveKit forgives.
const LEEWAY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

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
            let verdict_of = |theirs, ours| judge(("its clock", OURS), theirs, ours).verdict;
            assert_eq!(verdict_of(now + off, now), verdict, "{seconds} ahead");
            assert_eq!(verdict_of(now, now + off), verdict, "{seconds} behind");
        }
        let seen = judge(("its clock", OURS), now, now + Duration::from_secs(600)).seen;
        assert_eq!(seen, "its clock is 600 s behind this machine's");
    }
}
