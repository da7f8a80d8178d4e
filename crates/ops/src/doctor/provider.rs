//! Others' SIP servers: does their name lead anywhere, do they answer, and does somebody on the way
//! change what we say?

use std::sync::Arc;
use std::time::Duration;

use super::address::is_public;
use super::asked::Asked;
use super::finding::{Finding, or_skip};
use super::patient::{Patient, Way, WayUse};
use super::reach::{Echo, Reach, Silence};

pub(super) const DNS: &str = "dns";
pub(super) const PROVIDER: &str = "provider";
pub(super) const ALG: &str = "alg";

const NONE: &str = "no trunk names a host: no calls go out, and nothing registers";

/// What a finding is about.
fn name(way: &Way) -> String {
    let what = match way.serves {
        WayUse::Calls => "calls out of",
        WayUse::Registration => "registration of",
    };
    format!("{what} {}", way.trunk)
}

pub(super) async fn dns(patient: Arc<Patient>, reach: Arc<dyn Reach>) -> Vec<Finding> {
    let mut found = Vec::new();
    for way in &patient.ways {
        let finding = match reach.locate(way).await {
            Ok(places) => Finding::pass(DNS, format!("{} leads to {}", way.uri, places.join(", "))),
            Err(why) => Finding::fail(
                DNS,
                format!("{}: {why}", way.uri),
                "correct the host in livekit-sip-correct.yaml, or the machine's DNS \
                 (/etc/resolv.conf); `dig SRV _sip._udp.HOST` and `dig HOST` ask by hand",
            ),
        };
        found.push(finding.about(name(way)));
    }
    or_skip(found, DNS, NONE)
}

pub(super) async fn providers(asked: Arc<Asked>) -> Vec<Finding> {
    let answers = asked.all().await.into_iter();
    let each = answers.map(|(way, answer)| standing(answer).about(name(way)));
    or_skip(each.collect(), PROVIDER, NONE)
}

fn standing(answer: &Result<Echo, Silence>) -> Finding {
    let echo = match answer {
        Ok(echo) => echo,
        Err(silence) => return Finding::fail(PROVIDER, silence.to_string(), mend(silence)),
    };
    let Echo {
        peer,
        transport,
        status,
        reason,
        took,
        ..
    } = echo;
    let by = echo.software.as_deref().map(|name| format!(" ({name})"));
    let seen = format!(
        "{status} {reason} from {transport} {peer}{} after {} ms",
        by.unwrap_or_default(),
        took.as_millis()
    );
    if (500..600).contains(status) && *status != 501 {
        let remedy =
            "the provider says that it cannot take calls now: ask its status page or support";
        return Finding::warn(PROVIDER, seen, remedy);
    }
    if *took > FAR {
        let remedy = "it is far away: each call is set up in several times that; take a server of \
                      the provider that is nearer";
        return Finding::warn(PROVIDER, seen, remedy);
    }
    if (200..300).contains(status) {
        return Finding::pass(PROVIDER, seen);
    }
    // Whoever refuses is there: many providers answer OPTIONS to nobody they have not seen.
    Finding::pass(
        PROVIDER,
        format!("{seen}: it is there, and answers no OPTIONS of ours"),
    )
}

fn mend(silence: &Silence) -> &'static str {
    match silence {
        Silence::Nowhere(_) => "see what is said of its name",
        Silence::Refused { .. } => {
            "nobody listens there: correct host, port and transport of the trunk"
        }
        Silence::Tls { .. } => {
            "correct the trunk's transport, or name the provider's CA under gateway.tls.peers"
        }
        Silence::Late { .. } => {
            "correct host, port and transport; open UDP and TCP to it in the firewall; some \
             providers answer nobody but addresses and registrations they know: ask theirs to \
             allow this machine's address"
        }
    }
}

pub(super) async fn algs(asked: Arc<Asked>) -> Vec<Finding> {
    let answers = asked.all().await.into_iter();
    let each = answers.map(|(way, answer)| {
        let finding = match answer {
            Ok(echo) => alg(echo),
            Err(_) => Finding::skip(ALG, "nothing came back"),
        };
        finding.about(name(way))
    });
    or_skip(each.collect(), ALG, NONE)
}

