//! Messages to bytes.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;

use super::headers::compact;
use super::{Headers, Message, Request, RequestUri, Response, name};

impl Message {
    /// The message on the wire; Content-Length is always written from the body.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }

    /// The headers of either kind.
    pub const fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }
}

impl Request {
    /// The request on the wire.
    pub fn to_bytes(&self) -> Bytes {
        let uri = match &self.uri {
            RequestUri::Known(uri) => uri.to_string(),
            RequestUri::Foreign(uri) => uri.clone(),
        };
        let method = sealed(self.method.as_str());
        let start = format!("{method} {} SIP/2.0\r\n", sealed(&uri));
        print(start, &self.headers, &self.body, |name| name)
    }
}

impl Response {
    /// The response on the wire.
    pub fn to_bytes(&self) -> Bytes {
        self.print(|name| name)
    }

    /// The same with names written as short as they may be.
    pub fn to_compact_bytes(&self) -> Bytes {
        self.print(compact)
    }

    fn print(&self, spell: impl Fn(&str) -> &str) -> Bytes {
        let reason = self.reason.replace(char::is_control, " ");
        let start = format!("SIP/2.0 {} {reason}\r\n", self.status);
        print(start, &self.headers, &self.body, spell)
    }
}

/// A word of a start line. A blank or a line break in it would end the word or the line, and on a
/// stream begin a message of its own: whoever filled in the field, none leaves unescaped.
fn sealed(word: &str) -> Cow<'_, str> {
    let ends = |c: char| c.is_ascii_control() || c == ' ';
    if !word.contains(ends) {
        return Cow::Borrowed(word);
    }
    let mut out = String::with_capacity(word.len());
    for c in word.chars() {
        if ends(c) {
            let _ = write!(out, "%{:02X}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn print(start: String, headers: &Headers, body: &Bytes, spell: impl Fn(&str) -> &str) -> Bytes {
    let mut out = start.into_bytes();
    headers.print(&mut out, &spell);
    let length = format!("{}: {}\r\n\r\n", spell(name::CONTENT_LENGTH), body.len());
    out.extend_from_slice(length.as_bytes());
    out.extend_from_slice(body);
    Bytes::from(out)
}
