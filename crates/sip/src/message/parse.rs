//! Bytes to messages.

use bytes::Bytes;

use crate::uri::{Uri, UriError};

use super::text::{decode, is_blank, is_token};
use super::{Headers, MAX_HEADERS, MAX_MESSAGE, Message, Method, Request, RequestUri, Response};

/// Why bytes are not a message that can be acted upon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing, or line breaks only: a keep-alive.
    #[error("message is empty")]
    Empty,
    /// The first line is neither a request's nor a response's, and no Via says whom to tell.
    #[error("start line is not sip")]
    StartLine,
    /// A response with a fault. Nobody answers a response.
    #[error("response is damaged: {0}")]
    Response(Fault),
    /// A request that can be answered, and no more.
    #[error("request is damaged: {}", .0.fault)]
    Request(Box<Faulty>),
}

/// What is wrong with a message. The words go to the sender as a reason phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Over [`MAX_MESSAGE`] bytes, or promises to be.
    #[error("message is longer than 65535 bytes")]
    TooLarge,
    /// Content-Length promises more than [`MAX_MESSAGE`] bytes of body.
    #[error("body is longer than 65535 bytes")]
    BodyTooLarge,
    /// The first line is no request's.
    #[error("start line is malformed")]
    StartLine,
    /// Over [`MAX_HEADERS`] header lines.
    #[error("more than 256 header lines")]
    Headers,
    /// Neither a URI nor anything that could be one.
    #[error("Request-URI is malformed")]
    RequestUri,
    /// Another SIP.
    #[error("version is not supported")]
    Version,
    /// Not a number, or two that differ: an attempt to smuggle.
    #[error("Content-Length is malformed")]
    ContentLength,
    /// Content-Length promises more than came.
    #[error("Content-Length exceeds the body")]
    BodyShort,
}

/// As much of a request as its answer needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faulty {
    /// What could be read.
    pub request: Request,
    /// What could not.
    pub fault: Fault,
}

/// Reads one whole message. On a datagram, bytes past Content-Length are cut off.
///
/// # Errors
/// [`ParseError`]; no input panics.
pub fn parse(data: &[u8]) -> Result<Message, ParseError> {
    let start = start_of_message(data).ok_or(ParseError::Empty)?;
    let data = data.get(start..).unwrap_or_default();
    let oversize = data.len() > MAX_MESSAGE;
    let data = data.get(..data.len().min(MAX_MESSAGE)).unwrap_or_default();
    let (head, body) = split_head(data);
    let mut lines = head_lines(head);
    let (first, mut fault) = match start_line(lines.next().unwrap_or_default()) {
        Ok(first) => first,
        Err(error) => return Err(broken(head).unwrap_or(error)),
    };
    let (headers, too_many) = header_lines(lines);
    if too_many {
        fault = fault.or(Some(Fault::Headers));
    }
    let body = if oversize {
        fault = Some(Fault::TooLarge);
        Bytes::new()
    } else {
        cut_body(&headers, body).unwrap_or_else(|problem| {
            fault = fault.or(Some(problem));
            Bytes::new()
        })
    };
    match first {
        StartLine::Response(status, reason) => match fault {
            Some(fault) => Err(ParseError::Response(fault)),
            None => Ok(Message::Response(Response {
                status,
                reason,
                headers,
                body,
            })),
        },
        StartLine::Request(method, uri) => {
            let request = Request {
                method,
                uri,
                headers,
                body,
            };
            match fault {
                Some(fault) => Err(ParseError::Request(Box::new(Faulty { request, fault }))),
                None => Ok(Message::Request(request)),
            }
        }
    }
}

