//! SIP messages: reading, writing, and the header values a stack looks at.
//!
//! Reading is lenient where the meaning is clear (any bytes in values, odd header names, compact
//! names, folded lines, bare LF, spaces) and bounded everywhere: [`MAX_MESSAGE`] bytes,
//! [`MAX_HEADERS`] headers. A request that can be answered but not obeyed is [`Faulty`]: it carries
//! what an answer is made of and the words to give as its reason.

mod body;
mod header;
mod headers;
mod limits;
mod mask;
mod method;
mod parse;
mod print;
mod reserved;
mod stream;
mod text;

pub use body::{BodyError, sdp_of};
pub use header::{CSeq, NameAddr, Via};
pub use headers::{HeaderError, Headers, name};
pub use limits::{MAX_HEADERS, MAX_MESSAGE};
pub use mask::masked;
pub use method::Method;
pub use parse::{Fault, Faulty, ParseError, parse};
pub use reserved::reserved;
pub use stream::{FrameError, Framed, Framer};

use bytes::Bytes;

use crate::uri::Uri;

/// A request or a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Someone wants something.
    Request(Request),
    /// Someone answers.
    Response(Response),
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is wanted.
    pub method: Method,
    /// Of whom. The text is kept when the scheme is not ours, so that 416 can be answered.
    pub uri: RequestUri,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

/// The Request-URI, or the text of one we cannot read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestUri {
    /// One we can read.
    Known(Uri),
    /// Another scheme.
    Foreign(String),
}

impl RequestUri {
    /// The URI, if it is of a scheme we speak.
    pub const fn known(&self) -> Option<&Uri> {
        match self {
            Self::Known(uri) => Some(uri),
            Self::Foreign(_) => None,
        }
    }
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    /// The words after it.
    pub reason: String,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

/// The usual words for a status.
pub const fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        422 => "Session Interval Too Small",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        603 => "Decline",
        other => match other / 100 {
            1 => "Progress",
            2 => "OK",
            3 => "Redirected",
            4 => "Request Failed",
            5 => "Server Failed",
            _ => "Declined",
        },
    }
}

#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;
