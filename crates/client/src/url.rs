//! Where a LiveKit server is, and by which rules it may be spoken to. People write `ws`, `wss`,
//! `http` or `https`, with or without a path prefix that a proxy strips; every part of this crate
//! derives its own address from one value, and holds to the rules that came with it.
//!
//! Encryption is the rule: without it, tokens and voices are there for anyone on the way. Plain
//! text reaches this machine only, unless the host is named in [`TransportRules`].

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use trunkline_base::class::{Class, Classified};
use trunkline_base::plain::PlainText;

use crate::tls::{Trust, TrustError};

/// By which rules servers may be spoken to.
#[derive(Clone, Debug, Default)]
pub struct TransportRules {
    /// Who besides this machine may be spoken to in plain text.
    pub plain: PlainText,
    /// Whom to believe; nothing means the machine's CAs.
    pub trust: Option<Trust>,
}

impl TransportRules {
    /// Holds the address of any service, such as a language model's, to the same rule: encrypted,
    /// or named.
    ///
    /// # Errors
    /// [`UrlError`] when it is no web address, or plain text to another machine.
    pub fn judge(&self, text: &str) -> Result<(), UrlError> {
        let url = absolute(text, WEB)?;
        // A server of our own may be at the port that it is given; nobody else's is.
        if url.port() == Some(0) {
            return Err(UrlError::Port);
        }
        // A place for a value there, as tools have them, would be any host.
        let authority = url.authority();
        if authority.contains('{') || authority.contains("%7B") {
            return Err(UrlError::Malformed);
        }
        let host = url.host_str().ok_or(UrlError::NoHost)?;
        let bare = host.trim_matches(['[', ']']);
        if url.scheme() == "https" || self.plain.reaches(bare) {
            return Ok(());
        }
        Err(UrlError::PlainText {
            host: bare.to_owned(),
        })
    }

    /// TLS for HTTP clients of other services, by the same trust.
    ///
    /// # Errors
    /// [`TrustError::Setup`].
    pub fn tls_for_http(&self) -> Result<rustls::ClientConfig, TrustError> {
        Ok(self
            .trust
            .clone()
            .map_or_else(Trust::system, Ok)?
            .for_http())
    }
}

/// Schemes of a web service.
pub const WEB: &[&str] = &["https", "http"];
/// Schemes of a LiveKit server.
pub const LIVEKIT: &[&str] = &["wss", "ws", "https", "http"];

/// Reads an address with one of these schemes, a host, and a port that there can be.
///
/// # Errors
/// [`UrlError`] says which part is wrong.
pub fn absolute(text: &str, schemes: &[&str]) -> Result<url::Url, UrlError> {
    let text = text.trim();
    let known = || schemes.join(":// or ");
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(UrlError::Blank);
    }
    let (scheme, rest) = text
        .split_once("://")
        .filter(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphanumeric()))
        .ok_or_else(|| UrlError::NoScheme { schemes: known() })?;
    if !schemes
        .iter()
        .any(|known| known.eq_ignore_ascii_case(scheme))
    {
        return Err(UrlError::Scheme {
            scheme: scheme.to_owned(),
            schemes: known(),
        });
    }
    // The web's own rules pass over further slashes.
    if rest.is_empty() || rest.starts_with(['/', '\\', ':', '?', '#']) {
        return Err(UrlError::NoHost);
    }
    let url = url::Url::parse(text).map_err(|error| match error {
        url::ParseError::InvalidPort => UrlError::Port,
        url::ParseError::EmptyHost => UrlError::NoHost,
        _ => UrlError::Malformed,
    })?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(UrlError::NoHost);
    }
    Ok(url)
}

/// The address of a LiveKit server.
#[derive(Clone)]
pub struct ServerUrl {
    rules: Arc<TransportRules>,
    secure: bool,
    /// Host and port as written, brackets included for IPv6.
    authority: String,
    host: String,
    /// Path without a trailing slash; empty when there is none.
    prefix: String,
}

