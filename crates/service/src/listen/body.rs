//! Request bodies with a clock, and answers that say when they have been given.

use std::error::Error;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::pulse::Pulse;

/// The body did not come in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request body did not arrive in time")]
pub(super) struct Slow;

/// A body that must be complete by a time.
pub(super) struct Timed {
    body: Option<Incoming>,
    due: Instant,
    clock: Option<Pin<Box<Sleep>>>,
    fate: Arc<Fate>,
}

/// What became of a body, for whoever answers.
#[derive(Debug, Default)]
pub(super) struct Fate {
    slow: AtomicBool,
    /// What the handler left unread.
    left: Mutex<Option<Incoming>>,
}

impl Fate {
    pub(super) fn was_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }

    pub(super) fn take_left(&self) -> Option<Incoming> {
        self.left
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Timed {
    pub(super) fn new(body: Incoming, limit: Duration) -> (Self, Arc<Fate>) {
        let fate = Arc::new(Fate::default());
        let timed = Self {
            body: Some(body),
            due: Instant::now() + limit,
            clock: None,
            fate: Arc::clone(&fate),
        };
        (timed, fate)
    }
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let due = this.due;
        let clock = this.clock.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if clock.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        this.fate.slow.store(true, Ordering::Relaxed);
        this.body = None;
        Poll::Ready(Some(Err(Slow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self
                .fate
                .left
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}

/// Reads what is on its way of a body nobody wants, for a while: a connection closed on it would
/// be reset, and the answer lost with it.
pub(super) async fn swallow(mut body: Incoming) {
    let reading = async {
        let mut left = LEFT_MAX;
        while let Some(Ok(frame)) = frame(&mut body).await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    let _in_time = timeout(LINGER, reading).await;
}

async fn frame(body: &mut Incoming) -> Option<Result<Frame<Bytes>, hyper::Error>> {
    std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await
}

/// A request that is being answered, until its answer has been given.
pub(super) struct Answering(Arc<Pulse>);

impl Answering {
    pub(super) fn begin(pulse: &Arc<Pulse>, is_multiplexed: bool) -> Self {
        pulse.request(is_multiplexed);
        Self(Arc::clone(pulse))
    }

    /// It goes on as a WebSocket.
    pub(super) fn opened(&self) {
        self.0.opened();
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered();
    }
}

/// An answer's body, which keeps its request until it has been given or given up.
pub(super) struct Given {
    body: Body,
    _request: Answering,
}

impl Given {
    pub(super) const fn new(body: Body, request: Answering) -> Self {
        Self {
            body,
            _request: request,
        }
    }
}

impl HttpBody for Given {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How long the rest of a refused body is read.
const LINGER: Duration = Duration::from_secs(2);
/// How much of it: somewhat more than the largest that is ever taken.
const LEFT_MAX: usize = 20 << 20;
