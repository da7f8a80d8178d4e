//! Messages on a byte stream, cut by Content-Length (RFC 3261 18.3).
//!
//! One connection carries many calls, so one bad message must not cost the others theirs. What a
//! bad message leaves behind is passed over up to the next line that begins a message:
//! - a header too few or an odd one is the reader's business, not the framer's;
//! - without a Content-Length, or with an unreadable one, the body is empty and what follows is
//!   passed over;
//! - a Content-Length that is too long swallows the beginning of the next message. In a session
//!   description, whose lines have a form, that is seen; otherwise [`Framer::expire`] ends the wait.
//!
//! Each of these is handed on all the same, since the reader answers it with 400. Only a stream
//! that says nothing for 64 kB, or a message that could never be held, ends it.

use bytes::{Buf, Bytes, BytesMut};

use super::MAX_MESSAGE;
use super::parse::{content_length, head_lines, header_lines};

/// What came off a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framed {
    /// One message, whole or as whole as it will ever be.
    Message(Bytes),
    /// A keep-alive (RFC 5626 3.5.1); answer with one CRLF.
    Ping,
    /// Bytes between messages that belong to none were passed over.
    Skipped,
}

/// Why a stream cannot be read on. The connection is to be closed once its last answer is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A message or its head is larger than [`MAX_MESSAGE`].
    #[error("message on stream is too large")]
    TooLarge,
    /// Nothing looked like a message for as long as the largest one may be.
    #[error("stream is not sip")]
    NotSip,
}

/// Collects bytes and gives whole messages. Holds at most one message and what was pushed last.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// Start of the line of a head that was not all there when last looked at.
    looked: usize,
    /// The message whose head is all there.
    begun: Option<Begun>,
    /// Bytes passed over since the last message.
    skipped: usize,
    lost: Option<FrameError>,
}

/// A message whose body is still coming. Kept, so that a body in small pieces is read once.
#[derive(Clone, Copy, Debug)]
struct Begun {
    /// Head and body.
    total: usize,
    is_sdp: bool,
    /// Start of the first line of the body not looked at.
    looked: usize,
}

impl Framer {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what was read from the connection.
    pub fn push(&mut self, data: &[u8]) {
        self.buffer.extend_from_slice(data);
    }

    /// Has a message begun that is not all there?
    pub fn is_partial(&self) -> bool {
        !self.buffer.iter().all(|b| is_break(*b))
    }

    /// Is only the rest of a body missing?
    pub const fn awaits_body(&self) -> bool {
        self.begun.is_some()
    }

    /// The next message, if it is all there.
    ///
    /// # Errors
    /// [`FrameError`], after which the stream is useless.
    pub fn take(&mut self) -> Result<Option<Framed>, FrameError> {
        if let Some(lost) = self.lost {
            return Err(lost);
        }
        if self.begun.is_none() && self.looked == 0 {
            if self.buffer.starts_with(PING) {
                self.buffer.advance(PING.len());
                return Ok(Some(Framed::Ping));
            }
            if PING.starts_with(&self.buffer) {
                return Ok(None);
            }
            let breaks = self.buffer.iter().take_while(|b| is_break(**b)).count();
            self.buffer.advance(breaks);
            if self.skip()? {
                return Ok(Some(Framed::Skipped));
            }
        }
        let Some(begun) = self.begun() else {
            let full = self.buffer.len() > MAX_MESSAGE;
            return Ok(full.then(|| self.give_up()));
        };
        if begun.total > MAX_MESSAGE {
            return Ok(Some(self.give_up()));
        }
        Ok(self.end_of(begun).map(|end| self.give(end)))
    }

    /// Nothing more came for so long that the rest of a body is not to be expected: gives what
    /// there is. A head without end stays, since nobody can be answered by it.
    pub fn expire(&mut self) -> Option<Framed> {
        self.begun?;
        let length = self.buffer.len();
        Some(self.give(length))
    }

    fn give(&mut self, length: usize) -> Framed {
        (self.looked, self.begun, self.skipped) = (0, None, 0);
        Framed::Message(self.buffer.split_to(length).freeze())
    }

    /// Hands on what there is, for an answer, and is useless from then on.
    fn give_up(&mut self) -> Framed {
        self.lost = Some(FrameError::TooLarge);
        self.give(self.buffer.len())
    }

