//! Messages to bytes.

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
        let start = match &self.uri {
            RequestUri::Known(uri) => format!("{} {uri} SIP/2.0\r\n", self.method),
            RequestUri::Foreign(uri) => format!("{} {uri} SIP/2.0\r\n", self.method),
        };
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
        let start = format!("SIP/2.0 {} {}\r\n", self.status, self.reason);
        print(start, &self.headers, &self.body, spell)
    }
}

fn print(start: String, headers: &Headers, body: &Bytes, spell: impl Fn(&str) -> &str) -> Bytes {
    let mut out = start.into_bytes();
    headers.print(&mut out, &spell);
    let length = format!("{}: {}\r\n\r\n", spell(name::CONTENT_LENGTH), body.len());
    out.extend_from_slice(length.as_bytes());
    out.extend_from_slice(body);
    Bytes::from(out)
}
