//! SIP and tel URIs (RFC 3261 section 19, RFC 3966), as much as an endpoint needs.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

mod number;
mod params;

pub use number::{LONGEST_NUMBER, NumberError};
pub use params::Params;

/// Schemes we can read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Another, whose text after the colon is taken for the user part. Only [`Uri::lenient`]
    /// gives it.
    Other(Box<str>),
}

impl Scheme {
    fn as_str(&self) -> &str {
        match self {
            Self::Sip => "sip",
            Self::Sips => "sips",
            Self::Tel => "tel",
            Self::Other(name) => name,
        }
    }
}

/// A URI. `Debug` leaves the user part out, since it is often somebody's number.
#[derive(Clone, PartialEq, Eq)]
pub struct Uri {
    /// Which kind.
    pub scheme: Scheme,
    /// User part as written, still escaped; for `tel:` the number.
    pub user: Option<String>,
    /// Host name or address without brackets; empty for `tel:`.
    pub host: String,
    /// Port, if one is written.
    pub port: Option<u16>,
    /// Parameters after `;`.
    pub params: Params,
    /// What follows `?`, kept as it is.
    pub headers: Option<String>,
}

/// Why a text is not a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// There is no `scheme:`.
    #[error("uri has no scheme")]
    NoScheme,
    /// A scheme we do not speak.
    #[error("uri scheme is not supported")]
    Scheme,
    /// The host is missing or unreadable.
    #[error("uri host is not valid")]
    Host,
    /// The port is not a number up to 65535.
    #[error("uri port is not valid")]
    Port,
    /// A character that may not stand there.
    #[error("uri holds a forbidden character")]
    Character,
}

impl Uri {
    /// `sip:user@host:port`.
    pub fn sip(user: Option<&str>, address: SocketAddr) -> Self {
        Self {
            scheme: Scheme::Sip,
            user: user.map(escape_user),
            host: address.ip().to_string(),
            port: Some(address.port()),
            params: Params::default(),
            headers: None,
        }
    }

    /// Reads a URI.
    ///
    /// # Errors
    /// [`UriError`] for anything that is not a `sip`, `sips` or `tel` URI.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        if text
            .bytes()
            .any(|b| b <= b' ' || b == 0x7f || matches!(b, b'<' | b'>' | b'"'))
        {
            return Err(UriError::Character);
        }
        let (scheme, rest) = text.split_once(':').ok_or(UriError::NoScheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "sip" => Scheme::Sip,
            "sips" => Scheme::Sips,
            "tel" => Scheme::Tel,
            _ => return Err(UriError::Scheme),
        };
        if scheme == Scheme::Tel {
            return Self::parse_tel(rest);
        }
        // The user part may hold ';' and '?', so it goes first.
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, rest),
        };
        let (rest, headers) = split_optional(rest, '?');
        let (host_port, params) = split_optional(rest, ';');
        let (host, port) = parse_host_port(host_port)?;
        let user = user.map(|u| u.split(':').next().unwrap_or(u).to_owned());
        Ok(Self {
            scheme,
            user: user.filter(|u| !u.is_empty()),
            host: host.into_owned(),
            port,
            params: Params::parse(params.unwrap_or_default()),
            headers: headers.map(str::to_owned),
        })
    }

    /// Reads a URI as far as it says anything: characters that ought to be escaped are escaped,
    /// an unreadable host or port is left out, another scheme is kept as it is. For headers that
    /// name somebody; where a request goes to is read by [`Self::parse`].
    pub fn lenient(text: &str) -> Option<Self> {
        if let Ok(uri) = Self::parse(text) {
            return Some(uri);
        }
        let (scheme, rest) = text.split_once(':')?;
        let is_scheme = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
        let begins = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
        if !begins || !scheme.bytes().all(is_scheme) {
            return None;
        }
        let rest = escape_forbidden(rest);
        if let Ok(uri) = Self::parse(&format!("{scheme}:{rest}")) {
            return Some(uri);
        }
        let user = rest.rsplit_once('@').map(|(user, _)| user);
        let (scheme, user) = match scheme.to_ascii_lowercase().as_str() {
            "sip" => (Scheme::Sip, user?),
            "sips" => (Scheme::Sips, user?),
            "tel" => return None,
            other => (Scheme::Other(other.into()), rest.as_str()),
        };
        Some(Self {
            scheme,
            user: Some(user.to_owned()).filter(|user| !user.is_empty()),
            host: String::new(),
            port: None,
            params: Params::default(),
            headers: None,
        })
    }

    /// Do both point to the same (RFC 3261 19.1.4)? A port that is not written is the default one,
    /// and parameters that only one of them has do not count unless they choose another place.
    pub fn is_equivalent(&self, other: &Self) -> bool {
        let user = |uri: &Self| unescape(uri.user.as_deref().unwrap_or_default());
        let named = ["user", "ttl", "method", "maddr"];
        let differ = |name: &str| {
            let (ours, theirs) = (self.params.get(name), other.params.get(name));
            let both = ours.is_some() && theirs.is_some();
            let same = match (ours, theirs) {
                (Some(ours), Some(theirs)) => ours.eq_ignore_ascii_case(theirs),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            };
            !same && (both || named.contains(&name))
        };
        self.scheme == other.scheme
            && user(self) == user(other)
            && self.host.eq_ignore_ascii_case(&other.host)
            && self.port_or_default() == other.port_or_default()
            && !named.into_iter().chain(["transport"]).any(differ)
    }

    fn parse_tel(rest: &str) -> Result<Self, UriError> {
        let (number, params) = split_optional(rest, ';');
        if number.is_empty() {
            return Err(UriError::Host);
        }
        Ok(Self {
            scheme: Scheme::Tel,
            user: Some(number.to_owned()),
            host: String::new(),
            port: None,
            params: Params::parse(params.unwrap_or_default()),
            headers: None,
        })
    }

    /// The address, when the host is one; 5060 (5061 for `sips`) when no port is written.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        let ip: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(ip, self.port_or_default()))
    }

    /// The port that applies.
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(if self.scheme == Scheme::Sips {
            5061
        } else {
            5060
        })
    }

    /// Is it one that a request can be sent to?
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// The host, with its port where one is given, as people tell servers apart.
    pub fn host_port(&self) -> String {
        HostPort(self).to_string()
    }

    /// Does this URI ask for TCP?
    pub fn wants_tcp(&self) -> bool {
        self.params
            .get("transport")
            .is_some_and(|t| t.eq_ignore_ascii_case("tcp"))
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme.as_str())?;
        if let Some(user) = &self.user {
            f.write_str(user)?;
            if matches!(self.scheme, Scheme::Sip | Scheme::Sips) {
                f.write_str("@")?;
            }
        }
        write!(f, "{}{}", HostPort(self), self.params)?;
        if let Some(headers) = &self.headers {
            write!(f, "?{headers}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({}:…@{})", self.scheme.as_str(), self.host)
    }
}

