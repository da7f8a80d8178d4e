//! Messages on a byte stream, cut by Content-Length (RFC 3261 18.3).
//!
//! Content-Length ends a message, whatever its body says: a proxy passes on the bodies of strangers,
//! and none of them may speak with its voice. Nothing inside a declared length is a message, also
//! where the length is a lie.
//!
//! One connection carries many calls, so one bad message must not cost the others theirs. What a
//! bad message leaves behind is passed over up to the next line that begins a message:
//! - a header too few or an odd one is the reader's business, not the framer's;
//! - without a Content-Length, or with an unreadable one, the body is empty and what follows is
//!   passed over;
//! - a Content-Length that is too long is not waited for after [`Framer::expire`], and the next
//!   message is found right behind. What had come by then was part of the body; so is what comes
//!   late and begins no message. What is left of a message that was swallowed in part is passed over
//!   with its own body.
//!
//! Each of these is handed on all the same, since the reader answers it with 400; so is a message
//! whose first line means to begin one and does not, or whose other lines name a Via all the same.
//! Only a stream of another protocol, one that says nothing for 64 kB, or a message that could never
//! be held, ends it.

use bytes::{Buf, Bytes, BytesMut};

use super::MAX_MESSAGE;
use super::parse::{declared_length, head_lines, header_lines};

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
    /// Nothing looked like a message for as long as the largest one may be, or it does not even
    /// begin with text.
    #[error("stream is not sip")]
    NotSip,
    /// A record of TLS, where plain SIP is spoken.
    #[error("stream is tls")]
    Tls,
    /// A message of STUN.
    #[error("stream is stun")]
    Stun,
}

impl FrameError {
    /// For counters.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooLarge => "framing",
            Self::NotSip => "not_sip",
            Self::Tls => "tls",
            Self::Stun => "stun",
        }
    }
}

/// Collects bytes and gives whole messages. Holds at most one message and what was pushed last.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// Start of the line of a head that was not all there when last looked at.
    looked: usize,
    /// The message whose head is all there.
    begun: Option<Begun>,
    /// Bytes of the line that is being looked for the end of, in which it is not.
    unbroken: usize,
    /// Bytes passed over since the last message.
    skipped: usize,
    /// Content-Length of a head without a beginning that is being passed over.
    declared: usize,
    /// Bytes of a body that were given up, and may still come.
    owed: usize,
    /// Do they come?
    is_late: bool,
    /// Does what is being read begin as no message does?
    is_odd: bool,
    /// Has anything on this stream been SIP?
    spoke: bool,
    lost: Option<FrameError>,
}

/// A message whose body is still coming.
#[derive(Clone, Copy, Debug)]
struct Begun {
    head: usize,
    body: usize,
    /// Nothing in its head says that it is a message, nor whom to tell so.
    is_junk: bool,
}

