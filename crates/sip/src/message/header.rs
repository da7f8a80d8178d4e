//! Header values with structure: Via, CSeq, and addresses with parameters.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use crate::uri::{Params, Uri, UriError, parse_host_port, write_host};

use super::method::Method;
use super::text::is_token;

/// One Via value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// `2.0`, or what stands in its place.
    pub version: String,
    /// `UDP`, `TCP`, `TLS`, …
    pub transport: String,
    /// Host of sent-by.
    pub host: String,
    /// Port of sent-by.
    pub port: Option<u16>,
    /// What stands where a port should and is none.
    pub odd_port: Option<String>,
    /// `branch`, `received`, `rport` and others.
    pub params: Params,
}

impl Via {
    /// Reads `SIP/2.0/UDP host:port;branch=…`, with blanks wherever the grammar lets them stand. It
    /// may be [odd](Self::is_odd) and is read all the same: its sender can be answered.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '/').map(str::trim);
        let (sip, version, rest) = (parts.next()?, parts.next()?, parts.next()?);
        if !sip.eq_ignore_ascii_case("SIP") || !is_token(version) {
            return None;
        }
        let (transport, rest) = rest.split_once(char::is_whitespace)?;
        let (sent_by, params) = rest.split_once(';').unwrap_or((rest, ""));
        let sent_by: String = sent_by.split_whitespace().collect();
        let (host, port, odd_port) = read_sent_by(&sent_by)?;
        if !is_token(transport) {
            return None;
        }
        Some(Self {
            transport: transport.to_ascii_uppercase(),
            version: version.to_owned(),
            host: host.into_owned(),
            port,
            odd_port: odd_port.map(str::to_owned),
            params: Params::parse(params),
        })
    }

    /// Is it of another SIP, or its port none?
    pub fn is_odd(&self) -> bool {
        self.version != "2.0" || self.odd_port.is_some()
    }

    /// The transaction's name, with the RFC 3261 cookie or without.
    pub fn branch(&self) -> &str {
        self.params.get("branch").unwrap_or_default()
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/{}/{} ", self.version, self.transport)?;
        write_host(f, &self.host)?;
        match (self.port, &self.odd_port) {
            (Some(port), _) => write!(f, ":{port}")?,
            (None, Some(odd)) => write!(f, ":{odd}")?,
            (None, None) => {}
        }
        write!(f, "{}", self.params)
    }
}

/// Host, port, and what stands where the port should.
fn read_sent_by(text: &str) -> Option<(Cow<'_, str>, Option<u16>, Option<&str>)> {
    match parse_host_port(text) {
        Ok((host, port)) => Some((host, port, None)),
        // An IPv6 address without its brackets.
        Err(_) if text.parse::<Ipv6Addr>().is_ok() => Some((text.into(), None, None)),
        Err(UriError::Port) => {
            let (host, port) = match text.strip_prefix('[') {
                Some(rest) => rest.split_once("]:")?,
                None => text.split_once(':')?,
            };
            Some((
                host.into(),
                None,
                Some(port).filter(|port| !port.is_empty()),
            ))
        }
        Err(_) => None,
    }
}

/// CSeq.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2^31.
    pub number: u32,
    /// The request's method.
    pub method: Method,
}

impl CSeq {
    /// Reads `1 INVITE`.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, method) = text.trim().split_once(char::is_whitespace)?;
        let number: u32 = number.parse().ok().filter(|n| *n < 1 << 31)?;
        let method = method.trim();
        if method.is_empty() || !is_token(method) {
            return None;
        }
        Some(Self {
            number,
            method: Method::parse(method),
        })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

/// An address with an optional name: From, To, Contact, Route. `Debug` hides the user part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// The display name, without quotes.
    pub name: Option<trunkline_base::secret::Personal<String>>,
    /// The address.
    pub uri: Uri,
    /// What follows the address.
    pub params: Params,
}

impl NameAddr {
    /// An address alone.
    pub fn new(uri: Uri) -> Self {
        Self {
            name: None,
            uri,
            params: Params::default(),
        }
    }

    /// Reads `"Name" <sip:…>;tag=x` or `sip:…;tag=x`. The address itself may hold characters that
    /// ought to be escaped, or be of a scheme we do not speak.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let Some(open) = opening_bracket(text) else {
            // Without brackets, parameters belong to the header (RFC 3261 20.10).
            let (uri, params) = text.split_once(';').unwrap_or((text, ""));
            return Some(Self {
                name: None,
                uri: Uri::lenient(uri.trim())?,
                params: Params::parse(params),
            });
        };
        let (name, rest) = text.split_at_checked(open)?;
        let rest = rest.strip_prefix('<')?;
        let (uri, params) = rest.split_once('>').unwrap_or((rest, ""));
        let name = unquote(name.trim());
        Some(Self {
            name: (!name.is_empty()).then(|| trunkline_base::secret::Personal::new(name)),
            uri: Uri::lenient(uri.trim())?,
            params: Params::parse(params),
        })
    }

    /// The tag.
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// The same with a tag.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", Some(tag));
        self
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            let name = name.expose().replace('\\', "\\\\").replace('"', "\\\"");
            write!(f, "\"{name}\" ")?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// Where the first `<` outside quotes stands.
fn opening_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'<' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

fn unquote(text: &str) -> String {
    let Some(quoted) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut out = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' {
            chars.next().unwrap_or('\\')
        } else {
            c
        });
    }
    out
}
