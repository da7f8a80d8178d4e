//! `livekit-sip-correct.yaml`: the gateway, and trunks and dispatch rules as they shall stand on
//! the server. Each of those has a key of its own, since LiveKit's names are not unique and its ids
//! are made by the server.

pub(crate) mod gateway;
pub(crate) mod line;
pub(crate) mod outbound;
pub(crate) mod parts;
pub(crate) mod rule;
pub(crate) mod trunk;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use trunkline_service::config::{Environment, Report, Source};

pub(crate) use self::outbound::Outbound;
pub(crate) use self::rule::{RoomChoice, Rule};
pub(crate) use self::trunk::Trunk;

use self::gateway::{Layer, Layers, RawGateway};
use self::line::{Numbering, RawNumbering, numbering};
use self::outbound::{RawOutbound, outbound};
use self::rule::{RawRule, rule};
use self::trunk::{RawTrunk, trunk};
use super::home::{Home, SIP, shipped};
use super::raw::Judge;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    gateway: RawGateway,
    numbering: RawNumbering,
    trunks: Vec<RawTrunk>,
    outbound: Vec<RawOutbound>,
    rules: Vec<RawRule>,
}

/// The trunks and rules of `livekit-sip-correct.yaml`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct SipSetup {
    pub(crate) numbering: Numbering,
    /// Inbound ones.
    pub(crate) trunks: Vec<Trunk>,
    pub(crate) outbound: Vec<Outbound>,
    pub(crate) rules: Vec<Rule>,
}

impl SipSetup {
    /// The emergency numbers of every country that is named here.
    pub(crate) fn emergency(&self) -> Vec<String> {
        let inbound = self.trunks.iter().map(|trunk| trunk.country.as_str());
        let outbound = self.outbound.iter();
        let outbound = outbound.map(|trunk| trunk.destination_country.as_str());
        let mut numbers = BTreeSet::new();
        for country in inbound.chain(outbound).chain([""]) {
            let plan = self.numbering.plan(country);
            numbers.extend(plan.emergency().map(str::to_owned));
        }
        numbers.into_iter().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.trunks.is_empty() && self.outbound.is_empty() && self.rules.is_empty()
    }
}

pub(super) fn validate(
    source: &Source,
    raw: Raw,
    report: &mut Report,
) -> Option<(SipSetup, Layer)> {
    let mut judge = Judge { source, report };
    let numbering = numbering(raw.numbering, &mut judge);
    let mut keys = BTreeSet::new();
    let named: BTreeSet<String> = raw.outbound.iter().map(RawOutbound::key).collect();
    let trunks = raw.trunks.into_iter();
    let trunks = trunks
        .map(|raw| trunk(raw, &mut keys, &named, &mut judge))
        .collect();
    let mut ways = BTreeSet::new();
    let out = raw.outbound.into_iter();
    let out = out
        .map(|raw| outbound(raw, &mut ways, &named, &mut judge))
        .collect();
    let mut rule_keys = BTreeSet::new();
    let rules = raw.rules.into_iter();
    let rules = rules
        .filter_map(|raw| rule(raw, &keys, &mut rule_keys, &mut judge))
        .collect();
    let gateway = Layer {
        source: source.clone(),
        raw: raw.gateway,
    };
    let setup = SipSetup {
        numbering,
        trunks,
        outbound: out,
        rules,
    };
    Some((setup, gateway))
}

/// Where each key of the gateway is looked for.
pub(super) fn layers(
    here: Option<Layer>,
    old: Option<Layer>,
    env: &Environment,
    report: &mut Report,
) -> Layers {
    let source = Source::new(Home::BuiltIn.path(SIP), shipped(SIP));
    let raw: Option<Raw> = source.parse(env, report);
    let raw = raw.unwrap_or_default().gateway;
    Layers::new(here, old, Layer { source, raw })
}

/// The demonstration's set-up: whoever phones from this machine reaches the agent.
pub(crate) fn demo() -> SipSetup {
    let trunk = Trunk {
        key: "demo".to_owned(),
        name: "Phones on this machine".to_owned(),
        allowed_addresses: vec!["127.0.0.0/8".to_owned()],
        ..Trunk::default()
    };
    let room = RoomChoice::Individual {
        room_prefix: "call".to_owned(),
        pin: String::new(),
        no_randomness: false,
    };
    let rule = Rule {
        name: "One room a call".to_owned(),
        trunks: vec![trunk.key.clone()],
        agents: vec!["trunkline".into()],
        ..Rule::new("demo", room)
    };
    SipSetup {
        numbering: Numbering::default(),
        trunks: vec![trunk],
        outbound: Vec::new(),
        rules: vec![rule],
    }
}

#[cfg(test)]
mod tests;
