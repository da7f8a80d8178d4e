//! Bytes to messages.

use bytes::Bytes;

use crate::uri::{Uri, UriError};

use super::{Headers, MAX_HEADERS, MAX_MESSAGE, Message, Method, Request, RequestUri, Response};

/// Why bytes are not a SIP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing, or line breaks only: a keep-alive.
    #[error("message is empty")]
    Empty,
    /// Over [`MAX_MESSAGE`] bytes or [`MAX_HEADERS`] headers.
    #[error("message is too large")]
    TooLarge,
    /// The first line is neither a request's nor a response's.
    #[error("start line is not sip")]
    StartLine,
    /// The headers are not text.
    #[error("headers are not utf-8")]
    NotText,
    /// A line without a name and colon.
    #[error("header line has no name")]
    HeaderLine,
    /// Content-Length is unreadable or promises more than came.
    #[error("content-length does not fit the body")]
    ContentLength,
}

/// Reads one whole message. On a datagram, bytes past Content-Length are cut off.
///
/// # Errors
/// [`ParseError`]; no input panics.
pub fn parse(data: &[u8]) -> Result<Message, ParseError> {
    if data.len() > MAX_MESSAGE {
        return Err(ParseError::TooLarge);
    }
    let start = data
        .iter()
        .position(|b| !matches!(b, b'\r' | b'\n'))
        .ok_or(ParseError::Empty)?;
    let data = data.get(start..).unwrap_or_default();
    let (head, body) = split_head(data);
    let head = std::str::from_utf8(head).map_err(|_| ParseError::NotText)?;
    let mut lines = head
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    let start_line = lines.next().unwrap_or_default();
    let first = parse_start_line(start_line)?;
    let headers = parse_headers(lines)?;
    let body = cut_body(&headers, body)?;
    Ok(match first {
        StartLine::Request(method, uri) => Message::Request(Request {
            method,
            uri,
            headers,
            body,
        }),
        StartLine::Response(status, reason) => Message::Response(Response {
            status,
            reason,
            headers,
            body,
        }),
    })
}

/// Where the body starts: after the first empty line. `None` if there is no empty line yet.
pub(super) fn head_length(data: &[u8]) -> Option<usize> {
    let mut line_start = 0;
    for (at, byte) in data.iter().enumerate() {
        if *byte != b'\n' {
            continue;
        }
        let line = data.get(line_start..at).unwrap_or_default();
        if line.is_empty() || line == b"\r" {
            return Some(at + 1);
        }
        line_start = at + 1;
    }
    None
}

/// RFC 3261 `token`.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b))
}

enum StartLine {
    Request(Method, RequestUri),
    Response(u16, String),
}

fn split_head(data: &[u8]) -> (&[u8], &[u8]) {
    match head_length(data) {
        Some(length) => (
            data.get(..length).unwrap_or_default(),
            data.get(length..).unwrap_or_default(),
        ),
        None => (data, &[]),
    }
}

fn parse_start_line(line: &str) -> Result<StartLine, ParseError> {
    let line = line.trim_end();
    if let Some(rest) = line.strip_prefix("SIP/2.0 ") {
        let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let three = status.len() == 3 && status.bytes().all(|b| b.is_ascii_digit());
        let status: u16 = status.parse().map_err(|_| ParseError::StartLine)?;
        if !three || !(100..700).contains(&status) {
            return Err(ParseError::StartLine);
        }
        return Ok(StartLine::Response(status, reason.to_owned()));
    }
    let mut parts = line.split(' ').filter(|part| !part.is_empty());
    let (Some(method), Some(uri), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ParseError::StartLine);
    };
    if !is_token(method) || !version.eq_ignore_ascii_case("SIP/2.0") {
        return Err(ParseError::StartLine);
    }
    let uri = match Uri::parse(uri) {
        Ok(uri) => RequestUri::Known(uri),
        Err(UriError::Scheme) => RequestUri::Foreign(uri.to_owned()),
        Err(_) => return Err(ParseError::StartLine),
    };
    Ok(StartLine::Request(Method::parse(method), uri))
}

fn parse_headers<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Headers, ParseError> {
    let mut headers = Headers::new();
    let mut pending: Option<(&str, String)> = None;
    for line in lines {
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            // A folded line continues the one before it.
            let (_, value) = pending.as_mut().ok_or(ParseError::HeaderLine)?;
            value.push(' ');
            value.push_str(line.trim());
            continue;
        }
        flush(&mut headers, pending.take())?;
        let (name, value) = line.split_once(':').ok_or(ParseError::HeaderLine)?;
        let name = name.trim_end();
        if !is_token(name) {
            return Err(ParseError::HeaderLine);
        }
        pending = Some((name, value.trim().to_owned()));
    }
    flush(&mut headers, pending)?;
    // Content-Length is always printed, and what is printed must be readable again.
    let printed = headers.len() + usize::from(content_length(&headers)?.is_none());
    if printed > MAX_HEADERS {
        return Err(ParseError::TooLarge);
    }
    Ok(headers)
}

fn flush(headers: &mut Headers, pending: Option<(&str, String)>) -> Result<(), ParseError> {
    if let Some((name, value)) = pending {
        if headers.len() == MAX_HEADERS {
            return Err(ParseError::TooLarge);
        }
        headers.push(name, value);
    }
    Ok(())
}

fn cut_body(headers: &Headers, body: &[u8]) -> Result<Bytes, ParseError> {
    let Some(length) = content_length(headers)? else {
        return Ok(Bytes::copy_from_slice(body));
    };
    let body = body.get(..length).ok_or(ParseError::ContentLength)?;
    Ok(Bytes::copy_from_slice(body))
}

/// Content-Length; two that differ are an attempt to smuggle.
pub(super) fn content_length(headers: &Headers) -> Result<Option<usize>, ParseError> {
    let mut found = None;
    for line in headers.lines(super::name::CONTENT_LENGTH) {
        let digits = !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit());
        let length = line
            .parse()
            .ok()
            .filter(|_| digits)
            .ok_or(ParseError::ContentLength)?;
        if found.is_some_and(|earlier| earlier != length) {
            return Err(ParseError::ContentLength);
        }
        found = Some(length);
    }
    Ok(found)
}

/// The headers of a head that is complete, for framing a stream.
pub(super) fn parse_head(head: &[u8]) -> Result<Headers, ParseError> {
    let head = std::str::from_utf8(head).map_err(|_| ParseError::NotText)?;
    let mut lines = head
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    parse_start_line(lines.next().unwrap_or_default())?;
    parse_headers(lines)
}