    /// Passes over lines up to one that begins a message. `true` if there were some.
    fn skip(&mut self) -> Result<bool, FrameError> {
        let mut any = false;
        while let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
            let line = self.buffer.get(..end).unwrap_or_default();
            if begins_message(line) {
                return Ok(any);
            }
            self.buffer.advance(end + 1);
            self.skipped += end + 1;
            any = true;
        }
        if self.skipped + self.buffer.len() > MAX_MESSAGE {
            return Err(FrameError::NotSip);
        }
        Ok(any)
    }

    /// The message at the beginning, once its head is all there: up to its empty line, or to a line
    /// that begins another message, since then the empty line was forgotten.
    fn begun(&mut self) -> Option<Begun> {
        if self.begun.is_some() {
            return self.begun;
        }
        let head = loop {
            let rest = self.buffer.get(self.looked..)?;
            let end = rest.iter().position(|b| *b == b'\n')?;
            let line = rest.get(..end)?;
            if line.is_empty() || line == b"\r" {
                break self.looked + end + 1;
            }
            if self.looked > 0 && begins_message(line) {
                break self.looked;
            }
            self.looked += end + 1;
        };
        let lines = head_lines(self.buffer.get(..head)?).skip(1);
        let (headers, _) = header_lines(lines);
        // Missing or unreadable: the reader says so.
        let body = content_length(&headers).ok().flatten().unwrap_or(0);
        self.begun = Some(Begun {
            total: head.saturating_add(body),
            is_sdp: headers.content_type().as_deref() == Some("application/sdp"),
            looked: head,
        });
        self.begun
    }

    /// Where a message ends, if it is all there: at its length, or where another begins inside it.
    fn end_of(&mut self, begun: Begun) -> Option<usize> {
        let mut at = begun.looked;
        while begun.is_sdp && at < begun.total {
            let rest = self.buffer.get(at..)?;
            let end = rest.iter().position(|b| *b == b'\n');
            let line = rest.get(..end.unwrap_or(rest.len()))?;
            let Some(end) = end else {
                // The last line may be the beginning of another message that has not all come.
                let strange = line.first().is_some_and(u8::is_ascii_alphabetic)
                    && line.get(1).is_some_and(|second| *second != b'=');
                if strange {
                    return None;
                }
                break;
            };
            if begins_message(line) {
                return Some(at);
            }
            at += end + 1;
            self.begun = Some(Begun {
                looked: at,
                ..begun
            });
        }
        (self.buffer.len() >= begun.total).then_some(begun.total)
    }
}

/// Is this a line that only a message begins with: a method, something and a version, or a
/// version and a status?
fn begins_message(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let is_version = |word: &[u8]| {
        word.get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
    };
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|w| !w.is_empty());
    let (Some(first), Some(second)) = (words.next(), words.next()) else {
        return false;
    };
    if is_version(first) {
        return second.len() == 3 && second.iter().all(u8::is_ascii_digit);
    }
    let is_method = |word: &[u8]| {
        word.iter().any(u8::is_ascii_alphabetic) && !word.iter().any(|b| b":=,;/".contains(b))
    };
    is_method(first) && words.next_back().is_some_and(is_version)
}