/// Leading line breaks and zeros are keep-alives that arrived together with a message (RFC 3261 7.5);
/// some senders mark their text as UTF-8. `None` if nothing else is there.
fn start_of_message(data: &[u8]) -> Option<usize> {
    let breaks = data.iter().position(|b| !matches!(b, b'\r' | b'\n' | 0))?;
    let rest = data.get(breaks..)?;
    Some(if rest.starts_with(BYTE_ORDER_MARK) {
        breaks + BYTE_ORDER_MARK.len()
    } else {
        breaks
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

pub(super) fn head_lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn start_line(line: &[u8]) -> Result<(StartLine, Option<Fault>), ParseError> {
    let (line, _) = decode(line);
    let line = line.trim_matches(is_blank);
    if let Some(rest) = line
        .split_at_checked(STATUS.len())
        .and_then(|(start, rest)| start.eq_ignore_ascii_case(STATUS).then_some(rest))
    {
        return status_line(rest).map(|first| (first, None));
    }
    // The URI is what stands between the first word and the last, so that a blank inside it is
    // the URI's fault and not the line's.
    let (method, rest) = line.split_once(is_blank).ok_or(ParseError::StartLine)?;
    let (uri, version) = rest.rsplit_once(is_blank).ok_or(ParseError::StartLine)?;
    let is_sip = version
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("SIP/"));
    if !is_sip || !is_token(method) {
        return Err(ParseError::StartLine);
    }
    let mut fault = (!version.eq_ignore_ascii_case("SIP/2.0")).then_some(Fault::Version);
    let uri = request_uri(uri.trim_matches(is_blank)).unwrap_or_else(|text| {
        fault = fault.or(Some(Fault::RequestUri));
        RequestUri::Foreign(text)
    });
    Ok((StartLine::Request(Method::parse(method), uri), fault))
}

/// A message whose first line nobody understands is answered if its headers say to whom, unless it
/// looks like a response or an ACK, which nobody answers.
fn broken(head: &[u8]) -> Option<ParseError> {
    let (line, _) = decode(head_lines(head).next()?);
    let line = line.trim_matches(is_blank);
    let is_response = line
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("SIP/"));
    if is_response {
        return None;
    }
    // The line may be missing altogether: then it is a header.
    let (headers, _) = header_lines(head_lines(head));
    headers.via().ok()?;
    let written = line.split(is_blank).next().unwrap_or_default();
    let method = match headers.cseq() {
        _ if written.eq_ignore_ascii_case("ACK") => Method::Ack,
        Ok(cseq) => cseq.method,
        Err(_) => Method::parse(written),
    };
    let request = Request {
        method,
        uri: RequestUri::Foreign(String::new()),
        headers,
        body: Bytes::new(),
    };
    let fault = Fault::StartLine;
    Some(ParseError::Request(Box::new(Faulty { request, fault })))
}

fn status_line(rest: &str) -> Result<StartLine, ParseError> {
    let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let three = status.len() == 3 && status.bytes().all(|b| b.is_ascii_digit());
    let status: u16 = status.parse().map_err(|_| ParseError::StartLine)?;
    if !three || !(100..700).contains(&status) {
        return Err(ParseError::StartLine);
    }
    Ok(StartLine::Response(status, reason.to_owned()))
}

/// Some senders put the Request-URI into brackets, and some write characters into it that ought
/// to be escaped; both say clearly whom they want.
fn request_uri(text: &str) -> Result<RequestUri, String> {
    let bare = text
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
        .unwrap_or(text);
    match Uri::parse(bare) {
        Ok(uri) => Ok(RequestUri::Known(uri)),
        Err(UriError::Scheme) => Ok(RequestUri::Foreign(bare.to_owned())),
        Err(_) => Uri::lenient(bare)
            .filter(|uri| !uri.host.is_empty())
            .map(RequestUri::Known)
            .ok_or_else(|| bare.to_owned()),
    }
}

/// The headers, and whether there were more than fit. A line that is no header is passed over:
/// what it was meant to say is lost, and nothing else.
pub(super) fn header_lines<'a>(lines: impl Iterator<Item = &'a [u8]>) -> (Headers, bool) {
    let mut headers = Headers::new();
    let mut pending: Option<Vec<u8>> = None;
    let mut too_many = false;
    for line in lines {
        if line.is_empty() {
            break;
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            // A folded line continues the one before it.
            if let Some(pending) = &mut pending {
                pending.push(b' ');
                pending.extend_from_slice(line.trim_ascii());
            }
            continue;
        }
        too_many |= !flush(&mut headers, pending.replace(line.to_vec()));
    }
    too_many |= !flush(&mut headers, pending);
    // Content-Length is always printed, and what is printed must be readable again.
    let printed = headers.len() + usize::from(headers.get(super::name::CONTENT_LENGTH).is_none());
    (headers, too_many || printed > MAX_HEADERS)
}

/// `false` if there is no room for the line.
fn flush(headers: &mut Headers, line: Option<Vec<u8>>) -> bool {
    let Some(line) = line else { return true };
    let (line, latin1) = decode(&line);
    let Some((name, value)) = line.split_once(':') else {
        return true;
    };
    let name = name.trim_matches(is_blank);
    if name.is_empty() || name.contains(char::is_control) {
        return true;
    }
    headers.append(name, value, latin1)
}

fn cut_body(headers: &Headers, body: &[u8]) -> Result<Bytes, Fault> {
    let Some(length) = content_length(headers)? else {
        return Ok(Bytes::copy_from_slice(body));
    };
    if length > MAX_MESSAGE {
        return Err(Fault::BodyTooLarge);
    }
    let body = body.get(..length).ok_or(Fault::BodyShort)?;
    Ok(Bytes::copy_from_slice(body))
}

/// Content-Length; two that differ are an attempt to smuggle.
pub(super) fn content_length(headers: &Headers) -> Result<Option<usize>, Fault> {
    let mut found = None;
    for line in headers.lines(super::name::CONTENT_LENGTH) {
        let digits = !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit());
        // A number beyond any machine's is a number all the same.
        let length = digits
            .then(|| line.parse().unwrap_or(usize::MAX))
            .ok_or(Fault::ContentLength)?;
        if found.is_some_and(|earlier| earlier != length) {
            return Err(Fault::ContentLength);
        }
        found = Some(length);
    }
    Ok(found)
}

/// As many bytes behind the head are a body, whatever else is wrong: of several lengths the longest.
pub(super) fn declared_length(headers: &Headers) -> usize {
    let lines = headers.lines(super::name::CONTENT_LENGTH);
    let digits = lines.filter(|line| !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit()));
    let lengths = digits.map(|line| line.parse().unwrap_or(usize::MAX));
    lengths.max().unwrap_or(0)
}

const STATUS: &str = "SIP/2.0 ";

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