struct HostPort<'a>(&'a Uri);

impl fmt::Display for HostPort<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_host(f, &self.0.host)?;
        self.0.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Writes a host, an IPv6 address in brackets.
pub(crate) fn write_host(f: &mut fmt::Formatter<'_>, host: &str) -> fmt::Result {
    if host.contains(':') {
        write!(f, "[{host}]")
    } else {
        f.write_str(host)
    }
}

/// Whether a request can be sent to it: a host, or a host and a port that there is.
pub fn is_host_port(text: &str) -> bool {
    parse_host_port(text).is_ok_and(|(_, port)| port != Some(0))
}

/// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
pub(crate) fn parse_host_port(text: &str) -> Result<(Cow<'_, str>, Option<u16>), UriError> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(UriError::Host)?;
        let host = ipv6(host).ok_or(UriError::Host)?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return Err(UriError::Host),
        }
    } else {
        let (host, port) = split_optional(text, ':');
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        if host.is_empty() || !host.bytes().all(fits) {
            return Err(UriError::Host);
        }
        (Cow::Borrowed(host), port)
    };
    let port = match port {
        Some(port) => {
            let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            Some(port.parse().ok().filter(|_| digits).ok_or(UriError::Port)?)
        }
        None => None,
    };
    Ok((host, port))
}

/// An IPv6 address. The grammar of RFC 3261 has one colon too many before an IPv4 address in it, and
/// whoever writes it that way is understood (RFC 5118 4.10).
fn ipv6(text: &str) -> Option<Cow<'_, str>> {
    let is_address = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    if is_address(text) {
        return Some(Cow::Borrowed(text));
    }
    let mended = text.replacen(":::", "::", 1);
    (mended.contains('.') && is_address(&mended)).then_some(Cow::Owned(mended))
}

fn split_optional(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((head, tail)) => (head, Some(tail)),
        None => (text, None),
    }
}

pub(crate) fn unescape(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Escapes what [`Uri::parse`] would refuse, and leaves letters of other scripts as they are.
fn escape_forbidden(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0'..=' ' | '\x7f' | '<' | '>' | '"' => {
                out.push_str(&format!("%{:02X}", u32::from(c)))
            }
            c => out.push(c),
        }
    }
    out
}

