//! Sound of sentences that are said again and again, made once for all conversations.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use trunkline_service::tasks::Stop;

use super::Shared;
use super::make::synthesise;
use super::sentences::Sentences;

/// A sentence with its sound, clause by clause, at the voice rate.
#[derive(Debug, Default)]
pub(crate) struct Clip {
    pub(super) clauses: Vec<(String, Vec<i16>)>,
}

/// Clips by sentence. The lock is shared by all conversations because the clips are; it is held
/// for a look-up and never across an await.
#[derive(Debug, Default)]
pub(crate) struct VoiceCache {
    inside: Mutex<Clips>,
}

#[derive(Debug, Default)]
struct Clips {
    clips: BTreeMap<String, (u64, Arc<Clip>)>,
    samples: usize,
    clock: u64,
}

/// Samples kept: eight minutes of speech in 23 MB. A flow's fixed sentences are two or three.
const MOST_SAMPLES: usize = 8 * 60 * super::VOICE_RATE as usize;

impl VoiceCache {
    pub(super) fn find(&self, sentence: &str) -> Option<Arc<Clip>> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.clock += 1;
        let clock = inside.clock;
        let (used, clip) = inside.clips.get_mut(sentence)?;
        *used = clock;
        Some(Arc::clone(clip))
    }

    pub(super) fn keep(&self, sentence: &str, clip: Clip) {
        let length = clip.length();
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.clock += 1;
        let entry = (inside.clock, Arc::new(clip));
        if let Some((_, old)) = inside.clips.insert(sentence.to_owned(), entry) {
            inside.samples -= old.length();
        }
        inside.samples += length;
        while inside.samples > MOST_SAMPLES {
            let oldest = inside.clips.iter().min_by_key(|(_, (used, _))| *used);
            let Some(oldest) = oldest.map(|(sentence, _)| sentence.clone()) else {
                break;
            };
            if let Some((_, clip)) = inside.clips.remove(&oldest) {
                inside.samples -= clip.length();
            }
        }
    }
}

impl Clip {
    fn length(&self) -> usize {
        self.clauses.iter().map(|(_, samples)| samples.len()).sum()
    }
}

/// How often to look whether a caller is being served.
const YIELD: Duration = Duration::from_millis(50);

/// Makes the sound of every sentence the brain is likely to say, one at a time, standing back
/// whenever a caller waits for something.
pub(crate) async fn warm(shared: Shared, stop: Stop) {
    let own = shared.mind.brain().phrases();
    let phrases = shared.config.announcement.iter().chain(&own);
    for sentence in phrases.flat_map(|phrase| Sentences::of(phrase)) {
        while shared.urgent.load(Ordering::Relaxed) > 0 && stop.is_running() {
            tokio::time::sleep(YIELD).await;
        }
        if !stop.is_running() {
            return;
        }
        if shared.cache.find(&sentence).is_some() {
            continue;
        }
        let cancel = CancellationToken::new();
        let mut clip = Clip::default();
        let made = synthesise(&shared.speech, &sentence, cancel, |clause, samples, _| {
            match clip.clauses.last_mut().filter(|(last, _)| last == clause) {
                Some((_, all)) => all.extend_from_slice(samples),
                None => clip.clauses.push((clause.to_owned(), samples.to_vec())),
            }
            std::future::ready(true)
        })
        .await;
        match made {
            Ok(()) => shared.cache.keep(&sentence, clip),
            Err(error) => {
                tracing::debug!(%error, "a sentence could not be made ahead");
                tokio::time::sleep(YIELD).await;
            }
        }
    }
}
