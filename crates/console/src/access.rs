//! Who may ask what. Calls and events are personal, and being on this machine proves nothing:
//! behind a proxy everybody is, and a page in a browser can be made to ask for them.
//!
//! | | asks for |
//! |---|---|
//! | `/`, `/healthz`, `/readyz` | nothing |
//! | `/webhooks/livekit` | the sender's signature |
//! | `/metrics` | the key for metrics, or an admin's token |
//! | `/api/…` | a LiveKit token of the admin role |
//!
//! In development `/metrics` and `/api` are open to this machine. Both always want a `Host` that
//! the daemon is known by: a name that somebody else made point here is refused.

use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use subtle::ConstantTimeEq as _;
use trunkline_base::secret::Secret;
use trunkline_base::token::{KeyRing, VideoGrant};

use crate::answer::refusal;
use crate::clock::now;

/// Who may ask.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Open to this machine: development.
    pub open: bool,
    /// What opens `/metrics`, besides an admin's token.
    pub metrics_key: Option<Secret<String>>,
    /// Names the daemon is known by, besides this machine's.
    pub hosts: Vec<String>,
}

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Metrics,
    Admin,
}

/// Why somebody may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    Unknown,
    TooLittle,
}

impl Denied {
    pub(crate) fn answer(self, wanted: Wanted) -> Response {
        let remedy = match wanted {
            Wanted::Admin => {
                "send `Authorization: Bearer` with a LiveKit token of the admin role: \
                 trunkline token create --role admin"
            }
            Wanted::Metrics => {
                "send `Authorization: Bearer` with console.metrics_key of monitoring.yaml, or \
                 with a LiveKit token of the admin role"
            }
        };
        let (status, code) = match self {
            Self::Unknown => (StatusCode::UNAUTHORIZED, "console.unauthenticated"),
            Self::TooLittle => (StatusCode::FORBIDDEN, "console.not_granted"),
        };
        let mut answer = refusal(status, code, remedy).into_response();
        if self == Self::Unknown {
            let scheme = HeaderValue::from_static("Bearer");
            answer
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        answer
    }
}

impl Access {
    pub(crate) fn judge(
        &self,
        keys: &KeyRing,
        wanted: Wanted,
        headers: &HeaderMap,
    ) -> Result<(), Denied> {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or(Denied::Unknown)?;
        let key = self
            .metrics_key
            .as_ref()
            .filter(|_| wanted == Wanted::Metrics);
        if key.is_some_and(|key| is_same(key.expose(), token)) {
            return Ok(());
        }
        let claims = keys.verify(token, now()).map_err(|_| Denied::Unknown)?;
        let admin = claims.video.as_ref().is_some_and(administers);
        admin.then_some(()).ok_or(Denied::TooLittle)
    }

    /// Whether the request names this daemon, and once.
    pub(crate) fn is_known_by(&self, uri: &Uri, headers: &HeaderMap, local: IpAddr) -> bool {
        let mut named = headers.get_all(header::HOST).iter();
        let host = match (named.next(), named.next()) {
            (Some(host), None) => host.to_str().ok(),
            // HTTP/2 says it in the address.
            (None, _) => uri.authority().map(Authority::as_str),
            (Some(_), Some(_)) => None,
        };
        host.is_some_and(|host| self.is_ours(host, local))
    }

    /// Whether a page that asks is ours. Programs send no origin.
    pub(crate) fn is_own_page(&self, headers: &HeaderMap, local: IpAddr) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return true;
        };
        let host = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.split_once("://"));
        host.is_some_and(|(_, host)| self.is_ours(host, local))
    }

    /// `host` may have a port.
    fn is_ours(&self, host: &str, local: IpAddr) -> bool {
        let Ok(authority) = host.parse::<Authority>() else {
            return false;
        };
        let name = authority.host().trim_matches(['[', ']']);
        if let Ok(ip) = name.parse::<IpAddr>() {
            let ip = ip.to_canonical();
            let named = || self.hosts.iter().any(|host| host.parse() == Ok(ip));
            return ip.is_loopback() || ip == local.to_canonical() || named();
        }
        let is = |known: &str| known.eq_ignore_ascii_case(name);
        is("localhost") || self.hosts.iter().any(|host| is(host))
    }
}

