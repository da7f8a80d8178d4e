//! What a registrar's answer says.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::endpoint::Transport;
use crate::message::{Headers, NameAddr, Response, name};

use super::state::Place;

/// What was granted.
pub(super) struct Granted {
    /// For how long; zero is not at all.
    pub(super) expires: Duration,
    /// Service-Route.
    pub(super) routes: Vec<NameAddr>,
}

/// What the answer says about our own address.
pub(super) enum Learnt {
    /// It is as we said.
    Nothing,
    /// The registrar sees this one; `None`: the one we said first is right after all.
    Elsewhere(Option<SocketAddr>),
}

/// Reads a 200. The list of contacts holds those of others too; ours has our user part. A registrar
/// that lists one alone has rewritten it for the NAT it sees.
pub(super) fn granted(response: &Response, user: &str, asked: Duration) -> Granted {
    let headers = &response.headers;
    let contacts: Vec<NameAddr> = headers
        .values(name::CONTACT)
        .filter_map(NameAddr::parse)
        .take(MAX_CONTACTS)
        .collect();
    let is_ours = |contact: &&NameAddr| contact.uri.number() == user;
    // Of several of ours the one that lives longest is the latest.
    let of_contact = |contact: &NameAddr| {
        let expires = contact.params.get("expires")?;
        expires
            .trim_matches('"')
            .parse()
            .ok()
            .map(Duration::from_secs)
    };
    let ours = contacts.iter().filter(is_ours).map(of_contact).max();
    let alone = match &*contacts {
        [one] => Some(of_contact(one)),
        _ => None,
    };
    let said = ours.or(alone);
    let general = seconds(headers, "Expires").unwrap_or(asked);
    let expires = match said {
        Some(Some(expires)) => expires,
        Some(None) => general,
        // A registrar may list nothing at all; one that lists others only has not kept ours.
        None if contacts.is_empty() => general,
        None => Duration::ZERO,
    };
    let routes = headers.values("Service-Route");
    let routes = routes.filter_map(NameAddr::parse).take(MAX_ROUTES);
    Granted {
        expires,
        routes: routes.collect(),
    }
}

/// Our address in the topmost Via as the other side sees it (RFC 3581). Over a connection its port
/// is that of the connection, which says something behind a NAT only.
pub(super) fn learnt(response: &Response, place: &Place, seen: Option<SocketAddr>) -> Learnt {
    let Ok(via) = response.headers.via() else {
        return Learnt::Nothing;
    };
    let said = seen.unwrap_or(place.local);
    let received = via.params.get("received");
    let ip = received.and_then(|text| {
        let text = text.trim_start_matches('[').trim_end_matches(']');
        text.parse::<IpAddr>().ok()
    });
    let port = via.params.get("rport").and_then(|port| port.parse().ok());
    let (Some(ip), Some(port)) = (ip.or_else(|| Some(place.local.ip())), port) else {
        return Learnt::Nothing;
    };
    let ip = ip.to_canonical();
    let is_here = ip == place.local.ip().to_canonical();
    let told = if is_here && place.target.transport != Transport::Udp {
        place.local
    } else {
        SocketAddr::new(ip, port)
    };
    if told == said {
        return Learnt::Nothing;
    }
    Learnt::Elsewhere((told != place.local).then_some(told))
}

/// A header of seconds.
pub(super) fn seconds(headers: &Headers, header: &str) -> Option<Duration> {
    let text = headers.get(header)?;
    let digits = text.trim().split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().map(Duration::from_secs)
}

/// How long the other side wishes to be left alone.
pub(super) fn retry_after(response: &Response) -> Option<Duration> {
    seconds(&response.headers, name::RETRY_AFTER)
}

/// Contacts read of one answer: phones of one number that ring together.
const MAX_CONTACTS: usize = 64;

const MAX_ROUTES: usize = 8;
