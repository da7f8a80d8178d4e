//! The plan itself.

use std::net::{IpAddr, SocketAddr};

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::endpoint::Transport;
use crate::host::is_one;
use crate::uri::{Scheme, Uri};

use super::weight::in_turn;
use super::{Answer, LocateError, Means, Naptr, Question, Srv, Target};

/// Finds targets: ask [`Self::questions`], tell [`Self::answer`], until there are none.
#[derive(Debug)]
pub struct Plan {
    means: Means,
    rng: StdRng,
    /// What the URI names.
    name: String,
    stage: Stage,
    /// Did the DNS leave a question open?
    silent: bool,
    /// Was there an address we cannot reach?
    unreachable: bool,
    /// Was there one that is no host's?
    many: bool,
    targets: Vec<Target>,
}

#[derive(Debug)]
enum Stage {
    /// Which transports there are.
    Naptr(Vec<Transport>),
    /// Which hosts serve each.
    Srv(Vec<(Transport, String)>),
    /// Which addresses they have.
    Hosts(Vec<(Transport, String, u16)>),
    Done,
}

impl Plan {
    /// Begins with what the URI says. `seed` shares load among equal servers.
    ///
    /// # Errors
    /// [`LocateError`] when it names no host or no transport of ours.
    pub fn new(uri: &Uri, means: Means, seed: u64) -> Result<Self, LocateError> {
        let name = uri.params.get("maddr").unwrap_or(&uri.host).to_owned();
        if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips) || name.is_empty() {
            return Err(LocateError::NoHost);
        }
        let asked = asked(uri)?;
        let offered: Vec<Transport> = match asked {
            Some(transport) => vec![transport],
            None if uri.scheme == Scheme::Sips => vec![Transport::Tls],
            None => means.transports.clone(),
        };
        let usable = |transport: &Transport| means.transports.contains(transport);
        let offered: Vec<Transport> = offered.into_iter().filter(usable).collect();
        let default = asked.unwrap_or(match uri.scheme {
            Scheme::Sips => Transport::Tls,
            _ => Transport::Udp,
        });
        let Some(&first) = offered.first() else {
            return Err(LocateError::Transport(default.word().to_owned()));
        };
        let transport = if offered.contains(&default) {
            default
        } else {
            first
        };
        let port = uri.port.unwrap_or_else(|| transport.default_port());
        let mut plan = Self {
            means,
            rng: StdRng::seed_from_u64(seed),
            name: name.clone(),
            stage: Stage::Done,
            silent: false,
            unreachable: false,
            many: false,
            targets: Vec::new(),
        };
        let literal = name.trim_start_matches('[').trim_end_matches(']').parse();
        plan.stage = match literal {
            Ok(ip) => {
                plan.reach(transport, port, &[ip]);
                Stage::Done
            }
            Err(_) if uri.port.is_some() => Stage::Hosts(vec![(transport, name, port)]),
            Err(_) if asked.is_some() => Stage::Srv(vec![(transport, srv(transport, &name))]),
            Err(_) => Stage::Naptr(offered),
        };
        Ok(plan)
    }

    /// What to ask now, all at once; nothing when the plan is made.
    pub fn questions(&self) -> Vec<Question> {
        match &self.stage {
            Stage::Naptr(_) => vec![Question::Naptr(self.name.clone())],
            Stage::Srv(names) => {
                let names = names.iter().map(|(_, name)| name.clone());
                names.map(Question::Srv).collect()
            }
            Stage::Hosts(hosts) => {
                let hosts = hosts.iter().map(|(_, host, _)| host.clone());
                hosts.map(Question::Host).collect()
            }
            Stage::Done => Vec::new(),
        }
    }

    /// What came back, in the order of the questions.
    pub fn answer(&mut self, answers: Vec<Answer>) {
        // Many a resolver at home fails on NAPTR, which says nothing about the host.
        let is_vital = !matches!(self.stage, Stage::Naptr(_));
        self.silent |= is_vital && answers.contains(&Answer::Failed);
        let stage = std::mem::replace(&mut self.stage, Stage::Done);
        self.stage = match stage {
            Stage::Naptr(offered) => self.on_naptr(offered, answers),
            Stage::Srv(names) => self.on_srv(names, answers),
            Stage::Hosts(hosts) => {
                for ((transport, _, port), answer) in hosts.into_iter().zip(answers) {
                    if let Answer::Host(addresses) = answer {
                        self.reach(transport, port, &addresses);
                    }
                }
                Stage::Done
            }
            Stage::Done => Stage::Done,
        };
    }

    /// The targets, in the order they are to be tried.
    ///
    /// # Errors
    /// [`LocateError`] when there are none.
    pub fn finish(self) -> Result<Vec<Target>, LocateError> {
        let name = self.name;
        match (self.targets.is_empty(), self.unreachable, self.silent) {
            (false, ..) => Ok(self.targets),
            (true, ..) if self.many => Err(LocateError::Many(name)),
            (true, true, _) => Err(LocateError::Family(name)),
            (true, false, true) => Err(LocateError::Silent(name)),
            (true, false, false) => Err(LocateError::Unknown(name)),
        }
    }

    /// Records name transports; without any, every transport is looked for.
    fn on_naptr(&self, offered: Vec<Transport>, answers: Vec<Answer>) -> Stage {
        let mut records: Vec<Naptr> = answers
            .into_iter()
            .flat_map(|answer| match answer {
                Answer::Naptr(records) => records,
                Answer::Srv(_) | Answer::Host(_) | Answer::Failed => Vec::new(),
            })
            .take(MAX_RECORDS)
            .collect();
        records.sort_by_key(|record| (record.order, record.preference));
        let named = records.into_iter().filter_map(|record| {
            let transport = of_service(&record.service)?;
            let usable = record.flags.eq_ignore_ascii_case("s") && offered.contains(&transport);
            let name = record.replacement.trim_end_matches('.').to_owned();
            (usable && !name.is_empty()).then_some((transport, name))
        });
        let named: Vec<(Transport, String)> = named.take(MAX_NAMES).collect();
        if !named.is_empty() {
            return Stage::Srv(named);
        }
        let each = offered.into_iter();
        Stage::Srv(
            each.map(|transport| (transport, srv(transport, &self.name)))
                .collect(),
        )
    }

    fn on_srv(&mut self, names: Vec<(Transport, String)>, answers: Vec<Answer>) -> Stage {
        let mut hosts = Vec::new();
        let mut refused = false;
        let mut transports = names.iter().map(|(transport, _)| *transport);
        let first = transports.next();
        // UDP unless there is a reason for something else (RFC 3263 4.1).
        let default = transports.find(|one| *one == Transport::Udp).or(first);
        for ((transport, _), answer) in names.into_iter().zip(answers) {
            let Answer::Srv(records) = answer else {
                continue;
            };
            // A lone dot: this domain has no such service (RFC 2782).
            refused |= records.iter().any(is_no_service);
            let records: Vec<Srv> = records
                .into_iter()
                .filter(|record| !is_no_service(record) && record.port != 0)
                .take(MAX_RECORDS)
                .collect();
            for record in in_turn(records, &mut self.rng) {
                let host = record.target.trim_end_matches('.').to_owned();
                hosts.push((transport, host, record.port));
            }
        }
        hosts.truncate(MAX_HOSTS);
        match default {
            _ if !hosts.is_empty() => Stage::Hosts(hosts),
            Some(transport) if !refused => Stage::Hosts(vec![(
                transport,
                self.name.clone(),
                transport.default_port(),
            )]),
            _ => Stage::Done,
        }
    }

    fn reach(&mut self, transport: Transport, port: u16, addresses: &[IpAddr]) {
        for ip in addresses.iter().take(MAX_ADDRESSES) {
            let target = Target {
                transport,
                address: SocketAddr::new(ip.to_canonical(), port),
                name: self.name.clone(),
            };
            if !is_one(*ip) {
                self.many = true;
            } else if !self.means.reach(*ip) {
                self.unreachable = true;
            } else if self.targets.len() < MAX_TARGETS && !self.targets.contains(&target) {
                self.targets.push(target);
            }
        }
    }
}

