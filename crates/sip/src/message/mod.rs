//! SIP messages: reading, writing, and the header values a stack looks at.
//!
//! Reading is lenient where the meaning is clear (any bytes in values, odd header names, compact
//! names, folded lines, bare LF, spaces) and bounded everywhere: [`MAX_MESSAGE`] bytes,
//! [`MAX_HEADERS`] headers. A request that can be answered but not obeyed is [`Faulty`]: it carries
//! what an answer is made of and the words to give as its reason.

mod body;
mod header;
mod headers;
mod parse;
mod print;
mod stream;
mod text;

pub use body::{BodyError, sdp_of};
pub use header::{CSeq, NameAddr, Via};
pub use headers::{HeaderError, Headers, name};
pub use parse::{Fault, Faulty, ParseError, parse};
pub use stream::{FrameError, Framed, Framer};

use bytes::Bytes;

use crate::uri::Uri;

/// Largest message we read, on any transport. A datagram cannot be larger.
pub const MAX_MESSAGE: usize = 65_535;

/// Most header lines in one message; scanners send more, phones do not.
pub const MAX_HEADERS: usize = 256;

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

/// A method.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Starts or changes a session.
    Invite,
    /// Confirms a final answer to INVITE.
    Ack,
    /// Ends a session.
    Bye,
    /// Withdraws an INVITE.
    Cancel,
    /// Asks what we can do.
    Options,
    /// Carries something inside a session.
    Info,
    /// Changes a session without an INVITE.
    Update,
    /// Any other, as written.
    Other(String),
}

impl Method {
    /// Methods are case-sensitive.
    pub fn parse(text: &str) -> Self {
        match text {
            "INVITE" => Self::Invite,
            "ACK" => Self::Ack,
            "BYE" => Self::Bye,
            "CANCEL" => Self::Cancel,
            "OPTIONS" => Self::Options,
            "INFO" => Self::Info,
            "UPDATE" => Self::Update,
            other => Self::Other(other.to_owned()),
        }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Options => "OPTIONS",
            Self::Info => "INFO",
            Self::Update => "UPDATE",
            Self::Other(text) => text,
        }
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The usual words for a status.
pub const fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        183 => "Session Progress",
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
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

/// Splits at `at` wherever it stands outside quotes.
pub(crate) fn split_outside_quotes(text: &str, at: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c: char| {
        if escaped {
            escaped = false;
        } else if c == '\\' && quoted {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        } else if c == at && !quoted {
            return true;
        }
        false
    })
}

/// Splits a header's value at commas outside quotes and angle brackets.
pub(crate) fn split_values(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped, mut angle) = (false, false, false);
    let pieces = text.split(move |c: char| {
        if escaped {
            escaped = false;
            return false;
        }
        match c {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => angle = true,
            '>' if !quoted => angle = false,
            ',' if !quoted && !angle => return true,
            _ => {}
        }
        false
    });
    pieces.map(str::trim).filter(|piece| !piece.is_empty())
}

#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;
