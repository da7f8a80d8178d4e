//! An ordered list of headers with the accessors a stack needs.

use std::borrow::Cow;

use super::header::{CSeq, NameAddr, Via};
use super::limits::MAX_HEADERS;
use super::text::{encode, is_blank};
use crate::quoted::split_values;

/// Header names in their usual spelling.
pub mod name {
    /// `Via`
    pub const VIA: &str = "Via";
    /// `From`
    pub const FROM: &str = "From";
    /// `To`
    pub const TO: &str = "To";
    /// `Call-ID`
    pub const CALL_ID: &str = "Call-ID";
    /// `CSeq`
    pub const CSEQ: &str = "CSeq";
    /// `Contact`
    pub const CONTACT: &str = "Contact";
    /// `Max-Forwards`
    pub const MAX_FORWARDS: &str = "Max-Forwards";
    /// `Route`
    pub const ROUTE: &str = "Route";
    /// `Record-Route`
    pub const RECORD_ROUTE: &str = "Record-Route";
    /// `Content-Type`
    pub const CONTENT_TYPE: &str = "Content-Type";
    /// `Content-Length`
    pub const CONTENT_LENGTH: &str = "Content-Length";
    /// `Require`
    pub const REQUIRE: &str = "Require";
    /// `Unsupported`
    pub const UNSUPPORTED: &str = "Unsupported";
    /// `Allow`
    pub const ALLOW: &str = "Allow";
    /// `Accept`
    pub const ACCEPT: &str = "Accept";
    /// `Retry-After`
    pub const RETRY_AFTER: &str = "Retry-After";
    /// `Warning`
    pub const WARNING: &str = "Warning";
    /// `User-Agent`
    pub const USER_AGENT: &str = "User-Agent";
    /// `Server`
    pub const SERVER: &str = "Server";
    /// `Reason`
    pub const REASON: &str = "Reason";
    /// `WWW-Authenticate`
    pub const WWW_AUTHENTICATE: &str = "WWW-Authenticate";
    /// `Proxy-Authenticate`
    pub const PROXY_AUTHENTICATE: &str = "Proxy-Authenticate";
    /// `Authorization`
    pub const AUTHORIZATION: &str = "Authorization";
    /// `Proxy-Authorization`
    pub const PROXY_AUTHORIZATION: &str = "Proxy-Authorization";
    /// `Supported`
    pub const SUPPORTED: &str = "Supported";
    /// `Session-Expires`
    pub const SESSION_EXPIRES: &str = "Session-Expires";
    /// `Min-SE`
    pub const MIN_SE: &str = "Min-SE";
    /// `RSeq`
    pub const RSEQ: &str = "RSeq";
    /// `RAck`
    pub const RACK: &str = "RAck";
    /// `Allow-Events`
    pub const ALLOW_EVENTS: &str = "Allow-Events";
    /// `Event`
    pub const EVENT: &str = "Event";
    /// `Subscription-State`
    pub const SUBSCRIPTION_STATE: &str = "Subscription-State";
    /// `Refer-To`
    pub const REFER_TO: &str = "Refer-To";
    /// `Referred-By`
    pub const REFERRED_BY: &str = "Referred-By";
    /// `Replaces`
    pub const REPLACES: &str = "Replaces";
}

/// A header that a message must have, and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// It cannot be read.
    #[error("{0} is malformed")]
    Malformed(&'static str),
}

/// Headers in the order they came. `Debug` shows names only: values hold numbers and credentials.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<Line>);

#[derive(Clone, PartialEq, Eq)]
struct Line {
    name: Cow<'static, str>,
    value: String,
    /// Came as Latin-1 and goes back as that.
    latin1: bool,
}

