//! Messages on a byte stream, cut by Content-Length (RFC 3261 18.3).

use bytes::{Buf, Bytes, BytesMut};

use super::MAX_MESSAGE;
use super::parse::{content_length, head_length, parse_head};

/// What came off a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framed {
    /// One whole message.
    Message(Bytes),
    /// A keep-alive (RFC 5626 3.5.1); answer with one CRLF.
    Ping,
}

/// Why a stream cannot be read on. The connection is to be closed: its framing is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A message or its head is larger than [`MAX_MESSAGE`].
    #[error("message on stream is too large")]
    TooLarge,
    /// The head cannot be read.
    #[error("message on stream is not sip")]
    NotSip,
    /// Content-Length is missing, which on a stream it may not be.
    #[error("message on stream has no content-length")]
    NoLength,
}

/// Collects bytes and gives whole messages. Holds at most one message and what was pushed last.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
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

    /// The next message, if it is all there.
    ///
    /// # Errors
    /// [`FrameError`], after which the stream is useless.
    pub fn take(&mut self) -> Result<Option<Framed>, FrameError> {
        if self.buffer.starts_with(b"\r\n\r\n") {
            self.buffer.advance(4);
            return Ok(Some(Framed::Ping));
        }
        if b"\r\n\r\n".starts_with(&self.buffer) {
            return Ok(None);
        }
        while self
            .buffer
            .first()
            .is_some_and(|b| matches!(b, b'\r' | b'\n'))
        {
            self.buffer.advance(1);
        }
        let Some(head) = head_length(&self.buffer) else {
            let full = self.buffer.len() > MAX_MESSAGE;
            return if full {
                Err(FrameError::TooLarge)
            } else {
                Ok(None)
            };
        };
        let headers = parse_head(self.buffer.get(..head).unwrap_or_default())
            .map_err(|_| FrameError::NotSip)?;
        let length = content_length(&headers).map_err(|_| FrameError::NotSip)?;
        let body = length.ok_or(FrameError::NoLength)?;
        let total = head.saturating_add(body);
        if total > MAX_MESSAGE {
            return Err(FrameError::TooLarge);
        }
        if self.buffer.len() < total {
            return Ok(None);
        }
        Ok(Some(Framed::Message(self.buffer.split_to(total).freeze())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYE: &[u8] =
        b"BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\nl: 3\r\n\r\nabc";

    #[test]
    fn messages_are_found_whatever_the_pieces() {
        for size in 1..BYE.len() {
            let mut framer = Framer::new();
            let mut found = Vec::new();
            let twice = [BYE, b"\r\n\r\n", BYE].concat();
            for piece in twice.chunks(size) {
                framer.push(piece);
                while let Some(framed) = framer.take().unwrap() {
                    found.push(framed);
                }
            }
            let message = Framed::Message(Bytes::from_static(BYE));
            assert_eq!(
                found,
                [message.clone(), Framed::Ping, message],
                "pieces of {size}"
            );
        }
    }

    #[test]
    fn a_stream_that_lost_its_framing_says_so() {
        let mut framer = Framer::new();
        framer.push(b"BYE sip:a@b SIP/2.0\r\nVia: x\r\n\r\n");
        assert_eq!(framer.take(), Err(FrameError::NoLength));
        let mut framer = Framer::new();
        framer.push(b"hello\r\n\r\n");
        assert_eq!(framer.take(), Err(FrameError::NotSip));
        let mut framer = Framer::new();
        framer.push(b"BYE sip:a@b SIP/2.0\r\nContent-Length: 99999999\r\n\r\n");
        assert_eq!(framer.take(), Err(FrameError::TooLarge));
        let mut framer = Framer::new();
        framer.push(&vec![b'x'; MAX_MESSAGE + 1]);
        assert_eq!(framer.take(), Err(FrameError::TooLarge));
    }
}
