//! What stands where a model was not loaded: it says so to whoever asks.

use std::sync::Arc;

use async_trait::async_trait;

use crate::provider::{
    EndOfTurn, Failure, ListenOptions, ProviderError, SPEECH_RATE, Stt, SttStream, Tts, TtsStream,
    Utterance,
};

const NAME: &str = "local";

/// A model that was not loaded.
pub(super) struct Absent;

impl Absent {
    fn why() -> ProviderError {
        let reason = "the models of this machine are not loaded".to_owned();
        Failure::Broken { reason }.of(NAME)
    }
}

impl Stt for Absent {
    fn name(&self) -> &'static str {
        NAME
    }

    fn listen(&self, _options: ListenOptions) -> SttStream {
        SttStream::made(|_, _| std::future::ready(Err(Self::why())))
    }
}

impl Tts for Absent {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rate(&self) -> u32 {
        SPEECH_RATE
    }

    fn say(&self, _utterance: Utterance) -> TtsStream {
        TtsStream::failed(Self::why())
    }
}

#[async_trait]
impl EndOfTurn for Absent {
    async fn probability(&self, _audio: Arc<[i16]>) -> Result<f32, ProviderError> {
        Err(Self::why())
    }
}