impl Headers {
    /// None yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a header at the end. Line breaks in the value become spaces, so that no value can
    /// start a header of its own.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        let value = clean(value.into());
        self.add(canonical(name), value, false);
    }

    /// Adds a header before all others.
    pub fn push_front(&mut self, name: &str, value: impl Into<String>) {
        let line = Line {
            name: canonical(name),
            value: clean(value.into()),
            latin1: false,
        };
        self.0.insert(0, line);
    }

    /// Adds every header of that name that another message has, byte by byte as it came, each with
    /// `end` after it.
    pub fn copy(&mut self, other: &Self, name: &str, end: &str) {
        for line in other.named(name) {
            let value = format!("{}{end}", line.value);
            self.add(line.name.clone(), value, line.latin1);
        }
    }

    /// Adds a header as it was read. `false` if there is no room.
    pub(super) fn append(&mut self, name: &str, value: &str, latin1: bool) -> bool {
        self.add(canonical(name), clean(value.to_owned()), latin1)
    }

    fn add(&mut self, name: Cow<'static, str>, value: String, latin1: bool) -> bool {
        let room = self.0.len() < MAX_HEADERS;
        if room {
            self.0.push(Line {
                name,
                value,
                latin1,
            });
        }
        room
    }

    /// Replaces every header of that name by one.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.push(name, value);
    }

    /// Puts another value in the place of the first of that name, in a line of its own; what stood
    /// behind it in its line goes on in the next.
    pub fn replace_first(&mut self, name: &str, value: impl Into<String>) {
        let name = canonical(name);
        let is_empty = |line: &Line| split_values(&line.value).next().is_none();
        self.0
            .retain(|line| !line.name.eq_ignore_ascii_case(&name) || !is_empty(line));
        let named = |line: &Line| line.name.eq_ignore_ascii_case(&name);
        let Some(at) = self.0.iter().position(named) else {
            return;
        };
        let mut first = Line {
            name,
            value: clean(value.into()),
            latin1: false,
        };
        let Some(line) = self.0.get_mut(at) else {
            return;
        };
        let rest: Vec<&str> = split_values(&line.value).skip(1).collect();
        if rest.is_empty() {
            *line = first;
            return;
        }
        let rest = rest.join(",");
        std::mem::swap(line, &mut first);
        let rest = Line {
            value: rest,
            ..first
        };
        self.0.insert(at + 1, rest);
    }

    /// Takes out every header of that name.
    pub fn remove(&mut self, name: &str) {
        let name = canonical(name);
        self.0.retain(|line| !line.name.eq_ignore_ascii_case(&name));
    }

    /// The first value of that name, as written.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.lines(name).next()
    }

    /// Every line of that name, as written.
    pub fn lines<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.named(name).map(|line| line.value.as_str())
    }

    /// All lines of that name as one, which says the same (RFC 3261 7.3.1).
    pub fn joined(&self, name: &str) -> Option<String> {
        let lines: Vec<&str> = self.lines(name).collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }

    fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Line> {
        let name = canonical(name);
        self.0
            .iter()
            .filter(move |line| line.name.eq_ignore_ascii_case(&name))
    }

    /// Every value of that name, with lists taken apart.
    pub fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.lines(name).flat_map(split_values)
    }

    /// All headers.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|line| (line.name.as_ref(), line.value.as_str()))
    }

    /// Writes all but Content-Length, each name through `spell`.
    pub(super) fn print(&self, out: &mut Vec<u8>, spell: impl Fn(&str) -> &str) {
        let lines = self.0.iter();
        for line in lines.filter(|line| line.name != name::CONTENT_LENGTH) {
            encode(spell(&line.name), line.latin1, out);
            out.extend_from_slice(b": ");
            encode(&line.value, line.latin1, out);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// How many lines.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The topmost Via.
    ///
    /// # Errors
    /// [`HeaderError`] if it is missing or unreadable.
    pub fn via(&self) -> Result<Via, HeaderError> {
        let value = self
            .values(name::VIA)
            .next()
            .ok_or(HeaderError::Missing(name::VIA))?;
        Via::parse(value).ok_or(HeaderError::Malformed(name::VIA))
    }

    /// From.
    ///
    /// # Errors
    /// [`HeaderError`] if it is missing or unreadable.
    pub fn from(&self) -> Result<NameAddr, HeaderError> {
        self.address(name::FROM)
    }

    /// To.
    ///
    /// # Errors
    /// [`HeaderError`] if it is missing or unreadable.
    pub fn to(&self) -> Result<NameAddr, HeaderError> {
        self.address(name::TO)
    }

    /// Call-ID.
    ///
    /// # Errors
    /// [`HeaderError`] if it is missing or empty.
    pub fn call_id(&self) -> Result<&str, HeaderError> {
        let id = self
            .get(name::CALL_ID)
            .ok_or(HeaderError::Missing(name::CALL_ID))?;
        let one_word = !id.is_empty() && !id.contains(char::is_whitespace);
        if one_word {
            Ok(id)
        } else {
            Err(HeaderError::Malformed(name::CALL_ID))
        }
    }

    /// CSeq.
    ///
    /// # Errors
    /// [`HeaderError`] if it is missing or unreadable.
    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        let value = self
            .get(name::CSEQ)
            .ok_or(HeaderError::Missing(name::CSEQ))?;
        CSeq::parse(value).ok_or(HeaderError::Malformed(name::CSEQ))
    }

    /// Is the word in a list such as Supported, Require or Allow?
    pub fn lists(&self, name: &str, word: &str) -> bool {
        self.values(name)
            .any(|value| value.eq_ignore_ascii_case(word))
    }

    /// The first Contact, unless it is `*`.
    pub fn contact(&self) -> Option<NameAddr> {
        self.values(name::CONTACT).next().and_then(NameAddr::parse)
    }

    /// The media type of the body, lower case, without parameters.
    pub fn content_type(&self) -> Option<String> {
        let value = self.get(name::CONTENT_TYPE)?;
        Some(
            value
                .split(';')
                .next()
                .unwrap_or(value)
                .trim()
                .to_ascii_lowercase(),
        )
    }

    fn address(&self, name: &'static str) -> Result<NameAddr, HeaderError> {
        let value = self.get(name).ok_or(HeaderError::Missing(name))?;
        NameAddr::parse(value).ok_or(HeaderError::Malformed(name))
    }
}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|line| &line.name))
            .finish()
    }
}