const fn is_break(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

const PING: &[u8] = b"\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    const BYE: &[u8] =
        b"BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\nl: 3\r\n\r\nabc";

    fn all(framer: &mut Framer) -> Vec<Framed> {
        std::iter::from_fn(|| framer.take().unwrap()).collect()
    }

    #[test]
    fn messages_are_found_whatever_the_pieces() {
        for size in 1..BYE.len() {
            let mut framer = Framer::new();
            let mut found = Vec::new();
            let twice = [BYE, b"\r\n\r\n", BYE].concat();
            for piece in twice.chunks(size) {
                framer.push(piece);
                found.extend(all(&mut framer));
            }
            let message = Framed::Message(Bytes::from_static(BYE));
            assert_eq!(
                found,
                [message.clone(), Framed::Ping, message],
                "pieces of {size}"
            );
        }
    }

    /// A provider's proxy carries all its calls over one connection; whatever one of its phones
    /// writes, the BYE of another must get through.
    #[test]
    fn a_bad_message_does_not_cost_the_next_one() {
        let sdp = "Content-Type: application/sdp\r\n";
        let body = "v=0\r\no=- 1 1 IN IP4 h\r\n";
        for (what, bad) in [
            (
                "latin-1",
                "OPTIONS sip:a@b SIP/2.0\r\nFrom: J\u{f6}rg\r\nl: 0\r\n\r\n".to_owned(),
            ),
            (
                "no length",
                format!("INVITE sip:a@b SIP/2.0\r\n{sdp}\r\n{body}"),
            ),
            (
                "a length that is no number",
                format!("INVITE sip:a@b SIP/2.0\r\n{sdp}l: x\r\n\r\n{body}"),
            ),
            (
                "a negative length",
                format!("INVITE sip:a@b SIP/2.0\r\n{sdp}l: -999\r\n\r\n{body}"),
            ),
            (
                "two lengths",
                format!("INVITE sip:a@b SIP/2.0\r\n{sdp}l: 1\r\nl: 2\r\n\r\n{body}"),
            ),
            (
                "a length too short",
                format!("INVITE sip:a@b SIP/2.0\r\n{sdp}l: 12\r\n\r\n{body}"),
            ),
            (
                "a length too long by some",
                format!("INVITE sip:a@b SIP/2.0\r\n{sdp}l: 30\r\n\r\n{body}"),
            ),
            (
                "a length too long by much",
                format!("INVITE sip:a@b SIP/2.0\r\n{sdp}l: 60\r\n\r\n{body}"),
            ),
            (
                "no empty line",
                "OPTIONS sip:a@b SIP/2.0\r\nl: 0\r\n".to_owned(),
            ),
            (
                "a line that is no header",
                "OPTIONS sip:a@b SIP/2.0\r\nhello\r\nl: 0\r\n\r\n".to_owned(),
            ),
            (
                "another version",
                "OPTIONS sip:a@b SIP/7.0\r\nl: 0\r\n\r\n".to_owned(),
            ),
            (
                "another protocol",
                "GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            ),
            ("nothing", "\0\0\r\n\r\nhello\r\n".to_owned()),
        ] {
            for size in [1, 7, 4096] {
                let mut framer = Framer::new();
                let mut found = Vec::new();
                for piece in [bad.as_bytes(), BYE].concat().chunks(size) {
                    framer.push(piece);
                    found.extend(all(&mut framer));
                }
                let last = found.last();
                let bye = Framed::Message(Bytes::from_static(BYE));
                assert_eq!(last, Some(&bye), "{what} in pieces of {size}: {found:?}");
            }
        }
    }

    #[test]
    fn a_body_that_never_comes_is_not_waited_for() {
        let mut framer = Framer::new();
        let cut: &[u8] = b"INVITE sip:a@b SIP/2.0\r\nc: application/sdp\r\nl: 90\r\n\r\nv=0\r\n";
        framer.push(cut);
        assert_eq!(framer.take(), Ok(None));
        assert!(framer.is_partial());
        let given = framer.expire();
        assert_eq!(given, Some(Framed::Message(Bytes::from_static(cut))));
        assert!(!framer.is_partial());
        framer.push(BYE);
        assert_eq!(all(&mut framer).len(), 1);
        framer.push(b"BYE sip:a@b SIP/2.0\r\nVia");
        assert_eq!((framer.take(), framer.expire()), (Ok(None), None));
    }

    #[test]
    fn a_stream_that_lost_its_framing_says_so() {
        for head in [
            "Content-Length: 99999999\r\n\r\n".to_owned(),
            "X: y\r\n".repeat(20_000),
        ] {
            let mut framer = Framer::new();
            framer.push(format!("BYE sip:a@b SIP/2.0\r\n{head}").as_bytes());
            assert!(
                matches!(framer.take(), Ok(Some(Framed::Message(_)))),
                "for its 400"
            );
            assert_eq!(framer.take(), Err(FrameError::TooLarge));
        }
        for noise in [vec![b'x'; MAX_MESSAGE + 1], b"x\r\n".repeat(MAX_MESSAGE)] {
            let mut framer = Framer::new();
            framer.push(&noise);
            let end = (0..3).find_map(|_| framer.take().err());
            assert_eq!(end, Some(FrameError::NotSip));
        }
    }
}
