//! What a provider gives piece by piece: a bounded lane, and the task that fills it.

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::error::ProviderError;

/// An answer on its way, in order. Ends after the last piece or the first error; dropping it ends
/// the work behind it.
#[derive(Debug)]
pub struct Pieces<T> {
    lane: mpsc::Receiver<Result<T, ProviderError>>,
    /// Whoever makes the pieces ends with them.
    _maker: Option<AbortOnDropHandle<()>>,
}

/// Where a provider puts its pieces.
#[derive(Debug)]
pub struct Outlet<T>(mpsc::Sender<Result<T, ProviderError>>);

impl<T> Clone for Outlet<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Send + 'static> Pieces<T> {
    /// Pieces that a task makes, at most `ahead` of whoever takes them. What it fails with is the
    /// last that comes. Needs a tokio runtime around it.
    pub fn made<F>(ahead: usize, make: impl FnOnce(Outlet<T>) -> F) -> Self
    where
        F: Future<Output = Result<(), ProviderError>> + Send + 'static,
    {
        let (sender, lane) = mpsc::channel(ahead.max(1));
        let work = make(Outlet(sender.clone()));
        #[expect(
            clippy::disallowed_methods,
            reason = "the pieces own the task and abort it"
        )]
        let task = tokio::spawn(async move {
            if let Err(error) = work.await {
                let _gone = sender.send(Err(error)).await;
            }
        });
        Self {
            lane,
            _maker: Some(AbortOnDropHandle::new(task)),
        }
    }

    /// Pieces that are there already.
    pub fn ready(pieces: impl IntoIterator<Item = Result<T, ProviderError>>) -> Self {
        let pieces: Vec<_> = pieces.into_iter().collect();
        let (sender, lane) = mpsc::channel(pieces.len().max(1));
        for piece in pieces {
            // There is a place for each.
            let _full = sender.try_send(piece);
        }
        Self { lane, _maker: None }
    }

    /// No piece, but an error.
    pub fn failed(error: ProviderError) -> Self {
        Self::ready([Err(error)])
    }

    /// The next piece, or `None` at the end.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<T, ProviderError>> {
        self.lane.recv().await
    }
}

impl<T> Outlet<T> {
    /// Hands over a piece, and waits while whoever takes them has enough; false when nobody wants
    /// it any more.
    pub async fn give(&self, piece: T) -> bool {
        self.0.send(Ok(piece)).await.is_ok()
    }

    /// Hands over a piece if there is a place for it.
    pub fn offer(&self, piece: T) -> bool {
        self.0.try_send(Ok(piece)).is_ok()
    }
}
