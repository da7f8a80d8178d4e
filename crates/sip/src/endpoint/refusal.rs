//! Requests nobody needs to look at twice, and the words they are refused in.

use crate::dialog::routes_of;
use crate::message::{BodyError, Fault, Headers, Method, Request, name, sdp_of};

use super::SessionTimers;
use super::Transport;
use super::compose::{ACCEPT, ALLOW, is_call_method};
use super::ringing::RELIABLE;
use super::session::{TIMER, Wish};

/// An answer that needs no decision.
pub(super) struct Refusal {
    pub(super) status: u16,
    /// What is wrong with the request, where the usual phrase does not say it.
    pub(super) reason: Option<String>,
    pub(super) headers: Vec<(&'static str, String)>,
    /// For counters.
    pub(super) word: &'static str,
}

/// Whose change of the session is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    Theirs,
    Ours,
}

impl Refusal {
    /// Their change of the session came while another was under way (RFC 3261 14.2, RFC 3311 5.2):
    /// over theirs they try again `soon` (in seconds), and over ours after a pause that the other side does not
    /// take.
    pub(super) fn overlap(with: Pending, soon: u32) -> Self {
        match with {
            Pending::Theirs => Self::new(500, "overlap").with(name::RETRY_AFTER, soon.to_string()),
            Pending::Ours => Self::new(491, "overlap"),
        }
    }

    pub(super) const fn new(status: u16, word: &'static str) -> Self {
        Self {
            status,
            reason: None,
            headers: Vec::new(),
            word,
        }
    }

    pub(super) fn malformed(reason: String) -> Self {
        Self {
            reason: Some(reason),
            ..Self::new(400, "malformed")
        }
    }

    /// The same in words of its own.
    pub(super) fn saying(mut self, reason: &str) -> Self {
        self.reason = Some(reason.to_owned());
        self
    }

    pub(super) fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }
}

/// Why a request cannot be obeyed, whoever sends it.
pub(super) fn refusal(
    request: &Request,
    fault: Option<Fault>,
    transport: Transport,
    timers: &SessionTimers,
) -> Option<Refusal> {
    if let Some(fault) = fault {
        return Some(Refusal {
            status: match fault {
                Fault::Version => 505,
                Fault::TooLarge => 513,
                Fault::BodyTooLarge => 413,
                Fault::StartLine
                | Fault::Headers
                | Fault::RequestUri
                | Fault::ContentLength
                | Fault::BodyShort => 400,
            },
            ..Refusal::malformed(fault.to_string())
        });
    }
    if let Some(reason) = unreadable(request, transport) {
        return Some(Refusal::malformed(reason));
    }
    if let Some(reason) = misplaced(request) {
        return Some(Refusal::malformed(reason.to_owned()));
    }
    if !is_call_method(&request.method) {
        // What nobody has heard of is another thing than what is done elsewhere.
        let is_usual = OTHERS.contains(&request.method.as_str());
        let status = if is_usual { 405 } else { 501 };
        return Some(Refusal::new(status, "method").with(name::ALLOW, ALLOW));
    }
    if request.uri.known().is_none() {
        return Some(Refusal::new(416, "scheme"));
    }
    if request.method == Method::Cancel {
        return None;
    }
    let known = |extension: &&str| {
        let ours = [RELIABLE, TIMER, REPLACES];
        ours.iter().any(|ours| ours.eq_ignore_ascii_case(extension))
    };
    let required = request.headers.values(name::REQUIRE);
    let unknown: Vec<&str> = required
        .filter(|extension| !known(extension))
        .take(MAX_REQUIRED)
        .collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        return Some(Refusal::new(420, "extension").with(name::UNSUPPORTED, unknown));
    }
    if !matches!(request.method, Method::Invite | Method::Update) {
        return None;
    }
    if Wish::of(&request.headers).is_too_short(timers) {
        let least = timers.min.as_secs().to_string();
        return Some(Refusal::new(422, "session_interval").with(name::MIN_SE, least));
    }
    if !takes_descriptions(&request.headers) {
        return Some(Refusal::new(406, "accept"));
    }
    match sdp_of(&request.headers, &request.body) {
        Ok(_) => None,
        Err(BodyError::Type) => Some(Refusal::new(415, "body").with(name::ACCEPT, ACCEPT)),
        Err(BodyError::Encoding) => {
            Some(Refusal::new(415, "body").with("Accept-Encoding", "identity"))
        }
    }
}

/// Can whoever asks read an answer to an offer? Where it does not say, it can (RFC 3261 20.1).
fn takes_descriptions(headers: &Headers) -> bool {
    let mut types = headers.values(name::ACCEPT).map(|value| {
        let kind = value.split(';').next().unwrap_or(value);
        kind.trim().to_ascii_lowercase()
    });
    let Some(first) = types.next() else {
        return true;
    };
    let holds_one = |kind: String| {
        ["application/sdp", "application/*", "*/*", "*"].contains(&&*kind)
            || kind.starts_with("multipart/")
    };
    holds_one(first) || types.any(holds_one)
}

/// Methods that are usual, and none of ours.
const OTHERS: [&str; 4] = ["REGISTER", "MESSAGE", "SUBSCRIBE", "PUBLISH"];

/// Extensions named in an answer: more than there are of use, and not so many that it cannot be sent.
const MAX_REQUIRED: usize = 32;

/// What is wrong with a request that names a call to be replaced, whichever that is: an INVITE may
/// want the place of one call, and not of two, nor join another besides.
pub(super) fn misplaced(request: &Request) -> Option<&'static str> {
    let lines = request.headers.lines(name::REPLACES);
    let wanted = lines.flat_map(|line| line.split(',')).count();
    if wanted == 0 {
        return None;
    }
    if request.method != Method::Invite {
        return Some("Replaces is for INVITE");
    }
    if wanted > 1 {
        return Some("Replaces is there twice");
    }
    request
        .headers
        .get(JOIN)
        .map(|_| "Replaces and Join exclude each other")
}

/// What a request lacks that its answer or its call cannot do without.
fn unreadable(request: &Request, transport: Transport) -> Option<String> {
    let headers = &request.headers;
    if headers.via().is_ok_and(|via| via.is_odd()) {
        return Some("Via is malformed".to_owned());
    }
    for single in [name::FROM, name::TO, name::CALL_ID, name::CSEQ] {
        let mut lines = headers.lines(single);
        let first = lines.next();
        if lines.any(|line| Some(line) != first) {
            return Some(format!("{single} is there twice"));
        }
    }
    let read = headers
        .from()
        .and_then(|_| headers.to())
        .and_then(|_| headers.call_id())
        .and_then(|_| headers.cseq());
    let cseq = match read {
        Ok(cseq) => cseq,
        Err(error) => return Some(error.to_string()),
    };
    if cseq.method != request.method {
        return Some("CSeq is of another method".to_owned());
    }
    if request.method == Method::Invite
        && let Err(error) = routes_of(headers)
    {
        return Some(error.to_string());
    }
    // On a stream nobody knows where such a body ends.
    let unmeasured = transport.is_stream()
        && headers.get(name::CONTENT_LENGTH).is_none()
        && headers.get(name::CONTENT_TYPE).is_some();
    unmeasured.then(|| "Content-Length is missing".to_owned())
}

/// The extension's name.
pub(super) const REPLACES: &str = "replaces";

/// RFC 3911.
const JOIN: &str = "Join";