/// What a router that meddles with SIP (an application layer gateway) leaves behind.
fn alg(echo: &Echo) -> Finding {
    if !echo.changed.is_empty() {
        let seen = format!("our headers came back changed: {}", echo.changed.join("; "));
        return Finding::fail(ALG, seen, OFF);
    }
    if let Some((said, found)) = echo.odd_length {
        let seen = format!("Content-Length says {said}, and {found} bytes came");
        return Finding::warn(ALG, seen, OFF);
    }
    let ours = echo.sent_from.ip();
    let crosses = is_public(echo.peer.ip()) && !is_public(ours);
    match echo.received {
        // A server always tells from where a request came, if that is not what Via says: whoever
        // sits between has written the outer address into our Via, and taken it out again.
        None if crosses && echo.transport == "udp" => {
            let seen = format!(
                "{} saw no difference between our private address {ours} and where we came from",
                echo.peer
            );
            Finding::warn(ALG, seen, OFF)
        }
        Some(received) if crosses && received == ours => {
            let seen = format!(
                "{} claims to have seen us at {ours}, which is private",
                echo.peer
            );
            Finding::warn(ALG, seen, OFF)
        }
        Some(received) => {
            let port = echo
                .rport
                .map(|port| format!(":{port}"))
                .unwrap_or_default();
            Finding::pass(
                ALG,
                format!("headers came back as sent; seen as {received}{port}"),
            )
        }
        None => Finding::pass(ALG, "headers came back as sent"),
    }
}

const OFF: &str = "something between rewrites SIP: switch off `SIP ALG` (SIP helper, SIP inspection) \
                   in the router, on Linux `modprobe -r nf_nat_sip nf_conntrack_sip`; or go inside TLS \
                   (transport: tls), where nobody can";

/// Once around the world and back.
const FAR: Duration = Duration::from_millis(400);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn echo(peer: &str, ours: &str, received: Option<&str>) -> Echo {
        Echo {
            peer: peer.parse().unwrap(),
            transport: "udp",
            status: 200,
            reason: "OK".to_owned(),
            took: Duration::from_millis(12),
            software: None,
            sent_from: ours.parse().unwrap(),
            received: received.map(|ip| ip.parse().unwrap()),
            rport: None,
            changed: Vec::new(),
            odd_length: None,
            codecs: Vec::new(),
        }
    }

    #[test]
    fn whoever_answers_is_there_and_whoever_fails_says_so() {
        let with = |status: u16| {
            let echo = Echo {
                status,
                ..echo("8.8.8.8:5060", "10.0.0.5:40000", Some("9.9.9.9"))
            };
            standing(&Ok(echo)).verdict
        };
        for there in [200, 403, 404, 405, 480, 501] {
            assert_eq!(with(there), Verdict::Pass, "{there}");
        }
        assert_eq!(with(503), Verdict::Warn);
        let late = Silence::Late {
            place: "udp 203.0.113.7:5060".to_owned(),
            after: Duration::from_secs(5),
        };
        let dead = standing(&Err(late));
        assert_eq!(dead.verdict, Verdict::Fail);
        assert_eq!(dead.seen, "no answer from udp 203.0.113.7:5060 in 5 s");
        let far = Echo {
            took: Duration::from_secs(1),
            ..echo("8.8.8.8:5060", "10.0.0.5:40000", None)
        };
        assert_eq!(standing(&Ok(far)).verdict, Verdict::Warn);
    }

    #[test]
    fn a_router_that_meddles_is_seen_by_what_it_changed_or_hid() {
        let clean = echo("8.8.8.8:5060", "10.0.0.5:40000", Some("9.9.9.9"));
        assert_eq!(alg(&clean).verdict, Verdict::Pass);
        let changed = Echo {
            changed: vec!["Via 10.0.0.5:40000 became 9.9.9.9:5060".to_owned()],
            ..clean.clone()
        };
        assert_eq!(alg(&changed).verdict, Verdict::Fail);
        let odd = Echo {
            odd_length: Some((12, 0)),
            ..clean
        };
        assert_eq!(alg(&odd).verdict, Verdict::Warn);
        // Written in on the way out, and taken out again on the way back.
        let hidden = echo("8.8.8.8:5060", "10.0.0.5:40000", None);
        assert_eq!(alg(&hidden).verdict, Verdict::Warn);
        let within = echo("10.0.0.9:5060", "10.0.0.5:40000", None);
        assert_eq!(alg(&within).verdict, Verdict::Pass);
    }
}