/// The transport a URI asks for in so many words.
fn asked(uri: &Uri) -> Result<Option<Transport>, LocateError> {
    let Some(text) = uri.params.get("transport") else {
        return Ok(None);
    };
    let transport = match (&uri.scheme, text.to_ascii_lowercase().as_str()) {
        (Scheme::Sips, "tcp" | "tls") | (_, "tls") => Transport::Tls,
        (Scheme::Sips, _) => return Err(LocateError::Transport(text.to_owned())),
        (_, "udp") => Transport::Udp,
        (_, "tcp") => Transport::Tcp,
        _ => return Err(LocateError::Transport(text.to_owned())),
    };
    Ok(Some(transport))
}

fn is_no_service(record: &Srv) -> bool {
    record.target.trim_end_matches('.').is_empty()
}

/// Records read of one answer.
const MAX_RECORDS: usize = 32;

/// SRV names that NAPTR records may lead to.
const MAX_NAMES: usize = 4;

/// Hosts asked for; each is a question or two.
const MAX_HOSTS: usize = 12;

/// Addresses taken of one host.
const MAX_ADDRESSES: usize = 8;

/// More than anybody waits for.
const MAX_TARGETS: usize = 24;

/// The service field of a NAPTR record (RFC 3263 4.1).
fn of_service(service: &str) -> Option<Transport> {
    let known = [
        ("SIP+D2U", Transport::Udp),
        ("SIP+D2T", Transport::Tcp),
        ("SIPS+D2T", Transport::Tls),
    ];
    let found = known
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(service));
    found.map(|(_, transport)| transport)
}

/// The SRV name of a domain.
fn srv(transport: Transport, domain: &str) -> String {
    let service = match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
    };
    format!("{service}.{domain}")
}
