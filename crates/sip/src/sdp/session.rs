//! A description, and what it says of its sections.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A description as far as audio needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// `o=` without its letter.
    pub origin: String,
    /// `s=`
    pub name: String,
    /// `c=` for all media.
    pub connection: Option<String>,
    /// `t=`
    pub time: String,
    /// `a=` before the first `m=`.
    pub attributes: Vec<Attribute>,
    /// The `m=` sections.
    pub media: Vec<Media>,
}

/// One `m=` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, `image`, …
    pub kind: String,
    /// Zero means refused.
    pub port: u16,
    /// `RTP/AVP` and relatives.
    pub protocol: String,
    /// Payload types, or whatever the protocol lists.
    pub formats: Vec<String>,
    /// `c=` for this one.
    pub connection: Option<String>,
    /// Its `a=` lines.
    pub attributes: Vec<Attribute>,
}

/// One `a=` line. `Debug` leaves the value out, since it may be a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Before the colon.
    pub name: String,
    /// After it.
    pub value: Option<String>,
}

impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_ref().map_or("", |_| ":…");
        write!(f, "a={}{value}", self.name)
    }
}

impl Attribute {
    /// `a=name`
    pub fn flag(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: None,
        }
    }

    /// `a=name:value`
    pub fn new(name: &str, value: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            value: Some(value.into()),
        }
    }
}

/// Which way audio flows, seen from one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// Out only.
    SendOnly,
    /// In only.
    RecvOnly,
    /// Not at all.
    Inactive,
}

impl Direction {
    /// As written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Do we send?
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Do we receive?
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same, seen from the other side.
    pub const fn reversed(self) -> Self {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            same => same,
        }
    }
}

impl Session {
    /// Where a section's media is to be sent, with `0.0.0.0` kept as it is. A description without a
    /// usable `c=` is taken to mean its `o=`. IPv4 mapped into IPv6 is IPv4.
    pub fn address(&self, media: &Media) -> Option<SocketAddr> {
        let connection = media.connection.as_ref().or(self.connection.as_ref());
        let ip = match connection {
            Some(connection) => host(connection)?,
            None => {
                let mut words = self.origin.split_whitespace();
                address_in(words.nth(5)?)?
            }
        };
        (media.port != 0).then(|| SocketAddr::new(ip, media.port))
    }

    /// A section's direction, with the session's as default and the old `0.0.0.0` read as hold.
    pub fn direction(&self, media: &Media) -> Direction {
        let stated = direction_of(&media.attributes)
            .or_else(|| direction_of(&self.attributes))
            .unwrap_or(Direction::SendRecv);
        let nowhere = self
            .address(media)
            .is_some_and(|address| address.ip().is_unspecified());
        match stated {
            Direction::SendRecv if nowhere => Direction::SendOnly,
            Direction::RecvOnly if nowhere => Direction::Inactive,
            other => other,
        }
    }
}

impl Media {
    /// The value of the first attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|a| a.name == name)
            .and_then(|a| a.value.as_deref())
    }

    /// Encoding name and clock rate of a payload type: from `a=rtpmap`, or the static table. What has
    /// more than one channel is nothing a phone could play, but for Opus, which is always called so.
    pub fn encoding(&self, payload_type: u8) -> Option<(String, u32)> {
        let number = |value: &str| value.parse::<u8>() == Ok(payload_type);
        let mut mapped = self.valued("rtpmap").filter_map(|value| {
            let (pt, rest) = value.split_once(char::is_whitespace)?;
            number(pt).then(|| rest.trim())
        });
        if let Some(encoding) = mapped.find_map(parse_encoding) {
            return Some(encoding);
        }
        let fixed = |name: &str| Some((name.to_owned(), 8000));
        match payload_type {
            0 => fixed("PCMU"),
            3 => fixed("GSM"),
            4 => fixed("G723"),
            8 => fixed("PCMA"),
            9 => fixed("G722"),
            13 => fixed("CN"),
            15 => fixed("G728"),
            18 => fixed("G729"),
            // Some phones describe the keys and forget to name them.
            96.. => self
                .valued("fmtp")
                .filter_map(|value| value.split_once(char::is_whitespace))
                .find_map(|(pt, list)| (number(pt) && is_event_list(list.trim())).then_some(()))
                .and_then(|()| fixed("TELEPHONE-EVENT")),
            _ => None,
        }
    }

    /// What `a=fmtp` says of a payload type, as names and values.
    pub fn parameters(&self, payload_type: u8) -> impl Iterator<Item = (&str, &str)> {
        self.valued("fmtp")
            .filter_map(|value| value.split_once(char::is_whitespace))
            .filter(move |(number, _)| number.parse() == Ok(payload_type))
            .flat_map(|(_, list)| list.split(';'))
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.trim(), value.trim()))
    }

    fn valued(&self, name: &str) -> impl Iterator<Item = &str> {
        self.attributes
            .iter()
            .filter(move |a| a.name == name)
            .filter_map(|a| a.value.as_deref())
    }
}

/// `PCMU/8000/1`; a clock that is not given is the telephone's.
fn parse_encoding(text: &str) -> Option<(String, u32)> {
    let mut parts = text.split('/').map(str::trim);
    let name = parts.next()?.to_ascii_uppercase();
    let clock = parts
        .next()
        .map_or(Some(8000), |clock| clock.parse().ok())?;
    let mono = parts
        .next()
        .is_none_or(|channels| channels == "1" || channels.is_empty());
    let playable = mono || name == "OPUS";
    (playable && !name.is_empty()).then_some((name, clock))
}

/// `0-15`, `0-15,16`: what telephone-event says of itself (RFC 4733 2.4.1).
fn is_event_list(text: &str) -> bool {
    text.starts_with("0-")
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || "-, ".contains(c))
}

/// The address of a `c=` value such as `IN IP4 192.0.2.1/127`.
pub(super) fn host(connection: &str) -> Option<IpAddr> {
    address_in(connection.split_whitespace().nth(2)?)
}

fn address_in(word: &str) -> Option<IpAddr> {
    let word = word.split('/').next()?;
    let ip: IpAddr = word.trim_matches(['[', ']']).parse().ok()?;
    Some(ip.to_canonical())
}

fn direction_of(attributes: &[Attribute]) -> Option<Direction> {
    let all = [
        Direction::SendRecv,
        Direction::SendOnly,
        Direction::RecvOnly,
        Direction::Inactive,
    ];
    attributes
        .iter()
        .find_map(|a| all.into_iter().find(|d| d.as_str() == a.name))
}
