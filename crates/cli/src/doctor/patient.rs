//! What the files say, as the doctor wants it.

use std::net::IpAddr;
use std::path::Path;

use clap::Args;
use ipnet::IpNet;
use livekit_protocol::SipTransport;
use trunkline_agent::speech::models::{Manifest, list};
use trunkline_base::token::KeyRing;
use trunkline_bridge::sip::{TlsListen, TlsPeer};
use trunkline_ops::doctor::{
    AgentModels, CertificateUse, Fault, Patient, Ports, ServerSide, StoreFiles, Stun, TrunkCodecs,
    Way, WayUse,
};
use trunkline_service::listen::CertificateFiles;

use crate::failure::Failure;
use crate::settings::sip::{Outbound, Trunk};
use crate::settings::{Server, Settings, SipSetup};
use crate::sip::lint::{Finding, Weight, lint};
use crate::target::no_keys;
use crate::wiring::{asking_api, daemon, dev_keys};

/// Who is asked beside those in the files.
#[derive(Clone, Debug, Args)]
pub(crate) struct Outside {
    /// A STUN server that says which address we have outside
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) stun: Option<String>,
    /// A server of NTP that says whether this machine's clock is right
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) ntp: Option<String>,
}

/// The set-up that these settings make; without keys nobody can be asked.
pub(crate) fn patient(
    settings: &Settings,
    keys: Option<&KeyRing>,
    models: &Path,
    home: String,
    outside: Outside,
) -> Result<Patient, Failure> {
    let is_embedded = settings.livekit.server == Server::Embedded;
    let api = match keys {
        Some(keys) => asking_api(settings, keys).map_err(|failure| failure.to_string()),
        None => Err(no_keys().to_string()),
    };
    let setup = &settings.sip_setup;
    let gateway = &settings.gateway;
    let recording = &settings.livekit.recording;
    Ok(Patient {
        server: ServerSide { api, is_embedded },
        daemon: daemon(settings, keys.cloned().unwrap_or_else(dev_keys)),
        ports: gateway.enabled.then(|| Ports {
            udp: gateway.udp,
            tcp: gateway.tcp,
            tls: gateway.tls.options().listen.map(|listen| listen.address),
            public_ip: gateway.public_ip,
            rtp: gateway.rtp_ports.clone(),
            max_calls: settings.security.sip.max_calls,
        }),
        ways: ways(setup),
        expects_others: expects_others(setup),
        codecs: codecs(setup),
        own_codecs: gateway
            .codecs
            .iter()
            .map(|codec| codec.name().to_owned())
            .collect(),
        certificates: certificates(settings),
        store: StoreFiles {
            store: settings.livekit.store.clone(),
            recordings: recording.enabled.then(|| recording.dir.clone()),
        },
        models: match &settings.agent {
            Some(_) => Some(needed(models)?),
            None => None,
        },
        stun: stun_of(settings, outside.stun),
        ntp: outside.ntp,
        home,
        notices: settings.notices.iter().map(ToString::to_string).collect(),
        faults: lint(setup).into_iter().map(fault).collect(),
    })
}

fn fault(found: Finding) -> Fault {
    Fault {
        fails: found.weight == Weight::Problem,
        what: found.what,
        remedy: found.remedy,
    }
}

/// Whoever is named now; or else whom the gateway asks.
fn stun_of(settings: &Settings, named: Option<String>) -> Option<Stun> {
    let gateway = &settings.gateway;
    let is_gateways = named.is_none() && gateway.public_ip.is_none();
    let server = named.or_else(|| gateway.stun.clone())?;
    Some(Stun {
        server,
        is_gateways,
    })
}

/// Where calls go out, and where trunks register.
fn ways(setup: &SipSetup) -> Vec<Way> {
    let calls = setup.outbound.iter().map(|trunk| Way {
        trunk: trunk.key.clone(),
        uri: uri(trunk),
        serves: WayUse::Calls,
    });
    let registrations = setup.trunks.iter().filter_map(|trunk| {
        let register = trunk.register.as_ref()?;
        let hop = register
            .outbound_proxy
            .as_ref()
            .unwrap_or(&register.registrar);
        Some(Way {
            trunk: trunk.key.clone(),
            uri: hop.to_string(),
            serves: WayUse::Registration,
        })
    });
    calls.chain(registrations).collect()
}

