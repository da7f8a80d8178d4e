//! Questions to the DNS, and what its records mean to us.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use tracing::{debug, warn};
use trunkline_sip::locate::{Answer, Naptr, Question, Srv};

/// A resolver with a cache; `None` where the machine names no DNS server.
#[derive(Clone)]
pub(super) struct Dns(Option<TokioResolver>);

impl Dns {
    pub(super) fn new(servers: &[SocketAddr]) -> Self {
        let built = if servers.is_empty() {
            TokioResolver::builder_tokio()
        } else {
            let servers = servers.iter().copied().map(server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            let runtime = TokioRuntimeProvider::default();
            Ok(TokioResolver::builder_with_config(config, runtime))
        };
        let built = built.and_then(|mut builder| {
            tune(builder.options_mut());
            builder.build()
        });
        if let Err(error) = &built {
            warn!(%error, "no dns server is known; only addresses can be called");
        }
        Self(built.ok())
    }

    pub(super) async fn ask(&self, question: &Question) -> Answer {
        if let Some(answer) = written_down(question) {
            return answer;
        }
        let Some(resolver) = &self.0 else {
            return Answer::Failed;
        };
        match question {
            Question::Naptr(name) => {
                let records = records(resolver, &absolute(name), RecordType::NAPTR).await;
                records.map_or(Answer::Failed, |all| collect(all, naptr, Answer::Naptr))
            }
            Question::Srv(name) => {
                let records = records(resolver, &absolute(name), RecordType::SRV).await;
                records.map_or(Answer::Failed, |all| collect(all, srv, Answer::Srv))
            }
            Question::Host(name) => {
                // A name without an end may be of this machine's own domain.
                let v4 = records(resolver, name, RecordType::A);
                let v6 = records(resolver, name, RecordType::AAAA);
                match tokio::join!(v4, v6) {
                    (Err(_), Err(_)) => Answer::Failed,
                    (v4, v6) => {
                        let all = [v4, v6].into_iter().flatten().flatten().collect();
                        collect(all, address, Answer::Host)
                    }
                }
            }
        }
    }
}

/// What this machine's file of hosts says, which needs no DNS and may change at any time. A name that
/// stands there is an address and no service.
fn written_down(question: &Question) -> Option<Answer> {
    let host = match question {
        Question::Naptr(name) | Question::Host(name) => name.as_str(),
        // Without the service and its transport.
        Question::Srv(name) => name.splitn(3, '.').nth(2)?,
    };
    let hosts = Hosts::from_system().ok()?;
    let name = Name::from_utf8(host).ok()?;
    let found = [RecordType::A, RecordType::AAAA].into_iter();
    let found = found.filter_map(|kind| {
        let query = Query::query(name.clone(), kind);
        hosts.lookup_static_host(&query)
    });
    let records: Vec<Record> = found.flat_map(|one| one.answers().to_vec()).collect();
    if records.is_empty() {
        return None;
    }
    Some(match question {
        Question::Naptr(_) => Answer::Naptr(Vec::new()),
        Question::Srv(_) => Answer::Srv(Vec::new()),
        Question::Host(_) => collect(records, address, Answer::Host),
    })
}

fn tune(options: &mut ResolverOpts) {
    options.timeout = TRY;
    options.attempts = TRIES;
    options.cache_size = CACHE;
    // A zone that was just set up is found soon, and one that is broken is not asked for each call.
    options.negative_min_ttl = Some(Duration::from_secs(5));
    options.negative_max_ttl = Some(Duration::from_secs(60));
    options.positive_max_ttl = Some(Duration::from_secs(3600));
    options.try_tcp_on_error = true;
}

fn server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    let connections = connections.map(|mut one| {
        one.port = address.port();
        one
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

/// Records of one type; none is an answer, an error is that there was no answer.
async fn records(
    resolver: &TokioResolver,
    name: &str,
    kind: RecordType,
) -> Result<Vec<Record>, NetError> {
    match resolver.lookup(name, kind).await {
        Ok(found) => Ok(found.answers().to_vec()),
        Err(error) if error.is_no_records_found() => Ok(Vec::new()),
        Err(error) => {
            debug!(%error, %kind, "the dns does not answer");
            Err(error)
        }
    }
}

fn collect<T>(
    records: Vec<Record>,
    read: impl Fn(RData) -> Option<T>,
    answer: impl Fn(Vec<T>) -> Answer,
) -> Answer {
    let read = records.into_iter().filter_map(|record| read(record.data));
    answer(read.take(MAX_RECORDS).collect())
}

fn naptr(data: RData) -> Option<Naptr> {
    let RData::NAPTR(naptr) = data else {
        return None;
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(Naptr {
        order: naptr.order,
        preference: naptr.preference,
        flags: text(&naptr.flags),
        service: text(&naptr.services),
        replacement: naptr.replacement.to_utf8(),
    })
}

fn srv(data: RData) -> Option<Srv> {
    let RData::SRV(srv) = data else {
        return None;
    };
    Some(Srv {
        priority: srv.priority,
        weight: srv.weight,
        port: srv.port,
        target: srv.target.to_utf8(),
    })
}

fn address(data: RData) -> Option<IpAddr> {
    match data {
        RData::A(a) => Some(IpAddr::V4(a.0)),
        RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
        _ => None,
    }
}

fn absolute(name: &str) -> String {
    let name = name.trim_end_matches('.');
    format!("{name}.")
}

/// For one server's answer; lost datagrams are asked again.
const TRY: Duration = Duration::from_millis(1500);

/// Per question.
const TRIES: usize = 2;

/// Answers remembered; a trunk needs some ten of them.
const CACHE: u64 = 1024;

/// Records read of one answer, more than the plan takes.
const MAX_RECORDS: usize = 64;
