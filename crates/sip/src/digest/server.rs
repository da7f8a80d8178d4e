//! Issuing challenges and checking answers.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest, Sha256};
use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;

use crate::message::{Request, RequestUri, name};
use crate::routing::DigestLogin;
use crate::uri::Uri;

use super::{Algorithm, Challenge, Credentials, Question};

/// What a request's credentials are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They prove the password.
    Proven,
    /// There are none for this realm: ask.
    Missing,
    /// They are right and too old: ask again with `stale=true`.
    Stale,
    /// They were used before: ask again.
    Replayed,
    /// They are wrong.
    Wrong,
    /// They prove the password for another Request-URI.
    OtherUri,
}

impl Verdict {
    /// A stable word for store and logs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Proven => "digest_proven",
            Self::Missing => "digest_missing",
            Self::Stale => "digest_stale",
            Self::Replayed => "digest_replayed",
            Self::Wrong => "digest_wrong",
            Self::OtherUri => "digest_other_uri",
        }
    }
}

/// The server's side.
pub struct Verifier {
    secret: Secret<String>,
    used: BTreeMap<String, u32>,
    order: VecDeque<String>,
}

impl Verifier {
    /// `secret` must not be guessable; a new one at each start is fine.
    pub const fn new(secret: Secret<String>) -> Self {
        Self {
            secret,
            used: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Challenges for one request, one for each hash. MD5 stands first: many phones look at the
    /// first only, and those that can do better look further.
    pub fn challenges(
        &self,
        realm: &str,
        source: IpAddr,
        now: UnixTime,
        verdict: Verdict,
    ) -> [Challenge; 2] {
        [Algorithm::Md5, Algorithm::Sha256].map(|algorithm| Challenge {
            realm: realm.to_owned(),
            nonce: self.nonce(realm, source, now.millis()),
            opaque: None,
            algorithm,
            counted: true,
            stale: verdict == Verdict::Stale,
        })
    }

    /// Looks at the `Proxy-Authorization` and `Authorization` of a request.
    pub fn verify(
        &mut self,
        request: &Request,
        login: &DigestLogin,
        source: IpAddr,
        now: UnixTime,
    ) -> Verdict {
        let headers = &request.headers;
        let lines = headers
            .lines(name::PROXY_AUTHORIZATION)
            .chain(headers.lines(name::AUTHORIZATION))
            .filter_map(Credentials::parse)
            .filter(|credentials| credentials.realm == login.realm);
        let mut verdict = Verdict::Missing;
        for credentials in lines.take(MAX_CREDENTIALS) {
            verdict = self.check(&credentials, request, login, source, now);
            if verdict == Verdict::Proven {
                break;
            }
        }
        verdict
    }

    fn check(
        &mut self,
        credentials: &Credentials,
        request: &Request,
        login: &DigestLogin,
        source: IpAddr,
        now: UnixTime,
    ) -> Verdict {
        let counted = credentials.counted.as_ref();
        let question = Question {
            algorithm: credentials.algorithm,
            username: &login.username,
            password: login.password.expose(),
            realm: &login.realm,
            nonce: &credentials.nonce,
            method: request.method.as_str(),
            uri: &credentials.uri,
            counted: counted.map(|(nc, cnonce)| (nc.as_str(), cnonce.as_str())),
        };
        let right = same(
            &question.response(),
            &credentials.response.to_ascii_lowercase(),
        );
        if !right || credentials.username != login.username {
            return Verdict::Wrong;
        }
        // What was proven is the right to ask this of that one, and of nobody else.
        if !is_uri_of(&credentials.uri, request) {
            return Verdict::OtherUri;
        }
        let Some(issued) = self.issued(&credentials.nonce, &login.realm, source) else {
            return Verdict::Stale;
        };
        let age = now.millis().checked_sub(issued).map(Duration::from_millis);
        if age.is_none_or(|age| age > LIFETIME) {
            return Verdict::Stale;
        }
        // Without counting, a nonce is good once.
        let count = counted.map_or(Some(u32::MAX), |(nc, _)| u32::from_str_radix(nc, 16).ok());
        match count {
            Some(count) if self.note(&credentials.nonce, count) => Verdict::Proven,
            _ => Verdict::Replayed,
        }
    }

    fn nonce(&self, realm: &str, source: IpAddr, millis: u64) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.secret.expose().as_bytes());
        hasher.update(millis.to_be_bytes());
        hasher.update(source.to_canonical().to_string().as_bytes());
        hasher.update(realm.as_bytes());
        let hash = hasher.finalize();
        format!(
            "{millis:012x}{}",
            hex::encode(hash.get(..12).unwrap_or_default())
        )
    }

    /// When a nonce of ours was issued to this source; `None` if it was not.
    fn issued(&self, nonce: &str, realm: &str, source: IpAddr) -> Option<u64> {
        let millis = u64::from_str_radix(nonce.get(..12)?, 16).ok()?;
        same(&self.nonce(realm, source, millis), nonce).then_some(millis)
    }

    /// Remembers a use; `false` if the count is not higher than before.
    fn note(&mut self, nonce: &str, count: u32) -> bool {
        if let Some(highest) = self.used.get_mut(nonce) {
            let fresh = count > *highest;
            *highest = count.max(*highest);
            return fresh;
        }
        if self.order.len() == MAX_USED
            && let Some(oldest) = self.order.pop_front()
        {
            self.used.remove(&oldest);
        }
        self.order.push_back(nonce.to_owned());
        self.used.insert(nonce.to_owned(), count);
        true
    }
}

/// Does the hashed URI point to whom the request asks for (RFC 3261 22.4, RFC 7616 3.4.6)?
fn is_uri_of(uri: &str, request: &Request) -> bool {
    match (&request.uri, Uri::lenient(uri)) {
        (RequestUri::Known(asked), Some(uri)) => asked.is_equivalent(&uri),
        (RequestUri::Foreign(text), _) => text == uri,
        (RequestUri::Known(_), None) => false,
    }
}

/// Compares without telling by timing where the difference is.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && a.bytes()
            .zip(b.bytes())
            .fold(0, |acc, (x, y)| acc | (x ^ y))
            == 0
}

/// How long a nonce is good. Longer saves a round trip on re-registration, shorter limits replay
/// after the memory of used nonces has wrapped.
const LIFETIME: Duration = Duration::from_secs(120);

/// Used nonces remembered. Only right passwords get here, so a flood cannot push them out.
const MAX_USED: usize = 10_000;

/// Credentials looked at in one request.
const MAX_CREDENTIALS: usize = 4;
