//! Sound of sentences that are said again and again, made once for all conversations, and what the
//! configuration says once for all starts.

mod clip;
mod disk;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use trunkline_service::tasks::Stop;

use super::Shared;
use super::make::synthesise;
use super::sentences::Sentences;
pub(crate) use clip::Clip;
use disk::Disk;

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
/// whenever a caller waits for something. What was made before this process began comes first, and
/// from the disk.
pub(crate) async fn warm(shared: Shared, stop: Stop) {
    let disk = open(&shared).await;
    let own = shared.mind.brain().phrases();
    let phrases = shared.config.announcement.iter().chain(&own);
    let sentences = phrases.flat_map(|phrase| Sentences::of(phrase));
    let mut missing = Vec::new();
    for sentence in sentences {
        match find(disk.as_ref(), &sentence).await {
            Some(clip) => shared.cache.keep(&sentence, clip),
            None => missing.push(sentence),
        }
    }
    for sentence in missing {
        while shared.urgent.load(Ordering::Relaxed) > 0 && stop.is_running() {
            tokio::time::sleep(YIELD).await;
        }
        if !stop.is_running() {
            return;
        }
        if shared.cache.find(&sentence).is_some() {
            continue;
        }
        match make(&shared, &sentence).await {
            Some(clip) => {
                let clip = keep(disk.as_ref(), &sentence, clip).await;
                shared.cache.keep(&sentence, clip);
            }
            None => tokio::time::sleep(YIELD).await,
        }
    }
    if let Some(disk) = disk {
        let tidied = spawn_blocking(move || disk.tidy()).await;
        if let Ok(Err(error)) = tidied {
            tracing::debug!(%error, "old sound made ahead stays");
        }
    }
}

/// The folder, where there is to be one and the voice can be told from others.
async fn open(shared: &Shared) -> Option<Disk> {
    let dir = shared.config.voice_cache.clone()?;
    let voice = shared.speech.tts().voice()?.to_owned();
    let shown = dir.display().to_string();
    let opened = spawn_blocking(move || Disk::open(dir, &voice)).await.ok()?;
    opened
        .inspect_err(|error| {
            tracing::info!(%error, dir = shown, "sound made ahead is not kept; it is made at every start");
        })
        .ok()
}

async fn find(disk: Option<&Disk>, sentence: &str) -> Option<Clip> {
    let (disk, sentence) = (disk?.clone(), sentence.to_owned());
    spawn_blocking(move || disk.find(&sentence)).await.ok()?
}

async fn keep(disk: Option<&Disk>, sentence: &str, clip: Clip) -> Clip {
    let Some(disk) = disk.cloned() else {
        return clip;
    };
    let clip = Arc::new(clip);
    let (kept, sentence) = (Arc::clone(&clip), sentence.to_owned());
    let written = spawn_blocking(move || disk.keep(&sentence, &kept)).await;
    if let Ok(Err(error)) = written {
        tracing::debug!(%error, "sound made ahead was not kept");
    }
    Arc::unwrap_or_clone(clip)
}

async fn make(shared: &Shared, sentence: &str) -> Option<Clip> {
    let cancel = CancellationToken::new();
    let mut clip = Clip::default();
    let stream = shared.speech.tts().synthesize_ahead(sentence, cancel);
    let made = synthesise(stream, sentence, |clause, samples, _| {
        match clip.clauses.last_mut().filter(|(last, _)| last == clause) {
            Some((_, all)) => all.extend_from_slice(samples),
            None => clip.clauses.push((clause.to_owned(), samples.to_vec())),
        }
        std::future::ready(true)
    })
    .await;
    made.inspect_err(|error| tracing::debug!(%error, "a sentence could not be made ahead"))
        .ok()
        .map(|()| clip)
}