/// What the admin role has on the whole server, and no other role.
const fn administers(video: &VideoGrant) -> bool {
    video.room_create && video.room_list && video.room_record
}

/// The same text, in a time that does not say how much of it is.
fn is_same(key: &str, told: &str) -> bool {
    key.as_bytes().ct_eq(told.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use trunkline_base::token::{ApiKey, Claims, sign};

    use super::*;

    const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn access() -> Access {
        Access {
            open: false,
            metrics_key: Some(Secret::new("scrape".to_owned())),
            hosts: vec!["phone.example.org".to_owned(), "198.51.100.7".to_owned()],
        }
    }

    fn told(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_names_of_this_daemon_are_answered() {
        let known = |host: &str| {
            let headers = told(&[(header::HOST, host)]);
            access().is_known_by(&Uri::from_static("/api/calls"), &headers, LOCAL)
        };
        for host in [
            "localhost",
            "LOCALHOST:7890",
            "127.0.0.1:7890",
            "[::1]:7890",
            "192.0.2.1:7890",
            "phone.example.org",
            "Phone.Example.org:443",
            "198.51.100.7",
        ] {
            assert!(known(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "192.0.2.2",
            "",
            "a b",
            "127.0.0.1.evil.example",
            "phone.example.org.evil.example",
            "evil.example:7890",
        ] {
            assert!(!known(host), "{host}");
        }
        let both = told(&[(header::HOST, "localhost"), (header::HOST, "evil.example")]);
        let access = access();
        assert!(!access.is_known_by(&Uri::from_static("/"), &both, LOCAL));
        assert!(!access.is_known_by(&Uri::from_static("/"), &HeaderMap::new(), LOCAL));
        let second = Uri::from_static("http://localhost:7890/");
        assert!(access.is_known_by(&second, &HeaderMap::new(), LOCAL));
    }

    #[test]
    fn pages_of_other_sites_do_not_ask() {
        let own = |origin: &str| access().is_own_page(&told(&[(header::ORIGIN, origin)]), LOCAL);
        assert!(access().is_own_page(&HeaderMap::new(), LOCAL));
        assert!(own("http://localhost:7890") && own("https://phone.example.org"));
        assert!(!own("https://evil.example") && !own("null") && !own("http://"));
    }

    #[test]
    fn calls_are_for_admins_and_metrics_for_their_key_too() {
        let key = ApiKey::new("APItest", "a secret that is long enough for a test");
        let ring = KeyRing::from(key.clone());
        let now = now();
        let signed = |video: VideoGrant, key: &ApiKey| {
            sign(&Claims::new("a", now, 60).with_video(video), key).unwrap()
        };
        let admin = VideoGrant {
            room_create: true,
            room_list: true,
            room_record: true,
            ..VideoGrant::default()
        };
        let lister = VideoGrant {
            room_list: true,
            ..VideoGrant::default()
        };
        let foreign = ApiKey::new("APItest", "another secret that is long enough for it");
        let judge = |token: &str, wanted| {
            let headers = told(&[(header::AUTHORIZATION, &format!("Bearer {token}"))]);
            access().judge(&ring, wanted, &headers)
        };
        assert_eq!(judge(&signed(admin.clone(), &key), Wanted::Admin), Ok(()));
        assert_eq!(judge(&signed(admin.clone(), &key), Wanted::Metrics), Ok(()));
        assert_eq!(judge("scrape", Wanted::Metrics), Ok(()));
        assert_eq!(judge("scrape", Wanted::Admin), Err(Denied::Unknown));
        for wrong in ["", "scrap", "scrapes", "SCRAPE"] {
            assert_eq!(
                judge(wrong, Wanted::Metrics),
                Err(Denied::Unknown),
                "{wrong}"
            );
        }
        assert_eq!(
            judge(&signed(admin, &foreign), Wanted::Admin),
            Err(Denied::Unknown)
        );
        for video in [
            lister,
            VideoGrant::join("lobby"),
            VideoGrant::admin("lobby"),
        ] {
            assert_eq!(
                judge(&signed(video, &key), Wanted::Admin),
                Err(Denied::TooLittle)
            );
        }
        assert_eq!(
            access().judge(&ring, Wanted::Admin, &HeaderMap::new()),
            Err(Denied::Unknown)
        );
    }
}
