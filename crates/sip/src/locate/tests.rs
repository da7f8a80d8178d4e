use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::*;
use crate::uri::Uri;

/// A DNS of our own.
#[derive(Default)]
struct Dns {
    naptr: BTreeMap<&'static str, Vec<Naptr>>,
    srv: BTreeMap<&'static str, Vec<Srv>>,
    hosts: BTreeMap<&'static str, Vec<&'static str>>,
    /// Names it does not answer for.
    silent: Vec<&'static str>,
    asked: Vec<Question>,
}

impl Dns {
    fn naptr(mut self, domain: &'static str, records: &[(u16, &str, &str)]) -> Self {
        let record = |(order, service, replacement): &(u16, &str, &str)| Naptr {
            order: *order,
            preference: 0,
            flags: "S".to_owned(),
            service: (*service).to_owned(),
            replacement: (*replacement).to_owned(),
        };
        self.naptr
            .insert(domain, records.iter().map(record).collect());
        self
    }

    fn srv(mut self, name: &'static str, records: &[(u16, u16, u16, &str)]) -> Self {
        let record = |(priority, weight, port, target): &(u16, u16, u16, &str)| Srv {
            priority: *priority,
            weight: *weight,
            port: *port,
            target: (*target).to_owned(),
        };
        self.srv.insert(name, records.iter().map(record).collect());
        self
    }

    fn host(mut self, name: &'static str, addresses: &[&'static str]) -> Self {
        self.hosts.insert(name, addresses.to_vec());
        self
    }

    fn answer(&mut self, question: Question) -> Answer {
        self.asked.push(question.clone());
        let silent = |name: &str| self.silent.contains(&name);
        match question {
            Question::Naptr(name) | Question::Srv(name) | Question::Host(name) if silent(&name) => {
                Answer::Failed
            }
            Question::Naptr(name) => {
                Answer::Naptr(self.naptr.get(&*name).cloned().unwrap_or_default())
            }
            Question::Srv(name) => Answer::Srv(self.srv.get(&*name).cloned().unwrap_or_default()),
            Question::Host(name) => {
                let found = self.hosts.get(&*name).cloned().unwrap_or_default();
                Answer::Host(found.iter().map(|ip| ip.parse().unwrap()).collect())
            }
        }
    }

    fn locate_by(
        &mut self,
        uri: &str,
        means: Means,
        seed: u64,
    ) -> Result<Vec<Target>, LocateError> {
        let mut plan = Plan::new(&parsed(uri), means, seed)?;
        loop {
            let questions = plan.questions();
            if questions.is_empty() {
                return plan.finish();
            }
            let answers = questions.into_iter().map(|one| self.answer(one)).collect();
            plan.answer(answers);
        }
    }

    /// Targets as text, such as `udp 192.0.2.1:5060`.
    fn locate(&mut self, uri: &str) -> Result<Vec<String>, LocateError> {
        let found = self.locate_by(uri, means(), 1)?;
        let text = |target: Target| format!("{} {}", target.transport.word(), target.address);
        Ok(found.into_iter().map(text).collect())
    }
}

fn parsed(uri: &str) -> Uri {
    Uri::parse(uri).unwrap()
}

fn means() -> Means {
    Means {
        transports: vec![Transport::Udp, Transport::Tcp, Transport::Tls],
        v4: true,
        v6: false,
    }
}

#[test]
fn addresses_and_ports_ask_the_dns_for_no_service() {
    let mut dns = Dns::default().host("sip.example.com", &["192.0.2.9"]);
    for (uri, target) in [
        ("sip:1@192.0.2.1", "udp 192.0.2.1:5060"),
        ("sip:1@192.0.2.1:5080;transport=tcp", "tcp 192.0.2.1:5080"),
        ("sips:1@192.0.2.1", "tls 192.0.2.1:5061"),
        ("sip:1@192.0.2.1;transport=tls", "tls 192.0.2.1:5061"),
        ("sip:1@example.com;maddr=192.0.2.7", "udp 192.0.2.7:5060"),
    ] {
        assert_eq!(dns.locate(uri).unwrap(), [target], "{uri}");
        assert!(dns.asked.is_empty(), "{uri}");
    }
    assert_eq!(
        dns.locate("sip:1@sip.example.com:5070").unwrap(),
        ["udp 192.0.2.9:5070"]
    );
    assert_eq!(dns.asked, [Question::Host("sip.example.com".to_owned())]);
}

#[test]
fn naptr_records_choose_the_transport() {
    let mut dns = Dns::default()
        .naptr(
            "example.com",
            &[
                (20, "SIP+D2U", "_sip._udp.example.com."),
                (10, "SIPS+D2T", "_sips._tcp.example.com."),
                (5, "E2U+sip", "_sip._udp.elsewhere.example."),
            ],
        )
        .srv("_sip._udp.example.com", &[(0, 0, 5060, "a.example.com.")])
        .srv("_sips._tcp.example.com", &[(0, 0, 5071, "b.example.com.")])
        .host("a.example.com", &["192.0.2.1"])
        .host("b.example.com", &["192.0.2.2"]);
    assert_eq!(
        dns.locate("sip:1@example.com").unwrap(),
        ["tls 192.0.2.2:5071", "udp 192.0.2.1:5060"]
    );
    assert_eq!(
        dns.locate("sips:1@example.com").unwrap(),
        ["tls 192.0.2.2:5071"]
    );
}

