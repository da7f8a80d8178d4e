//! Session descriptions (RFC 8866) and offer/answer (RFC 3264) for one audio stream.

mod negotiate;
mod parse;
mod print;

pub use negotiate::{Agreement, AnswerError, Codec, Local, accept_answer, answer, offer};
pub use parse::SdpError;

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

/// One `a=` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Before the colon.
    pub name: String,
    /// After it.
    pub value: Option<String>,
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
    /// Reads a description.
    ///
    /// # Errors
    /// [`SdpError`]; no input panics.
    pub fn parse(data: &[u8]) -> Result<Self, SdpError> {
        parse::parse(data)
    }

    /// Where a section's media is to be sent, with `0.0.0.0` kept as it is.
    pub fn address(&self, media: &Media) -> Option<SocketAddr> {
        let connection = media.connection.as_ref().or(self.connection.as_ref())?;
        let mut words = connection.split_whitespace();
        let (Some("IN"), Some(_), Some(address)) = (words.next(), words.next(), words.next())
        else {
            return None;
        };
        let ip: IpAddr = address.split('/').next()?.parse().ok()?;
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

    /// Is the attribute there?
    pub fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|a| a.name == name)
    }

    /// Encoding name and clock rate of a payload type: from `a=rtpmap`, or the static table.
    pub fn encoding(&self, payload_type: u8) -> Option<(String, u32)> {
        let mapped = self
            .attributes
            .iter()
            .filter(|a| a.name == "rtpmap")
            .find_map(|a| {
                let (number, rest) = a.value.as_deref()?.split_once(char::is_whitespace)?;
                if number.parse() != Ok(payload_type) {
                    return None;
                }
                let mut parts = rest.trim().split('/');
                let name = parts.next()?.to_ascii_uppercase();
                Some((name, parts.next()?.parse().ok()?))
            });
        mapped.or_else(|| match payload_type {
            0 => Some(("PCMU".to_owned(), 8000)),
            8 => Some(("PCMA".to_owned(), 8000)),
            9 => Some(("G722".to_owned(), 8000)),
            13 => Some(("CN".to_owned(), 8000)),
            18 => Some(("G729".to_owned(), 8000)),
            _ => None,
        })
    }
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

#[cfg(test)]
mod tests;