impl Begun {
    const fn total(self) -> usize {
        self.head.saturating_add(self.body)
    }
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
        !self.buffer.iter().all(|b| is_blank(*b))
    }

    /// Is what came of use without the rest: a body that is not all there, or what followed a message
    /// and belongs to none?
    pub fn awaits_rest(&self) -> bool {
        let is_late = self.is_late || (self.owed > 0 && self.is_partial());
        self.begun.is_some() || (self.is_odd && self.spoke) || is_late
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
            if self.is_late && !self.buffer.is_empty() {
                return Ok(Some(self.pass_late()));
            }
            if self.declared == 0 {
                if self.buffer.starts_with(PING) {
                    self.pass_break(PING.len());
                    return Ok(Some(Framed::Ping));
                }
                if PING.starts_with(&self.buffer) {
                    return Ok(None);
                }
                self.refuse_foreign()?;
                self.pass_blanks();
            }
            if self.owed > 0 && self.continues_body() {
                return Ok(Some(self.pass_late()));
            }
            if self.skip()? {
                return Ok(Some(Framed::Skipped));
            }
        }
        let Some(begun) = self.begun() else {
            let full = self.buffer.len() > MAX_MESSAGE;
            if full && self.is_odd {
                return Err(self.lose(FrameError::NotSip));
            }
            return Ok(full.then(|| self.give_up()));
        };
        if begun.is_junk {
            return self.pass_junk(begun).map(Some);
        }
        let total = begun.total();
        if total > MAX_MESSAGE {
            return Ok(Some(self.give_up()));
        }
        Ok((self.buffer.len() >= total).then(|| self.give(total)))
    }

    /// Nothing more came for so long that the rest of a body is not to be expected: gives what
    /// there is. A head without end stays, since nobody can be answered by it.
    pub fn expire(&mut self) -> Option<Framed> {
        let length = self.buffer.len();
        if self.owed > 0 && self.awaits_rest() {
            let passed = self.pass_late();
            self.is_late = false;
            return Some(passed);
        }
        if self.is_odd && self.spoke {
            return Some(self.pass(length));
        }
        let owed = self.begun?.total().saturating_sub(length);
        let given = self.give(length);
        self.owed = owed;
        Some(given)
    }

    /// What comes after a body was given up: the rest of it, unless it begins with a message.
    fn continues_body(&mut self) -> bool {
        let Some(end) = self.line_end(0) else {
            return false;
        };
        if begins_message(self.buffer.get(..end).unwrap_or_default()) {
            self.owed = 0;
        }
        self.owed > 0
    }

    /// Passes over what there is of a body that nobody waits for any more, unread.
    fn pass_late(&mut self) -> Framed {
        let owed = self.owed;
        let length = owed.min(self.buffer.len());
        let passed = self.pass(length);
        self.pass_body(owed - length);
        passed
    }

    /// So many bytes that come next are part of a body.
    const fn pass_body(&mut self, length: usize) {
        (self.owed, self.is_late) = (length, length > 0);
        if self.spoke {
            self.skipped = 0;
        }
    }

    fn pass_break(&mut self, length: usize) {
        self.buffer.advance(length);
        self.owed = self.owed.saturating_sub(length);
        self.unbroken = 0;
    }

    /// Line breaks, and zeros before text: both keep a connection alive. Zeros may also begin what is
    /// no text.
    fn pass_blanks(&mut self) {
        let blanks = self.buffer.iter().take_while(|b| is_blank(**b)).count();
        let breaks = self.buffer.iter().take_while(|b| is_break(**b)).count();
        let next = self.buffer.get(blanks);
        let is_text = next.is_some_and(u8::is_ascii_graphic);
        let passed = if is_text { blanks } else { breaks };
        if passed > 0 {
            self.pass_break(passed);
        }
    }

    /// What another protocol begins with would be waited through until a line ends in it, and
    /// nobody would be heard meanwhile.
    fn refuse_foreign(&mut self) -> Result<(), FrameError> {
        let data = self.buffer.as_ref();
        let first = data.iter().take(FIRST_WORD);
        let first: Vec<u8> = first.take_while(|byte| **byte != b'\n').copied().collect();
        let is_strange = |byte: &&u8| byte.is_ascii_control() && !b"\0\t\r".contains(byte);
        // One in a word is damage, and whoever sent it waits for an answer.
        let strange = first.iter().filter(is_strange).count();
        let is_foreign = strange * FEW > first.len();
        let error = match data {
            [20..=23, 3, 0..=4, ..] => FrameError::Tls,
            // Bare, and after a length (RFC 4571).
            [0..=3, _, _, _, 0x21, 0x12, 0xa4, 0x42, ..]
            | [_, _, 0..=3, _, _, _, 0x21, 0x12, 0xa4, 0x42, ..] => FrameError::Stun,
            _ if !self.spoke && self.skipped == 0 && is_foreign => FrameError::NotSip,
            _ => return Ok(()),
        };
        Err(self.lose(error))
    }

    /// How long the line is that starts there, if its end has come. What was looked at is not looked
    /// at again, however small the pieces are.
    fn line_end(&mut self, start: usize) -> Option<usize> {
        let rest = self.buffer.get(start..)?;
        let known = self.unbroken.min(rest.len());
        let found = rest.iter().skip(known).position(|b| *b == b'\n');
        self.unbroken = if found.is_some() { 0 } else { rest.len() };
        found.map(|found| known + found)
    }

    fn give(&mut self, length: usize) -> Framed {
        self.unbroken = 0;
        (self.looked, self.begun, self.skipped, self.spoke) = (0, None, 0, true);
        (self.is_odd, self.declared) = (false, 0);
        Framed::Message(self.buffer.split_to(length).freeze())
    }

    /// Hands on what there is, for an answer, and is useless from then on.
    fn give_up(&mut self) -> Framed {
        self.lost = Some(FrameError::TooLarge);
        self.give(self.buffer.len())
    }

    /// A head of no message, after messages, is passed over with what it says is its body; whoever
    /// begins with one and says nothing else speaks another protocol.
    fn pass_junk(&mut self, begun: Begun) -> Result<Framed, FrameError> {
        let head = self.buffer.get(..begun.head).unwrap_or_default();
        let is_whole = head.ends_with(b"\n\r\n") || head.ends_with(b"\n\n");
        if !self.spoke && is_whole {
            return Err(self.lose(FrameError::NotSip));
        }
        let passed = self.pass(begun.head);
        if begun.body > 0 {
            self.pass_body(begun.body.min(MAX_MESSAGE));
        }
        Ok(passed)
    }

    fn pass(&mut self, length: usize) -> Framed {
        self.buffer.advance(length);
        self.skipped += length;
        (self.looked, self.unbroken, self.begun, self.is_odd) = (0, 0, None, false);
        self.declared = 0;
        Framed::Skipped
    }

    fn lose(&mut self, error: FrameError) -> FrameError {
        self.lost = Some(error);
        error
    }

    /// Passes over lines up to one that begins a message. `true` if there were some.
    fn skip(&mut self) -> Result<bool, FrameError> {
        let mut any = false;
        while let Some(end) = self.line_end(0) {
            let line = self.buffer.get(..end).unwrap_or_default();
            // What is left of a body looks like much; right behind a message it must be more.
            let is_first = self.skipped == 0;
            let begins = begins_message(line) || (is_first && would_begin(line));
            self.is_odd = !begins && is_first && may_begin(line);
            if begins || self.is_odd {
                return Ok(any);
            }
            let line = line.trim_ascii();
            let is_end = line.is_empty();
            let length = declared_length(&header_lines(std::iter::once(line)).0);
            self.declared = self.declared.max(length.min(MAX_MESSAGE));
            self.buffer.advance(end + 1);
            self.skipped += end + 1;
            any = true;
            if is_end && self.declared > 0 {
                let body = std::mem::take(&mut self.declared);
                self.pass_body(body);
                return Ok(true);
            }
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
            let end = self.line_end(self.looked)?;
            let rest = self.buffer.get(self.looked..)?;
            let line = rest.get(..end)?;
            if line.is_empty() || line == b"\r" {
                break self.looked + end + 1;
            }
            let is_folded = line.starts_with(b" ") || line.starts_with(b"\t");
            if self.looked > 0 && !is_folded && begins_message(line) {
                break self.looked;
            }
            self.looked += end + 1;
        };
        let whole = self.buffer.get(..head)?;
        let first = head_lines(whole).next()?;
        // The first line may be missing altogether: then it is a header.
        let is_named = begins_message(first) || would_begin(first);
        let (headers, _) = header_lines(head_lines(whole).skip(usize::from(is_named)));
        let is_junk = !is_named && headers.via().is_err();
        self.begun = Some(Begun {
            head,
            // Missing, unreadable or twice: the reader says so.
            body: declared_length(&headers),
            is_junk,
        });
        self.begun
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
    // A header may have a blank before its colon.
    is_method(first) && !second.starts_with(b":") && words.next_back().is_some_and(is_version)
}

/// Is this meant for a request's first line, and has something wrong with it?
fn would_begin(line: &[u8]) -> bool {
    let holds = |wanted: &[u8]| {
        line.windows(wanted.len())
            .any(|part| part.eq_ignore_ascii_case(wanted))
    };
    let is_field = line.get(1) == Some(&b'=');
    !is_field && line.contains(&b' ') && (holds(b" sip:") || holds(b" sips:") || holds(b" SIP/"))
}

/// Could this be a request's first line with everything wrong with it, or a header of a request that
/// lacks one? What follows says so. A line of a body that was longer than it said could not.
fn may_begin(line: &[u8]) -> bool {
    let word = line.split(|b| b.is_ascii_whitespace() || *b == b':').next();
    word.is_some_and(|word| {
        word.first().is_some_and(|first| !first.is_ascii_control()) && !word.contains(&b'=')
    })
}

const fn is_blank(byte: u8) -> bool {
    is_break(byte) || byte == 0
}

const fn is_break(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// As many bytes tell text from anything else.
const FIRST_WORD: usize = 8;

/// One strange byte in so many is no other protocol.
const FEW: usize = 4;

const PING: &[u8] = b"\r\n\r\n";
