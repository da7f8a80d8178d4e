//! Messages to bytes.

use std::fmt::Write as _;

use bytes::Bytes;

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
        print(start, &self.headers, &self.body)
    }
}

impl Response {
    /// The response on the wire.
    pub fn to_bytes(&self) -> Bytes {
        let start = format!("SIP/2.0 {} {}\r\n", self.status, self.reason);
        print(start, &self.headers, &self.body)
    }
}

fn print(start: String, headers: &Headers, body: &Bytes) -> Bytes {
    let mut out = start;
    for (name, value) in headers.iter() {
        if name != name::CONTENT_LENGTH {
            out.push_str(name);
            out.push_str(": ");
            out.push_str(value);
            out.push_str("\r\n");
        }
    }
    // Writing to a string cannot fail.
    let _ = write!(out, "Content-Length: {}\r\n\r\n", body.len());
    let mut out = out.into_bytes();
    out.extend_from_slice(body);
    Bytes::from(out)
}