fn clean(value: String) -> String {
    let unsafe_char = |c: char| c.is_ascii_control() && c != '\t';
    if value.contains(unsafe_char) || value.trim_matches(is_blank).len() != value.len() {
        return value
            .replace(unsafe_char, " ")
            .trim_matches(is_blank)
            .to_owned();
    }
    value
}

/// The shortest spelling of a name.
pub(super) fn compact(name: &str) -> &str {
    let found = COMPACT.iter().position(|(_, long)| *long == name);
    found.and_then(|at| SHORT.get(at..=at)).unwrap_or(name)
}

/// The usual spelling of a name; compact forms are written out.
pub(super) fn canonical(name: &str) -> Cow<'static, str> {
    if let [letter] = name.as_bytes()
        && let Some((_, long)) = COMPACT
            .iter()
            .find(|(c, _)| *c == letter.to_ascii_lowercase())
    {
        return Cow::Borrowed(long);
    }
    match KNOWN.iter().find(|known| known.eq_ignore_ascii_case(name)) {
        Some(known) => Cow::Borrowed(known),
        // As in values, so that no name can start a header of its own.
        None => Cow::Owned(clean(name.to_owned())),
    }
}

pub(super) const COMPACT: &[(u8, &str)] = &[
    (b'v', name::VIA),
    (b'f', name::FROM),
    (b't', name::TO),
    (b'i', name::CALL_ID),
    (b'm', name::CONTACT),
    (b'l', name::CONTENT_LENGTH),
    (b'c', name::CONTENT_TYPE),
    (b'e', "Content-Encoding"),
    (b's', "Subject"),
    (b'k', name::SUPPORTED),
    (b'o', name::EVENT),
    (b'r', name::REFER_TO),
    (b'b', name::REFERRED_BY),
    (b'u', name::ALLOW_EVENTS),
    (b'x', name::SESSION_EXPIRES),
    (b'a', "Accept-Contact"),
    (b'j', "Reject-Contact"),
    (b'd', "Request-Disposition"),
    (b'y', "Identity"),
];

/// The letters of [`COMPACT`], in its order.
const SHORT: &str = "vftimlceskorbuxajdy";

const KNOWN: &[&str] = &[
    name::VIA,
    name::FROM,
    name::TO,
    name::CALL_ID,
    name::CSEQ,
    name::CONTACT,
    name::MAX_FORWARDS,
    name::ROUTE,
    name::RECORD_ROUTE,
    name::CONTENT_TYPE,
    name::CONTENT_LENGTH,
    name::REQUIRE,
    name::UNSUPPORTED,
    name::ALLOW,
    name::ACCEPT,
    name::RETRY_AFTER,
    name::WARNING,
    name::USER_AGENT,
    name::SERVER,
    name::REASON,
    name::WWW_AUTHENTICATE,
    name::PROXY_AUTHENTICATE,
    name::AUTHORIZATION,
    name::PROXY_AUTHORIZATION,
    name::SUPPORTED,
    name::SESSION_EXPIRES,
    name::MIN_SE,
    name::RSEQ,
    name::RACK,
    name::EVENT,
    name::SUBSCRIPTION_STATE,
    name::REFER_TO,
    name::REFERRED_BY,
    name::REPLACES,
];
