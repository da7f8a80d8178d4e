//! The end of a turn.

use std::sync::Arc;

use async_trait::async_trait;

use super::error::ProviderError;

/// Tells a finished turn from a pause for thought.
#[async_trait]
pub trait EndOfTurn: Send + Sync {
    /// Probability that the speaker has finished. `audio` is 16 kHz mono ending now; the last
    /// 8 seconds count.
    ///
    /// # Errors
    /// [`ProviderError`]; the turn is then judged by time alone.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the work.
    async fn probability(&self, audio: Arc<[i16]>) -> Result<f32, ProviderError>;
}
