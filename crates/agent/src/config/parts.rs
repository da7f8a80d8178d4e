//! Who hears, speaks and thinks: from the file to chains that can be asked.

use std::sync::Arc;
use std::time::Duration;

use trunkline_service::config::{Report, Source};

use super::raw::RawAgent;
use crate::fallback::{Link, LlmChain, SttChain, TtsChain};
use crate::provider::{Llm, Stt, Tts};
use crate::providers::{self, Kit, Wanted, local};

/// An attempt to hear or to speak, as in livekit/agents.
const ATTEMPT: Duration = Duration::from_secs(10);

/// How long an attempt may take, and the tries after the first.
const HEARING: (Duration, u32) = (ATTEMPT, 1);
const SPEAKING: (Duration, u32) = (ATTEMPT, 2);
const THINKING: (Duration, u32) = (Duration::from_secs(5), 0);

/// Nobody waits longer at a telephone, however many are asked.
const LONGEST: Duration = Duration::from_secs(60);

/// As the file wants them.
pub(super) struct Parts {
    pub(super) stt: Vec<Wanted<dyn Stt>>,
    pub(super) tts: Vec<Wanted<dyn Tts>>,
    pub(super) llm: Vec<Wanted<dyn Llm>>,
}

impl Parts {
    pub(super) fn read(raw: &RawAgent, source: &Source, report: &mut Report) -> Self {
        let stt = raw.stt.as_ref();
        let stt = stt.map(|node| providers::read(providers::STT, "stt", node, source, report));
        let tts = raw.tts.as_ref();
        let tts = tts.map(|node| providers::read(providers::TTS, "tts", node, source, report));
        let llm = raw.llm.as_ref();
        let llm = llm.map(|node| providers::read(providers::LLM, "llm", node, source, report));
        Self {
            stt: stt.unwrap_or_default(),
            tts: tts.unwrap_or_default(),
            llm: llm.unwrap_or_default(),
        }
    }
}

/// What hears; the models of this machine where nothing is wanted.
pub(super) fn stt(wanted: &[Wanted<dyn Stt>], kit: &Kit) -> Arc<dyn Stt> {
    if is_local(wanted) {
        return local::stt().make(kit);
    }
    Arc::new(SttChain::new(links(wanted, kit, HEARING)))
}

/// What speaks; the models of this machine where nothing is wanted.
pub(super) fn tts(wanted: &[Wanted<dyn Tts>], kit: &Kit) -> Arc<dyn Tts> {
    if is_local(wanted) {
        return local::tts().make(kit);
    }
    Arc::new(TtsChain::new(links(wanted, kit, SPEAKING)))
}

/// What thinks.
pub(super) fn llm(wanted: &[Wanted<dyn Llm>], kit: &Kit) -> Arc<dyn Llm> {
    match wanted {
        // One alone has its own way of asking again, and its own deadlines.
        [only] => only.plan.make(kit),
        several => Arc::new(LlmChain::new(links(several, kit, THINKING))),
    }
}

/// How long it may take until all of them were tried.
fn limit<T: ?Sized>(wanted: &[Wanted<T>], (attempt, retries): (Duration, u32)) -> Duration {
    if is_local(wanted) {
        return ATTEMPT;
    }
    let of = |wanted: &Wanted<T>| {
        wanted.attempt.unwrap_or(attempt) * (1 + wanted.retries.unwrap_or(retries))
    };
    let sum: Duration = wanted.iter().map(of).sum();
    (sum + Duration::from_secs(1)).min(LONGEST)
}

/// Until words of the caller must be there.
pub(super) fn hearing_limit(wanted: &[Wanted<dyn Stt>]) -> Duration {
    limit(wanted, HEARING)
}

/// Until a sentence must begin to sound.
pub(super) fn speaking_limit(wanted: &[Wanted<dyn Tts>]) -> Duration {
    limit(wanted, SPEAKING)
}

/// None of the models of this machine.
pub(super) fn is_remote<T: ?Sized>(wanted: &[Wanted<T>]) -> bool {
    let remote = |wanted: &Wanted<T>| wanted.plan.provider != local::NAME;
    !wanted.is_empty() && wanted.iter().all(remote)
}

/// Nothing but the models of this machine.
fn is_local<T: ?Sized>(wanted: &[Wanted<T>]) -> bool {
    wanted
        .iter()
        .all(|wanted| wanted.plan.provider == local::NAME)
}

fn links<T: ?Sized>(
    wanted: &[Wanted<T>],
    kit: &Kit,
    (attempt, retries): (Duration, u32),
) -> Vec<Link<T>> {
    let link = |wanted: &Wanted<T>| Link {
        provider: wanted.plan.make(kit),
        attempt: wanted.attempt.unwrap_or(attempt),
        retries: wanted.retries.unwrap_or(retries),
    };
    wanted.iter().map(link).collect()
}