/// Why a text is not a server address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// No URL.
    #[error("this is no address: write scheme://host, and :port and /path as they are needed")]
    Malformed,
    #[error("the address has no scheme: write {schemes}:// before it")]
    NoScheme {
        /// Those that may be.
        schemes: String,
    },
    /// Another scheme.
    #[error("the address begins with {scheme}://, where {schemes}:// is wanted")]
    Scheme {
        /// What was written.
        scheme: String,
        /// Those that may be.
        schemes: String,
    },
    /// A blank inside.
    #[error("the address holds a blank or a sign that does not print: write %20 for a blank")]
    Blank,
    #[error("the address names no host: write it like https://example.org/path")]
    NoHost,
    #[error("the port of the address is none from 1 to 65535")]
    Port,
    /// Plain text to another machine.
    #[error(
        "the address is not encrypted, and {host} is not this machine: write wss:// or https://, or \
         name the host under transport.allow_plaintext in security.yaml"
    )]
    PlainText { host: String },
}

impl Classified for UrlError {
    fn class(&self) -> Class {
        Class::Invalid
    }

    fn code(&self) -> &'static str {
        match self {
            Self::PlainText { .. } => "client.url.plain_text",
            _ => "client.url.invalid",
        }
    }
}

impl ServerUrl {
    /// Parses what an operator wrote, by the strict rules: plain text to this machine only.
    ///
    /// # Errors
    /// [`UrlError`] when it is no URL, has another scheme, names no host, or is plain text to
    /// another machine.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        Self::parse_under(text, Arc::default())
    }

    /// Parses what a server said of itself or of another: by the rules of this address, and never
    /// in plain text where this one is encrypted.
    ///
    /// # Errors
    /// As [`ServerUrl::parse`].
    pub fn sibling(&self, text: &str) -> Result<Self, UrlError> {
        let other = Self::parse_under(text, Arc::clone(&self.rules))?;
        if self.secure && !other.secure {
            return Err(UrlError::PlainText { host: other.host });
        }
        Ok(other)
    }

    /// Parses what an operator wrote, by the operator's rules.
    ///
    /// # Errors
    /// As [`ServerUrl::parse`].
    pub fn parse_under(text: &str, rules: Arc<TransportRules>) -> Result<Self, UrlError> {
        let url = absolute(text, LIVEKIT)?;
        let secure = matches!(url.scheme(), "wss" | "https");
        let host = url.host_str().ok_or(UrlError::NoHost)?;
        let bare = host.trim_matches(['[', ']']);
        if !secure && !rules.plain.reaches(bare) {
            return Err(UrlError::PlainText {
                host: bare.to_owned(),
            });
        }
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self {
            secure,
            authority,
            host: bare.to_owned(),
            prefix: url.path().trim_end_matches('/').to_owned(),
            rules,
        })
    }

    /// `http(s)://host:port/prefix` followed by `path`, which starts with a slash.
    pub fn http(&self, path: &str) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}{}{path}", self.authority, self.prefix)
    }

    /// `ws(s)://host:port/prefix` followed by `path`, which starts with a slash.
    pub fn ws(&self, path: &str) -> String {
        let scheme = if self.secure { "wss" } else { "ws" };
        format!("{scheme}://{}{}{path}", self.authority, self.prefix)
    }

    /// The host alone, without brackets or port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own when none is written.
    pub fn port(&self) -> u16 {
        let default = if self.secure { 443 } else { 80 };
        match self.authority.rsplit_once(':') {
            Some((_, port)) => port.parse().unwrap_or(default),
            None => default,
        }
    }

    /// Whether the server is on this machine by its address or name.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Whether it is spoken to over TLS.
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The rules it is spoken to by.
    pub const fn rules(&self) -> &Arc<TransportRules> {
        &self.rules
    }

    /// Whom to believe when speaking to it.
    pub(crate) fn trust(&self) -> Result<Trust, TrustError> {
        self.rules.trust.clone().map_or_else(Trust::system, Ok)
    }
}

