//! The sounds: words that are meant, a listener's, sentences that are over or not, and no words at all.

use std::path::{Path, PathBuf};

use trunkline_benches::voices::{ALL, RATE, VoiceError, sounds};
use trunkline_media::wav;

/// Who wants to speak.
const WISHES: [&str; 24] = [
    "Stop.",
    "Wait.",
    "No.",
    "Yes.",
    "Help.",
    "Agent.",
    "Hold on.",
    "Excuse me.",
    "What?",
    "Operator.",
    "Hang on.",
    "Sorry?",
    "Hello?",
    "Please stop.",
    "One moment.",
    "Wrong.",
    "Pardon?",
    "Repeat.",
    "Cancel.",
    "Goodbye.",
    "Thank you.",
    "And then?",
    "Never mind.",
    "Quiet.",
];

/// Who only listens.
const LISTENING: [&str; 12] = [
    "Uh huh.", "Mm hmm.", "Mm.", "Mhm.", "Hmm.", "Uh.", "Um.", "Ah.", "Yeah.", "Okay.", "Right.",
    "I see.",
];

/// Hums proper: most synthesizers spell them.
const HUMS: [(&str, &str); 3] = [
    ("mm", "[[m:]]"),
    ("mm hmm", "[[m'@m h@m:]]"),
    ("hm", "[[hm:]]"),
];

/// Who has finished.
const FINISHED: [&str; 16] = [
    "Four two seven, one one eight.",
    "No thank you, goodbye.",
    "Where is my parcel?",
    "Yes please, that's right.",
    "What are your opening hours?",
    "I want to change my delivery date.",
    "Next Tuesday.",
    "Goodbye.",
    "Tomorrow please.",
    "My tracking number is four two seven one one eight.",
    "Can I speak to a person?",
    "The fifth of December.",
    "Three five nine, zero two six.",
    "No, that's wrong.",
    "Thank you very much.",
    "Are you open on Saturday?",
];

/// Who has not.
const UNFINISHED: [&str; 12] = [
    "My tracking number is",
    "I want to",
    "Hello,",
    "Where is my parcel? The number is",
    "Four two seven,",
    "Well, I",
    "Can you tell me",
    "I would like to change the",
    "It's about my",
    "On the",
    "Yes, and",
    "The number is four two",
];

/// A sound and what it is.
pub(crate) struct Heard {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) pcm: Vec<i16>,
}

impl Heard {
    fn new(kind: &str, name: String, pcm: Vec<i16>) -> Self {
        let kind = kind.to_owned();
        Self { kind, name, pcm }
    }
}

/// Those of a kind and name that are wanted.
pub(crate) fn all(
    folder: Option<&Path>,
    wanted: &impl Fn(&str, &str) -> bool,
) -> Result<Vec<Heard>, VoiceError> {
    let mut all = spoken(wanted)?;
    all.extend(hummed(wanted)?);
    if wanted("made", "laugh cough keyboard noise music babble") {
        all.extend(made()?);
    }
    all.extend(folder.map(files).unwrap_or_default());
    Ok(all)
}

fn spoken(wanted: &impl Fn(&str, &str) -> bool) -> Result<Vec<Heard>, VoiceError> {
    let mut all = Vec::new();
    for (kind, texts) in [
        ("wish", &WISHES[..]),
        ("listening", &LISTENING[..]),
        ("finished", &FINISHED[..]),
        ("unfinished", &UNFINISHED[..]),
    ] {
        for text in texts {
            for voice in ALL.iter().filter(|voice| !voice.is_recorded()) {
                let name = format!("{text} {}", voice.name);
                if wanted(kind, &name) {
                    all.push(Heard::new(kind, name, voice.say(text)?));
                }
            }
        }
    }
    Ok(all)
}

fn hummed(wanted: &impl Fn(&str, &str) -> bool) -> Result<Vec<Heard>, VoiceError> {
    let mut all = Vec::new();
    for (name, hum) in HUMS {
        for voice in ALL.iter().filter(|voice| voice.takes_phonemes()) {
            let name = format!("{name}, hummed, {}", voice.name);
            if wanted("hum", &name) {
                all.push(Heard::new("hum", name, voice.say(hum)?));
            }
        }
    }
    Ok(all)
}

fn made() -> Result<Vec<Heard>, VoiceError> {
    let mut all = vec![Heard::new("babble", "babble".to_owned(), sounds::babble()?)];
    for seed in 1..12 {
        let mut add = |kind: &str, pcm| all.push(Heard::new(kind, format!("{kind} {seed}"), pcm));
        add("laugh", sounds::laugh(seed));
        add("cough", sounds::cough(seed));
        add("keyboard", sounds::keyboard(seed));
        let length = u32::try_from(150 * seed).unwrap_or(150);
        add("noise", sounds::noise(seed, length));
        if seed < 4 {
            add("music", sounds::music(usize::try_from(seed).unwrap_or(0))?);
        }
    }
    Ok(all)
}

/// WAVE files of a folder.
fn files(folder: &Path) -> Vec<Heard> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let heard = |path: PathBuf| {
        let name = path.file_stem()?.to_string_lossy().into_owned();
        let sound = wav::read(&std::fs::read(&path).ok()?).ok()?;
        let kind: String = name.chars().take_while(|c| c.is_alphabetic()).collect();
        Some(Heard::new(&kind, name, sound.to_mono_at(RATE).ok()?))
    };
    paths.into_iter().filter_map(heard).collect()
}
