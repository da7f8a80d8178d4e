//! The socket under a connection: tells of bytes that come, and breaks off when the peer takes
//! none of those that go, or when a WebSocket's peer is not heard of any more.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::caps::Ticket;
use super::clocks::Clocks;
use super::pulse::Pulse;

/// A stream with its clocks and its place, which it keeps when it becomes a WebSocket.
pub(super) struct Watched<T> {
    stream: T,
    pulse: Arc<Pulse>,
    clocks: Clocks,
    /// Since when writing does not go on.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Until when the peer of a WebSocket must have been heard.
    silent: Option<Pin<Box<Sleep>>>,
    heard: Instant,
    _place: Arc<Ticket>,
}

impl<T> Watched<T> {
    pub(super) fn new(stream: T, pulse: Arc<Pulse>, clocks: Clocks, place: Arc<Ticket>) -> Self {
        Self {
            stream,
            pulse,
            clocks,
            stalled: None,
            silent: None,
            heard: Instant::now(),
            _place: place,
        }
    }

    /// Nothing came. Whoever opened a WebSocket pings, so its peer has something to say.
    fn silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.pulse.is_open() {
            return Poll::Pending;
        }
        let due = self.heard + self.clocks.silent;
        let silent = self
            .silent
            .get_or_insert_with(|| Box::pin(sleep_until(due)));
        if silent.deadline() != due {
            silent.as_mut().reset(due);
        }
        ready!(silent.as_mut().poll(cx));
        let text = "nothing is heard of the peer";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)))
    }

    /// What writing came to, or the end of patience.
    fn progress<R>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.clocks.write;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        let text = "the peer takes nothing of what is written";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending => return self.silence(cx),
            Poll::Ready(read) => read?,
        }
        if buf.filled().len() > before {
            self.heard = Instant::now();
            self.pulse.heard();
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.progress(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.progress(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.progress(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.progress(cx, shut)
    }
}