/// What names a server: an address parsed before, or a text that is held to the strict rules.
pub trait IntoServerUrl {
    /// The address.
    ///
    /// # Errors
    /// As [`ServerUrl::parse`].
    fn into_server_url(self) -> Result<ServerUrl, UrlError>;
}

impl IntoServerUrl for ServerUrl {
    fn into_server_url(self) -> Result<ServerUrl, UrlError> {
        Ok(self)
    }
}

impl IntoServerUrl for &ServerUrl {
    fn into_server_url(self) -> Result<ServerUrl, UrlError> {
        Ok(self.clone())
    }
}

impl IntoServerUrl for &str {
    fn into_server_url(self) -> Result<ServerUrl, UrlError> {
        ServerUrl::parse(self)
    }
}

impl IntoServerUrl for &String {
    fn into_server_url(self) -> Result<ServerUrl, UrlError> {
        ServerUrl::parse(self)
    }
}

/// A text, and the operator's rules for it.
impl IntoServerUrl for (&str, &Arc<TransportRules>) {
    fn into_server_url(self) -> Result<ServerUrl, UrlError> {
        ServerUrl::parse_under(self.0, Arc::clone(self.1))
    }
}

impl PartialEq for ServerUrl {
    fn eq(&self, other: &Self) -> bool {
        (self.secure, &self.authority, &self.prefix)
            == (other.secure, &other.authority, &other.prefix)
    }
}

impl Eq for ServerUrl {}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.ws(""))
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({self})")
    }
}

