//! Voices in order.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::time::{Instant, timeout, timeout_at};

use super::members::{Link, Members};
use crate::provider::{Failure, Outlet, ProviderError, Tts, TtsEvent, TtsStream, Utterance};

/// Voices, asked in order. Their rates may differ: each piece of sound tells its own.
pub struct TtsChain {
    members: Arc<Members<dyn Tts>>,
    rate: u32,
    voice: Option<String>,
}

/// Pieces passed on ahead of whoever takes them.
const AHEAD: usize = 4;

impl TtsChain {
    /// A chain; the first is asked first.
    pub fn new(links: Vec<Link<dyn Tts>>) -> Self {
        let rate = links.iter().map(|link| link.provider.rate()).max();
        let voice = match links.as_slice() {
            [only] => only.provider.voice().map(str::to_owned),
            _ => None,
        };
        Self {
            members: Arc::new(Members::new("tts", links, |tts| tts.name(), probe)),
            rate: rate.unwrap_or_default(),
            voice,
        }
    }
}

impl Tts for TtsChain {
    fn name(&self) -> &'static str {
        self.members
            .first()
            .map_or("none", |link| link.provider.name())
    }

    fn rate(&self) -> u32 {
        self.rate
    }

    fn say(&self, utterance: Utterance) -> TtsStream {
        let members = Arc::clone(&self.members);
        TtsStream::made(AHEAD, |outlet| say(members, utterance, outlet))
    }

    fn voice(&self) -> Option<&str> {
        self.voice.as_deref()
    }
}

async fn say(
    members: Arc<Members<dyn Tts>>,
    utterance: Utterance,
    outlet: Outlet<TtsEvent>,
) -> Result<(), ProviderError> {
    let mut last = Failure::Stopped.of("none");
    for index in members.order() {
        let Some(link) = members.link(index) else {
            continue;
        };
        match attempt(link, utterance.clone(), &outlet).await {
            Ok(()) => return Ok(()),
            Err((error, sounded)) => {
                if !error.failure.is_others_turn() {
                    return Err(error);
                }
                members.failed(index, &error);
                // Another voice would begin the sentence again.
                if sounded {
                    return Err(error);
                }
                last = error;
            }
        }
    }
    Err(last)
}

/// One voice says it; or why it did not, and whether any of it was heard.
async fn attempt(
    link: &Link<dyn Tts>,
    utterance: Utterance,
    outlet: &Outlet<TtsEvent>,
) -> Result<(), (ProviderError, bool)> {
    let until = Instant::now() + link.attempt;
    let mut stream = link.provider.say(utterance);
    let mut sounded = false;
    loop {
        let next = if sounded {
            stream.next().await
        } else {
            let late = |_| (Failure::TimedOut.of(link.provider.name()), false);
            timeout_at(until, stream.next()).await.map_err(late)?
        };
        let event = match next {
            None => return Ok(()),
            Some(Ok(event)) => event,
            Some(Err(error)) => return Err((error, sounded)),
        };
        sounded |= matches!(&event, TtsEvent::Sound(chunk) if !chunk.samples.is_empty());
        if !outlet.give(event).await {
            return Ok(());
        }
    }
}

/// One word.
fn probe(tts: Arc<dyn Tts>, limit: Duration) -> BoxFuture<'static, bool> {
    let ask = async move {
        let mut stream = tts.say(Utterance::ahead("Yes."));
        matches!(timeout(limit, stream.next_sound()).await, Ok(Some(Ok(_))))
    };
    ask.boxed()
}
