use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, NAPTR, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use trunkline_sip::endpoint::Transport;

use super::*;

type Zone = BTreeMap<(String, RecordType), Vec<RData>>;

/// A DNS server of one zone on loopback.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    async fn open(zone: Zone) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        #[expect(clippy::disallowed_methods, reason = "ended with its server")]
        let task = tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                count.fetch_add(1, Ordering::Relaxed);
                let answer = answer(&zone, &buffer[..length]);
                socket.send_to(&answer, from).await.unwrap();
            }
        });
        Self {
            address,
            asked,
            task,
        }
    }

    fn resolver(&self) -> Resolver {
        let means = Means {
            transports: vec![Transport::Udp, Transport::Tcp],
            v4: true,
            v6: false,
        };
        Resolver::new(&[self.address], means)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn answer(zone: &Zone, request: &[u8]) -> Vec<u8> {
    let request = Message::from_vec(request).unwrap();
    let query = request.queries[0].clone();
    let name = query.name().to_utf8().to_lowercase();
    let found = zone.get(&(name.clone(), query.query_type()));
    let exists = zone.keys().any(|(known, _)| *known == name);
    let mut response = Message::response(request.metadata.id, OpCode::Query);
    response.metadata.response_code = if exists {
        ResponseCode::NoError
    } else {
        ResponseCode::NXDomain
    };
    let records = found.into_iter().flatten().cloned();
    response.add_answers(records.map(|data| Record::from_rdata(query.name().clone(), 60, data)));
    response.add_query(query);
    response.to_vec().unwrap()
}

fn name(text: &str) -> Name {
    Name::from_str(text).unwrap()
}

fn host(last: u8) -> Vec<RData> {
    vec![RData::A(A(Ipv4Addr::new(192, 0, 2, last)))]
}

fn srv(priority: u16, port: u16, target: &str) -> RData {
    RData::SRV(SRV::new(priority, 0, port, name(target)))
}

fn provider() -> Zone {
    let text = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
    let naptr = NAPTR::new(
        10,
        0,
        text("s"),
        text("SIP+D2T"),
        text(""),
        name("_sip._tcp.provider.test."),
    );
    let at = |name: &str, kind| (name.to_owned(), kind);
    Zone::from([
        (
            at("provider.test.", RecordType::NAPTR),
            vec![RData::NAPTR(naptr)],
        ),
        (
            at("_sip._tcp.provider.test.", RecordType::SRV),
            vec![
                srv(2, 5072, "b.provider.test."),
                srv(1, 5071, "a.provider.test."),
            ],
        ),
        (at("a.provider.test.", RecordType::A), host(1)),
        (at("b.provider.test.", RecordType::A), host(2)),
    ])
}

async fn ports(resolver: &Resolver, uri: &str) -> Vec<u16> {
    let found = resolver.resolve(&Uri::parse(uri).unwrap()).await.unwrap();
    assert!(found.iter().all(|one| one.name == "provider.test"));
    found.iter().map(|one| one.address.port()).collect()
}

#[tokio::test]
async fn a_providers_records_lead_to_its_servers_and_round_a_dead_one() {
    let server = Server::open(provider()).await;
    let resolver = server.resolver();
    let uri = "sip:100@provider.test";
    assert_eq!(ports(&resolver, uri).await, [5071, 5072]);
    let asked = server.asked.load(Ordering::Relaxed);
    let found = resolver.resolve(&Uri::parse(uri).unwrap()).await.unwrap();
    assert_eq!(found[0].transport, Transport::Tcp);
    assert_eq!(found[0].address.ip(), IpAddr::from([192, 0, 2, 1]));
    resolver.failed(&found[0], None);
    assert_eq!(ports(&resolver, uri).await, [5072, 5071]);
    resolver.works(&found[0]);
    assert_eq!(ports(&resolver, uri).await, [5071, 5072]);
    assert_eq!(
        server.asked.load(Ordering::Relaxed),
        asked,
        "from the cache"
    );
}

#[tokio::test]
async fn a_name_that_is_not_there_is_asked_for_once() {
    let server = Server::open(provider()).await;
    let resolver = server.resolver();
    let uri = Uri::parse("sip:100@nowhere.test").unwrap();
    let unknown = Err(LocateError::Unknown("nowhere.test".to_owned()));
    assert_eq!(resolver.resolve(&uri).await, unknown);
    let asked = server.asked.load(Ordering::Relaxed);
    assert!(asked > 0);
    assert_eq!(resolver.resolve(&uri).await, unknown);
    assert_eq!(
        server.asked.load(Ordering::Relaxed),
        asked,
        "negative answers are kept"
    );
}

/// A host of the machine's own file was looked for in a DNS that was away, until the caller gave up.
#[tokio::test]
async fn a_host_of_this_machines_file_needs_no_dns() {
    let means = Means {
        transports: vec![Transport::Udp, Transport::Tls],
        v4: true,
        v6: false,
    };
    // Nobody answers there.
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let resolver = Resolver::new(&[silent.local_addr().unwrap()], means);
    for (uri, expected) in [
        ("sip:1@localhost", "udp 127.0.0.1:5060"),
        ("sip:1@LOCALHOST;transport=tls", "tls 127.0.0.1:5061"),
        ("sip:1@localhost:5070", "udp 127.0.0.1:5070"),
    ] {
        let found = resolver.resolve(&Uri::parse(uri).unwrap()).await.unwrap();
        let first = format!("{} {}", found[0].transport.word(), found[0].address);
        assert_eq!(first, expected, "{uri}");
    }
}

#[tokio::test]
async fn addresses_need_no_dns_and_a_dead_dns_is_said() {
    let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let means = Means {
        transports: vec![Transport::Udp],
        v4: true,
        v6: true,
    };
    let resolver = Resolver::new(&[address], means);
    let uri = Uri::parse("sip:1@[2001:db8::1]:5070").unwrap();
    assert_eq!(resolver.resolve(&uri).await.unwrap().len(), 1);
    let uri = Uri::parse("sip:1@provider.test").unwrap();
    let silent = Err(LocateError::Silent("provider.test".to_owned()));
    assert_eq!(resolver.resolve(&uri).await, silent);
}