impl std::str::FromStr for ServerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowing(host: &str) -> Arc<TransportRules> {
        let mut plain = PlainText::none();
        plain.allow(host).unwrap();
        Arc::new(TransportRules { plain, trust: None })
    }

    #[test]
    fn plain_text_reaches_this_machine_and_hosts_that_are_named() {
        for text in [
            "ws://127.0.0.1:1",
            "http://localhost",
            "ws://[::1]:1",
            "ws://0.0.0.0:1",
        ] {
            assert!(ServerUrl::parse(text).is_ok(), "{text}");
        }
        for text in [
            "ws://10.0.0.9:7880",
            "http://livekit",
            "ws://localhost.evil.example",
        ] {
            let error = ServerUrl::parse(text).unwrap_err();
            assert!(matches!(error, UrlError::PlainText { .. }), "{text}");
            assert!(error.to_string().contains("allow_plaintext"), "{error}");
        }
        assert!(ServerUrl::parse_under("ws://LiveKit:1", allowing("livekit")).is_ok());
        assert!(ServerUrl::parse_under("ws://other:1", allowing("livekit")).is_err());
    }

    #[test]
    fn any_service_is_held_to_the_same_rule() {
        let rules = allowing("10.0.0.0/8");
        for text in [
            "https://api.example.org/v1",
            "http://localhost:11434/v1",
            "http://10.1.2.3/hook?a=b",
        ] {
            assert_eq!(rules.judge(text), Ok(()), "{text}");
        }
        let refused = |text: &str| rules.judge(text).unwrap_err();
        for text in [
            "http://api.example.org/v1",
            "http://127.0.0.1@evil.example/",
            "HTTP://evil.example",
        ] {
            assert!(
                matches!(refused(text), UrlError::PlainText { .. }),
                "{text}"
            );
        }
        for text in ["http://{host}/v1", "http://{x}@localhost/"] {
            assert_eq!(refused(text), UrlError::Malformed, "{text}");
        }
        assert!(matches!(refused("ftp://10.1.2.3"), UrlError::Scheme { .. }));
        assert_eq!(refused("https://api.example.org:0/"), UrlError::Port);
        // The embedded node takes a free port, and is called there.
        assert!(ServerUrl::parse("ws://127.0.0.1:0").is_ok());
    }

    /// `example.com/hook` was found wrong in the middle of a start, and not named.
    #[test]
    fn a_slip_in_an_address_is_told_by_its_kind() {
        let kind = |text: &str| absolute(text, WEB).unwrap_err();
        for text in [
            "",
            "/v1",
            "example.com/hook",
            "localhost:8080/hook",
            "8080",
            "https:h",
        ] {
            assert!(matches!(kind(text), UrlError::NoScheme { .. }), "{text}");
        }
        for text in ["ws://example.com/", "wss://h", "ftp://h", "htps://h"] {
            assert!(matches!(kind(text), UrlError::Scheme { .. }), "{text}");
        }
        for text in [
            "https://",
            "https:///hook",
            "https://:80/",
            "https://?a",
            "http://u@/",
        ] {
            assert_eq!(kind(text), UrlError::NoHost, "{text}");
        }
        for text in ["https://h:65536/", "https://h:70000", "https://h:port/"] {
            assert_eq!(kind(text), UrlError::Port, "{text}");
        }
        for text in ["https://h/a b", "https://exa mple.com", "https://h/\u{7}"] {
            assert_eq!(kind(text), UrlError::Blank, "{text}");
        }
        assert_eq!(kind("https://[::1/"), UrlError::Malformed);
        assert!(absolute(" HTTPS://h:443/hook?a=b ", WEB).is_ok());
        assert!(absolute("ws://h", LIVEKIT).is_ok());
    }

    #[test]
    fn a_server_cannot_send_its_clients_into_plain_text() {
        let home = ServerUrl::parse_under("wss://h", allowing("livekit")).unwrap();
        assert!(home.sibling("wss://h2").is_ok());
        assert!(home.sibling("ws://livekit").is_err());
        assert!(home.sibling("ws://127.0.0.1").is_err());
        let plain = ServerUrl::parse_under("ws://livekit", allowing("livekit")).unwrap();
        assert!(plain.sibling("ws://livekit:1").is_ok());
        assert!(plain.sibling("ws://other").is_err());
    }

    #[test]
    fn four_schemes_and_a_prefix_are_understood() {
        for (text, http, ws) in [
            ("ws://h:7880", "http://h:7880/x", "ws://h:7880/x"),
            ("wss://h", "https://h/x", "wss://h/x"),
            ("http://h:80/", "http://h/x", "ws://h/x"),
            (
                "https://h/live/kit/",
                "https://h/live/kit/x",
                "wss://h/live/kit/x",
            ),
            (
                "ws://[::1]:7880",
                "http://[::1]:7880/x",
                "ws://[::1]:7880/x",
            ),
        ] {
            let url = ServerUrl::parse_under(text, allowing("h")).unwrap();
            assert_eq!(url.http("/x"), http, "{text}");
            assert_eq!(url.ws("/x"), ws, "{text}");
        }
    }

    #[test]
    fn ports_default_by_scheme_and_loopback_is_recognised() {
        assert_eq!(ServerUrl::parse("wss://h").unwrap().port(), 443);
        let v6 = ServerUrl::parse("ws://[::1]").unwrap();
        assert_eq!((v6.port(), v6.is_loopback(), v6.host()), (80, true, "::1"));
        assert!(ServerUrl::parse("ws://127.0.0.9:1").unwrap().is_loopback());
        assert!(ServerUrl::parse("ws://localhost").unwrap().is_loopback());
        assert!(!ServerUrl::parse("wss://10.0.0.1").unwrap().is_loopback());
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["livekit", "livekit:7880", ""] {
            let refused = ServerUrl::parse(text);
            assert!(matches!(refused, Err(UrlError::NoScheme { .. })), "{text}");
        }
        let ftp = ServerUrl::parse("ftp://h").unwrap_err();
        assert_eq!(
            ftp.to_string(),
            "the address begins with ftp://, where wss:// or ws:// or https:// or http:// is wanted"
        );
    }
}
