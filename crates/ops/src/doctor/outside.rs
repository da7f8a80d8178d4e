//! Ports for sound as somebody outside sees them: a STUN server that answers from a second address shows
//! whether what strangers send comes in (RFC 5780).

use std::net::{IpAddr, SocketAddr};

use futures::future::join_all;

use super::finding::Finding;
use super::patient::{Ports, Stun};
use super::reach::{Reach, SeenPort};

pub(super) const RTP: &str = "rtp_ports";

/// Asks about a few ports of the range.
pub(super) async fn look(
    ports: &Ports,
    stun: &Stun,
    samples: &[u16],
    reach: &dyn Reach,
) -> Finding {
    let spread = [
        samples.first(),
        samples.get(samples.len() / 2),
        samples.last(),
    ];
    let mut chosen: Vec<u16> = spread.into_iter().flatten().copied().collect();
    chosen.dedup();
    let asked = chosen.into_iter().map(async |port| {
        let seen = reach
            .seen(&stun.server, SocketAddr::new(ports.udp.ip(), port))
            .await;
        (port, seen)
    });
    let seen: Vec<(u16, Result<SeenPort, String>)> = join_all(asked).await;
    let told = ports.public_ip.filter(|_| !stun.is_gateways);
    judge(told, &ports.rtp_words(), &seen).about(format!("udp from {}", stun.server))
}

fn judge(told: Option<IpAddr>, range: &str, seen: &[(u16, Result<SeenPort, String>)]) -> Finding {
    let mut open = 0;
    let mut shut = 0;
    let forward =
        format!("forward udp {range} of the router, each port to the same one of this machine");
    for (port, seen) in seen {
        let view = match seen {
            Ok(view) => view,
            Err(why) => {
                let remedy =
                    "nothing of UDP comes back: open it in the firewall, or ask another server";
                return Finding::warn(RTP, format!("port {port}: {why}"), remedy);
            }
        };
        if view.at.port() != *port {
            let text = format!("phones are told port {port}, and are sent from {}", view.at);
            return Finding::fail(RTP, text, forward);
        }
        if let Some(told) = told
            && view.at.ip() != told
        {
            let text = format!("phones are told {told}, and are sent from {}", view.at);
            return Finding::fail(RTP, text, "see what is said of the address");
        }
        match view.open_to_others {
            Some(true) => open += 1,
            Some(false) => shut += 1,
            None => {}
        }
    }
    let many = seen.len();
    if many == 0 {
        return Finding::skip(RTP, "no port is free");
    }
    if shut > 0 {
        let text = format!(
            "{shut} of {many} ports take nothing from an address that was not sent to before: a provider's sound, which comes first from its side, is not heard"
        );
        let remedy = format!(
            "{forward}; on this machine or in the cloud's firewall allow udp {range} from anywhere"
        );
        return Finding::fail(RTP, text, remedy);
    }
    if open == many {
        return Finding::pass(
            RTP,
            format!("{open} of {many} ports take what strangers send"),
        );
    }
    let text = format!(
        "{many} of {many} ports are seen as they are; whether strangers reach them was not tried"
    );
    let remedy = "ask a STUN server with two addresses (RFC 5780), such as coturn with two of them";
    Finding::warn(RTP, text, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn seen(at: &str, open_to_others: Option<bool>) -> Finding {
        let at = at.parse().unwrap();
        let view = SeenPort { at, open_to_others };
        judge(
            Some([203, 0, 113, 7].into()),
            "10000-20000",
            &[(10_000, Ok(view))],
        )
    }

    #[test]
    fn strangers_have_to_reach_the_port_that_phones_are_told() {
        let open = seen("203.0.113.7:10000", Some(true));
        assert_eq!(open.verdict, Verdict::Pass, "{open:?}");
        let shut = seen("203.0.113.7:10000", Some(false));
        assert_eq!(shut.verdict, Verdict::Fail, "{shut:?}");
        assert!(shut.remedy.unwrap().contains("udp 10000-20000"));
        let moved = seen("203.0.113.7:43211", Some(true));
        assert_eq!(moved.verdict, Verdict::Fail, "{moved:?}");
        let elsewhere = seen("203.0.113.8:10000", Some(true));
        assert_eq!(elsewhere.verdict, Verdict::Fail, "{elsewhere:?}");
    }

    #[test]
    fn what_was_not_tried_is_not_called_well() {
        assert_eq!(seen("203.0.113.7:10000", None).verdict, Verdict::Warn);
        let silent = judge(None, "1-2", &[(1, Err("no answer".to_owned()))]);
        assert_eq!(silent.verdict, Verdict::Warn);
    }
}