fn escape_user(user: &str) -> String {
    utf8_percent_encode(user, &NOT_IN_USER).to_string()
}

/// All but `unreserved` and `user-unreserved` (RFC 3261, section 25.1), and `#`, which users dial.
const NOT_IN_USER: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'$')
    .remove(b',')
    .remove(b';')
    .remove(b'?')
    .remove(b'/')
    .remove(b'#');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyday_uris_are_read_and_written_alike() {
        for text in [
            "sip:100@192.0.2.1",
            "sip:+15105550100@example.com:5080;transport=tcp;lr",
            "sips:alice@[2001:db8::1]:5061",
            "sip:host.example",
            "tel:+15105550100;phone-context=example.com",
            "sip:a@b?Subject=hi",
        ] {
            let uri = Uri::parse(text).unwrap();
            assert_eq!(uri.to_string(), text);
        }
    }

    #[test]
    fn servers_are_told_apart_by_host_and_port() {
        for (uri, server) in [
            ("sip:example.com", "example.com"),
            ("sip:+1@example.com:5080;transport=tcp", "example.com:5080"),
            ("sips:[2001:db8::1]:5061", "[2001:db8::1]:5061"),
        ] {
            assert_eq!(Uri::parse(uri).unwrap().host_port(), server);
        }
    }

    #[test]
    fn parts_are_found() {
        let uri = Uri::parse("sip:%2B1510;ext=2:pw@[::1]:99;transport=TCP").unwrap();
        assert_eq!(uri.number(), "+1510");
        assert_eq!(uri.socket_addr().unwrap(), "[::1]:99".parse().unwrap());
        assert!(uri.wants_tcp());
    }

    #[test]
    fn broken_uris_are_refused() {
        assert_eq!(Uri::parse("100"), Err(UriError::NoScheme));
        assert_eq!(Uri::parse("http://x"), Err(UriError::Scheme));
        assert_eq!(Uri::parse("sip:"), Err(UriError::Host));
        assert_eq!(Uri::parse("sip:a@b:99999"), Err(UriError::Port));
        assert_eq!(Uri::parse("sip:a@b c"), Err(UriError::Character));
        assert_eq!(Uri::parse("sip:a@[zz]"), Err(UriError::Host));
    }

    #[test]
    fn whatever_says_something_is_read_leniently() {
        for (text, number, printed) in [
            ("sip:front desk@h", "front desk", "sip:front%20desk@h"),
            ("sip:+1@", "+1", "sip:+1@"),
            ("sip:+1@h:x", "+1", "sip:+1@"),
            ("urn:service:sos", "service:sos", "urn:service:sos"),
            (
                "sip:\u{410}\u{43d}@h",
                "\u{410}\u{43d}",
                "sip:\u{410}\u{43d}@h",
            ),
            ("sip:a<b>@h", "a<b>", "sip:a%3Cb%3E@h"),
        ] {
            let uri = Uri::lenient(text).unwrap();
            assert_eq!(
                (&*uri.number(), &*uri.to_string()),
                (number, printed),
                "{text}"
            );
        }
        for text in ["100", "\"Mr. J <sip:a@b", "", ":", "sip:", "tel:"] {
            assert_eq!(Uri::lenient(text), None, "{text}");
        }
    }

    #[test]
    fn equivalent_uris_point_to_the_same() {
        let same = |a: &str, b: &str| {
            Uri::parse(a)
                .unwrap()
                .is_equivalent(&Uri::parse(b).unwrap())
        };
        assert!(same(
            "sip:%61lice@atlanta.com;transport=TCP",
            "sip:alice@AtlanTa.CoM;Transport=tcp"
        ));
        assert!(same(
            "sip:carol@chicago.com",
            "sip:carol@chicago.com;newparam=5"
        ));
        assert!(same("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
        assert!(!same("SIP:ALICE@AtLanTa.CoM", "sip:alice@AtLanTa.CoM"));
        assert!(!same("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000"));
        assert!(!same("sip:bob@biloxi.com", "sip:bob@biloxi.com;user=phone"));
        assert!(!same("sip:bob@h;transport=udp", "sip:bob@h;transport=tcp"));
        assert!(!same("sip:a@h", "sips:a@h"));
        assert!(!same("tel:+1", "tel:+2"));
    }

    #[test]
    fn debug_keeps_the_number_to_itself() {
        let uri = Uri::parse("sip:+15105550100@example.com").unwrap();
        assert!(!format!("{uri:?}").contains("5105550100"));
    }
}