/// livekit/sip asks for addresses first, reads no port of SRV and knows no `_sips`.
#[test]
fn services_are_found_without_naptr() {
    let mut dns = Dns::default()
        .srv(
            "_sips._tcp.webex.example",
            &[(0, 0, 8934, "edge.webex.example.")],
        )
        .host("edge.webex.example", &["192.0.2.2", "192.0.2.3"])
        .host("webex.example", &["203.0.113.80"]);
    assert_eq!(
        dns.locate("sip:1@webex.example").unwrap(),
        ["tls 192.0.2.2:8934", "tls 192.0.2.3:8934"]
    );
    // Whoever asks for UDP gets no TLS, and no service means the host itself.
    assert_eq!(
        dns.locate("sip:1@webex.example;transport=udp").unwrap(),
        ["udp 203.0.113.80:5060"]
    );
}

#[test]
fn priorities_come_first_and_weights_share_the_load() {
    let mut dns = Dns::default()
        .srv(
            "_sip._udp.example.com",
            &[
                (2, 0, 5060, "spare"),
                (1, 90, 5060, "big"),
                (1, 10, 5060, "small"),
            ],
        )
        .host("spare", &["192.0.2.3"])
        .host("big", &["192.0.2.1"])
        .host("small", &["192.0.2.2"]);
    let big: IpAddr = "192.0.2.1".parse().unwrap();
    let spare: IpAddr = "192.0.2.3".parse().unwrap();
    let mut first = 0;
    for seed in 0..1000 {
        let uri = "sip:1@example.com;transport=udp";
        let found = dns.locate_by(uri, means(), seed).unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!(found[2].address.ip(), spare);
        first += usize::from(found[0].address.ip() == big);
    }
    assert!((850..950).contains(&first), "{first}");
}

#[test]
fn a_dot_says_there_is_no_such_service() {
    let mut dns = Dns::default()
        .srv("_sip._udp.example.com", &[(0, 0, 0, ".")])
        .host("example.com", &["203.0.113.80"]);
    let refused = dns.locate("sip:1@example.com;transport=udp");
    assert_eq!(refused, Err(LocateError::Unknown("example.com".to_owned())));
}

#[test]
fn what_leads_nowhere_says_why() {
    let mut dns = Dns {
        silent: vec!["down.example"],
        ..Dns::default().host("six.example", &["2001:db8::1"])
    };
    let name = |text: &str| text.to_owned();
    for (uri, error) in [
        ("tel:+15550100", LocateError::NoHost),
        ("sip:1@h;transport=ws", LocateError::Transport(name("ws"))),
        (
            "sips:1@h;transport=udp",
            LocateError::Transport(name("udp")),
        ),
        ("sip:1@no.example", LocateError::Unknown(name("no.example"))),
        (
            "sip:1@down.example",
            LocateError::Silent(name("down.example")),
        ),
        (
            "sip:1@six.example",
            LocateError::Family(name("six.example")),
        ),
    ] {
        assert_eq!(dns.locate(uri), Err(error), "{uri}");
    }
    // A resolver that fails on NAPTR knows addresses all the same.
    let mut dns = Dns {
        silent: vec!["home.example"],
        ..Dns::default().srv("_sip._udp.home.example", &[(0, 0, 5066, "192.0.2.5")])
    };
    dns.hosts.insert("192.0.2.5", vec!["192.0.2.5"]);
    assert_eq!(
        dns.locate("sip:1@home.example").unwrap(),
        ["udp 192.0.2.5:5066"]
    );
}

#[test]
fn no_request_goes_to_a_group_to_everybody_or_to_nobody() {
    for host in ["239.1.2.3", "255.255.255.255:5060", "0.0.0.0"] {
        let uri = format!("sip:1@{host}");
        let name = host.trim_end_matches(":5060").to_owned();
        assert_eq!(
            Dns::default().locate(&uri),
            Err(LocateError::Many(name)),
            "{host}"
        );
    }
    let mut dns = Dns::default();
    dns.hosts
        .insert("group.example", vec!["224.0.1.75", "192.0.2.5"]);
    let found = dns
        .locate("sip:1@group.example:5060;transport=udp")
        .unwrap();
    assert_eq!(found, ["udp 192.0.2.5:5060"]);
}

/// Somebody else's DNS says how much work we have.
#[test]
fn answers_without_end_are_cut() {
    let many: Vec<Srv> = (0..500)
        .map(|n| Srv {
            priority: 0,
            weight: u16::MAX,
            port: 5060,
            target: format!("h{n}"),
        })
        .collect();
    let uri = Uri::parse("sip:1@example.com;transport=udp").unwrap();
    let mut plan = Plan::new(&uri, means(), 7).unwrap();
    plan.answer(vec![Answer::Srv(many)]);
    let hosts = plan.questions().len();
    assert!(hosts <= 12, "{hosts}");
    let addresses: Vec<IpAddr> = (0..200_u32).map(|n| IpAddr::V4(n.into())).collect();
    plan.answer(vec![Answer::Host(addresses); hosts]);
    assert!(plan.finish().unwrap().len() <= 24);
}

#[test]
fn a_target_that_failed_is_tried_last_for_a_while() {
    #[expect(clippy::disallowed_methods, reason = "an origin for virtual time")]
    let t0 = Instant::now();
    let target = |n: u8| Target {
        transport: Transport::Udp,
        address: ([192, 0, 2, n], 5060).into(),
        name: "example.com".to_owned(),
    };
    let order = |health: &Health, now| {
        let mut targets = [target(1), target(2), target(3)];
        health.sort(&mut targets, now);
        targets.map(|target| target.address.ip().to_string().pop().unwrap())
    };
    let mut health = Health::new();
    health.failed(target(1), Some(Duration::from_secs(100)), t0);
    health.failed(target(2), None, t0);
    assert_eq!(order(&health, t0), ['3', '2', '1']);
    assert_eq!(
        order(&health, t0 + Duration::from_secs(60)),
        ['2', '3', '1']
    );
    health.works(&target(1));
    assert_eq!(order(&health, t0), ['1', '3', '2']);
}
