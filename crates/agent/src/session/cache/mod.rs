//! Sound of sentences that are said again and again, made once for all conversations.

mod clip;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

pub(super) use clip::Clip;

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
