//! The list of checks.

use std::sync::Arc;
use std::time::Duration;

use super::asked::Asked;
use super::finding::Check;
use super::patient::Patient;
use super::reach::Reach;
use super::{address, call, clock, config, machine, outside, ports, provider, server, tls, trunks};

/// Every check's name, in the order they are shown.
pub const NAMES: [&str; 15] = [
    config::CONFIG,
    server::SERVER,
    clock::CLOCK,
    address::ADDRESS,
    ports::SIP,
    outside::RTP,
    tls::TLS,
    provider::DNS,
    provider::PROVIDER,
    provider::ALG,
    trunks::REGISTRATION,
    trunks::CODECS,
    machine::STORE,
    machine::MODELS,
    call::CALL,
];

/// All of them for this set-up.
pub fn checks(patient: Patient, reach: Arc<dyn Reach>) -> Vec<Check> {
    let patient = Arc::new(patient);
    let asked = Arc::new(Asked::new(&patient.ways, Arc::clone(&reach)));
    let p = || Arc::clone(&patient);
    let a = || Arc::clone(&asked);
    let r = || Arc::clone(&reach);
    vec![
        Check::new(config::CONFIG, NETWORK, config::config(p())),
        Check::new(server::SERVER, NETWORK, server::server(p())),
        Check::new(clock::CLOCK, NETWORK, clock::clock(p())),
        Check::new(address::ADDRESS, NETWORK, address::address(p(), a(), r())),
        Check::new(ports::SIP, NETWORK, ports::sip(p(), r())),
        Check::new(outside::RTP, NETWORK, ports::rtp(p(), r())),
        Check::at_once(tls::TLS, p(), tls::tls),
        Check::new(provider::DNS, NETWORK, provider::dns(p(), r())),
        Check::new(provider::PROVIDER, NETWORK, provider::providers(a())),
        Check::new(provider::ALG, NETWORK, provider::algs(a())),
        Check::new(trunks::REGISTRATION, NETWORK, trunks::registrations(p())),
        Check::new(trunks::CODECS, NETWORK, trunks::codecs(p(), a())),
        Check::new(machine::STORE, NETWORK, machine::store(p())),
        Check::at_once(machine::MODELS, p(), machine::models),
        Check::new(call::CALL, TRIAL, call::call(r())),
    ]
}

/// A name, a connection and an answer, each with patience of their own.
const NETWORK: Duration = Duration::from_secs(20);

/// A node, a gateway and two participants start first; a debug build takes seconds for it.
const TRIAL: Duration = Duration::from_secs(45);
