//! An agent whose ears, voice and brain are this program's own. It answers
//! whatever it hears with a tone.
//!
//! `LIVEKIT_URL`, `LIVEKIT_API_KEY` and `LIVEKIT_API_SECRET` say where; the parts need nothing else.

use std::sync::Arc;

use async_trait::async_trait;
use time::OffsetDateTime;
use trunkline_agent::brain::{Brain, Facts, Idea, Line, Memory, Mind, Question, Spoken, Thought};
use trunkline_agent::config::AgentConfig;
use trunkline_agent::provider::{
    Batch, ListenOptions, PcmChunk, ProviderError, Recogniser, Stt, Transcript, Tts, TtsEvent,
    TtsStream, Utterance,
};
use trunkline_agent::providers::Wanted;
use trunkline_agent::speech::Speech;
use trunkline_agent::turn::{DigitPlan, Verdict};
use trunkline_agent::worker::AgentWorker;
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_client::api::LiveKitApiClient;
use trunkline_service::tasks::Tasks;
use trunkline_store::Store;

/// Hears that something was said, whatever it was.
struct Ears;

#[async_trait]
impl Recogniser for Ears {
    fn name(&self) -> &'static str {
        "ears"
    }

    async fn transcribe(
        &self,
        _audio: Arc<[i16]>,
        _options: &ListenOptions,
    ) -> Result<Transcript, ProviderError> {
        Ok(Transcript {
            text: "something".into(),
            sure: 1.0,
            ..Transcript::default()
        })
    }
}

/// Says everything as a tone.
struct Voice;

impl Tts for Voice {
    fn name(&self) -> &'static str {
        "voice"
    }

    fn rate(&self) -> u32 {
        16_000
    }

    fn say(&self, utterance: Utterance) -> TtsStream {
        let samples = (0..16_000).map(|i| if i / 40 % 2 == 0 { 4000 } else { -4000 });
        TtsStream::ready([Ok(TtsEvent::Sound(PcmChunk {
            rate: self.rate(),
            samples: samples.collect(),
            span: 0..utterance.text.len(),
            ends_span: true,
        }))])
    }
}

/// Answers everything alike.
struct Parrot;

impl Mind for Parrot {
    fn brain(&self, _call: &Facts) -> Box<dyn Brain> {
        Box::new(Self)
    }
}

impl Brain for Parrot {
    fn greeting(&self) -> Option<Line> {
        None
    }

    fn think(&self, _question: &Question, _now: OffsetDateTime) -> Thought {
        Thought::spawn(Verdict::Whole, |ideas, _| async move {
            ideas
                .push(Idea::Text("I heard something.".to_owned()))
                .await;
        })
    }

    fn remember(&mut self, memory: Memory) -> Memory {
        memory
    }

    fn spoke(&mut self, _spoken: &Spoken) {}

    fn digits(&self) -> DigitPlan {
        DigitPlan::default()
    }

    fn apology(&self) -> &str {
        "I am sorry."
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let set = |name: &str| std::env::var(name);
    let key = ApiKey::new(set("LIVEKIT_API_KEY")?, set("LIVEKIT_API_SECRET")?);
    let keys = KeyRing::new(key, []);
    let api = LiveKitApiClient::new(set("LIVEKIT_URL")?.as_str(), keys.clone())?;

    let mut config = AgentConfig::new("parrot", Arc::new(Parrot));
    let (ears, voice): (Arc<dyn Stt>, Arc<dyn Tts>) = (Batch::of(Ears), Arc::new(Voice));
    config.stt = vec![Wanted::own("ears", ears)];
    config.tts = vec![Wanted::own("voice", voice)];

    let tasks = Tasks::new();
    let store = Store::open(":memory:").await?;
    let speech = Speech::without_models();
    let agent = AgentWorker::start(config, api, keys, speech, store, &tasks)?;
    agent.registered().await?;
    tokio::signal::ctrl_c().await?;
    agent.drain().await;
    Ok(())
}
