//! Recognisers of whole utterances in order.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::timeout;

use super::members::Members;
use crate::provider::{Failure, ListenOptions, ProviderError, Recogniser, Stt, Transcript};

/// Recognisers of a chain that consists of nothing else.
pub(super) struct RecogniserChain(pub(super) Arc<Members<dyn Stt>>);

#[async_trait]
impl Recogniser for RecogniserChain {
    fn name(&self) -> &'static str {
        self.0.first().map_or("none", |link| link.provider.name())
    }

    async fn transcribe(
        &self,
        audio: Arc<[i16]>,
        options: &ListenOptions,
    ) -> Result<Transcript, ProviderError> {
        let mut last = Failure::Stopped.of("none");
        for index in self.0.order() {
            let Some((link, recogniser)) = self
                .0
                .link(index)
                .and_then(|link| Some((link, link.provider.recogniser()?)))
            else {
                continue;
            };
            let asked = recogniser.transcribe(Arc::clone(&audio), options);
            let error = match timeout(link.attempt, asked).await {
                Ok(Ok(transcript)) => return Ok(transcript),
                Ok(Err(error)) if !error.failure.is_others_turn() => return Err(error),
                Ok(Err(error)) => error,
                Err(_) => Failure::TimedOut.of(link.provider.name()),
            };
            self.0.failed(index, &error);
            last = error;
        }
        Err(last)
    }
}
