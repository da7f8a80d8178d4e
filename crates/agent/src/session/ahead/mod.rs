//! The sound of what the configuration says, made before a caller waits for it, once for all
//! starts.

mod disk;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::spawn_blocking;
use trunkline_service::tasks::Stop;

use super::bill::Bill;
use super::cache::Clip;
use super::sentences::Sentences;
use super::shared::Shared;
use super::synthesis::{Piece, synthesise};
use crate::provider::Utterance;
use disk::Disk;

/// How often to look whether a caller is being served.
const YIELD: Duration = Duration::from_millis(50);

/// Makes the sound of every sentence the brain is likely to say, one at a time, standing back
/// whenever a caller waits for something. What was made before this process began comes first, and
/// from the disk.
pub(crate) async fn warm(shared: Shared, stop: Stop) {
    let disk = open(&shared).await;
    let own = shared.mind.phrases();
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
    let mut clip = Clip::default();
    let stream = shared.speech.tts().say(Utterance::ahead(sentence));
    let mut bill = Bill::default();
    let limit = shared.config.speaking_limit();
    let made = synthesise(stream, sentence, limit, |piece| {
        match piece {
            Piece::Sound(clause, samples, _) => {
                clip.push(clause, samples);
            }
            Piece::Words(_) => {}
            Piece::Used(used) => bill.add(used),
        }
        std::future::ready(true)
    })
    .await;
    bill.tell();
    made.inspect_err(|error| tracing::debug!(%error, "a sentence could not be made ahead"))
        .ok()
        .map(|()| clip)
}