fn uri(trunk: &Outbound) -> String {
    let transport = match trunk.transport {
        SipTransport::Auto => "",
        SipTransport::Udp => ";transport=udp",
        SipTransport::Tcp => ";transport=tcp",
        SipTransport::Tls => ";transport=tls",
    };
    format!("sip:{}{transport}", trunk.address)
}

/// Is there a trunk that does not belong to this machine and its networks?
fn expects_others(setup: &SipSetup) -> bool {
    let registers = setup.trunks.iter().any(|trunk| trunk.register.is_some());
    registers || !setup.outbound.is_empty() || setup.trunks.iter().any(is_outside)
}

fn is_outside(trunk: &Trunk) -> bool {
    let addresses = &trunk.allowed_addresses;
    addresses.is_empty() || addresses.iter().any(|address| !is_near(address))
}

fn is_near(address: &str) -> bool {
    let one = || address.parse::<IpAddr>().map(IpNet::from);
    let Ok(network) = address.parse::<IpNet>().or_else(|_| one()) else {
        return false;
    };
    NEAR.iter()
        .filter_map(|near| near.parse::<IpNet>().ok())
        .any(|near| near.contains(&network))
}

/// This machine, and networks that nobody outside is in.
const NEAR: [&str; 7] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];

fn codecs(setup: &SipSetup) -> Vec<TrunkCodecs> {
    let inbound = setup.trunks.iter().map(|trunk| (&trunk.key, &trunk.media));
    let outbound = setup
        .outbound
        .iter()
        .map(|trunk| (&trunk.key, &trunk.media));
    let each = inbound.chain(outbound).map(|(key, media)| TrunkCodecs {
        trunk: key.clone(),
        codecs: media.codecs.clone(),
        is_strict: media.only_listed_codecs,
    });
    each.collect()
}

fn certificates(settings: &Settings) -> Vec<CertificateUse> {
    let hosts = settings.monitoring.hosts.clone();
    let shown = |shown_by, files: CertificateFiles, hosts| CertificateUse {
        shown_by,
        files,
        hosts,
    };
    let sip = settings.gateway.tls.options().listen;
    let sip =
        sip.map(|TlsListen { certificate, .. }| shown("gateway.tls", certificate, hosts.clone()));
    let peers = settings.gateway.tls.options().peers.into_iter();
    let peers = peers.filter_map(|TlsPeer { certificate, .. }| {
        Some(shown("gateway.tls.peers", certificate?, Vec::new()))
    });
    let http = settings.security.transport.certificate_files();
    let http = http.map(|files| shown("transport.certificate", files, hosts.clone()));
    sip.into_iter().chain(http).chain(peers).collect()
}

/// Which of the agent's models are there.
fn needed(dir: &Path) -> Result<AgentModels, Failure> {
    let reports = list(&Manifest::builtin()?, dir);
    let missing = reports.iter().filter(|report| !report.state.is_good());
    let missing: Vec<String> = missing
        .map(|report| report.path.display().to_string())
        .collect();
    Ok(AgentModels {
        dir: dir.to_owned(),
        there: reports.len() - missing.len(),
        missing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk(addresses: &[&str]) -> Trunk {
        Trunk {
            allowed_addresses: addresses.iter().map(|&a| a.to_owned()).collect(),
            ..Trunk::default()
        }
    }

    #[test]
    fn whoever_is_on_this_machine_or_beside_it_is_nobody_outside() {
        assert!(!is_outside(&trunk(&[
            "127.0.0.0/8",
            "192.168.1.7",
            "::1/128"
        ])));
        assert!(is_outside(&trunk(&["127.0.0.0/8", "203.0.113.0/24"])));
        assert!(
            is_outside(&trunk(&["0.0.0.0/0"])),
            "a network around them is not within"
        );
        assert!(is_outside(&trunk(&[])), "whoever knows the password");
    }

    #[test]
    fn calls_go_out_as_the_trunk_says() {
        let out = |transport| Outbound {
            address: "sip.example.com:5080".to_owned(),
            transport,
            ..Outbound::default()
        };
        assert_eq!(uri(&out(SipTransport::Auto)), "sip:sip.example.com:5080");
        assert_eq!(
            uri(&out(SipTransport::Tls)),
            "sip:sip.example.com:5080;transport=tls"
        );
    }
}
