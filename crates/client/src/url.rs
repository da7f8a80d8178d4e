//! Where a LiveKit server is. People write `ws`, `wss`, `http` or `https`, with or without a path
//! prefix that a proxy strips; every part of this crate derives its own address from one value.

use std::fmt;
use std::net::IpAddr;

use trunkline_base::class::{Class, Classified};

/// The address of a LiveKit server.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
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
    /// Not an absolute URL.
    #[error("server url does not parse")]
    Malformed,
    /// A scheme other than the four.
    #[error("server url scheme {scheme:?} is not one of ws, wss, http, https")]
    Scheme {
        /// What was written.
        scheme: String,
    },
    /// No host.
    #[error("server url names no host")]
    NoHost,
}

impl Classified for UrlError {
    fn class(&self) -> Class {
        Class::Invalid
    }

    fn code(&self) -> &'static str {
        "client.url.invalid"
    }
}

impl ServerUrl {
    /// Parses what an operator wrote.
    ///
    /// # Errors
    /// [`UrlError`] when it is no URL, has another scheme, or names no host.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let url = url::Url::parse(text.trim()).map_err(|_| UrlError::Malformed)?;
        let secure = match url.scheme() {
            "ws" | "http" => false,
            "wss" | "https" => true,
            other => {
                return Err(UrlError::Scheme {
                    scheme: other.to_owned(),
                });
            }
        };
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or(UrlError::NoHost)?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self {
            secure,
            authority,
            host: host.trim_matches(['[', ']']).to_owned(),
            prefix: url.path().trim_end_matches('/').to_owned(),
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
}

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
            let url = ServerUrl::parse(text).unwrap();
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
        assert!(!ServerUrl::parse("ws://10.0.0.1").unwrap().is_loopback());
    }

    #[test]
    fn other_texts_are_refused() {
        assert_eq!(ServerUrl::parse("livekit"), Err(UrlError::Malformed));
        let ftp = ServerUrl::parse("ftp://h");
        assert_eq!(
            ftp,
            Err(UrlError::Scheme {
                scheme: "ftp".into()
            })
        );
    }
}
