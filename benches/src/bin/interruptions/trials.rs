//! The trials: which sound, how loud beside the caller's own voice, and what is right.

use trunkline_benches::voices::{ALL, Voice, VoiceError, sounds};

use crate::Sounds;

/// What a sound is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Wants the floor: the agent stops, and what was said becomes a turn.
    Wish,
    /// "Uh-huh", "mm", "yeah": the agent goes on, and nothing becomes a turn.
    Backchannel,
    /// Laughs.
    Laugh,
    /// Music and people talking at once.
    MusicOrBabble,
    /// Somebody else speaks, farther away.
    Background,
    /// Coughs, keys, bursts.
    Noise,
    /// A sentence with a pause for thought: it is heard out.
    Pause,
    /// The agent's own voice comes back.
    Echo,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Wish,
        Self::Backchannel,
        Self::Laugh,
        Self::MusicOrBabble,
        Self::Background,
        Self::Noise,
        Self::Pause,
        Self::Echo,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Wish => "a wish to speak",
            Self::Backchannel => "uh-huh, mm, yeah",
            Self::Laugh => "laughs",
            Self::MusicOrBabble => "music, babble",
            Self::Background => "others in the background",
            Self::Noise => "coughs, keys, bursts of noise",
            Self::Pause => "sentences with a pause (cut into)",
            Self::Echo => "echo (breaks off; turns with itself)",
        }
    }
}

/// What happens in a trial's call.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// This sound over the agent's answer.
    Over(Vec<i16>),
    /// This sentence after the greeting.
    Ask(Vec<i16>),
    /// The agent's own voice from the start, this much quieter.
    Echo(f64),
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// What the caller asks first, so that the agent has something long to say.
    pub(crate) question: Vec<i16>,
    pub(crate) act: Act,
}

/// Answered at length.
const QUESTION: &str = "What are your opening hours?";

/// Voices of callers, by their place in the set: four synthesizers, two accents.
const CALLERS: [usize; 6] = [0, 1, 2, 4, 5, 6];

fn callers() -> impl Iterator<Item = Voice> {
    CALLERS.iter().filter_map(|at| ALL.get(*at).copied())
}

fn caller(number: usize) -> Voice {
    let at = CALLERS.get(number % CALLERS.len()).copied().unwrap_or(0);
    ALL.get(at).copied().unwrap_or(ALL[0])
}

/// All of them.
pub(crate) fn all() -> Sounds {
    let mut trials = wishes()?;
    trials.extend(backchannels()?);
    trials.extend(laughs()?);
    trials.extend(music_and_babble()?);
    trials.extend(background()?);
    trials.extend(noises()?);
    trials.extend(pauses()?);
    trials.extend(echoes()?);
    Ok(trials)
}

fn over(kind: Kind, name: String, caller: Voice, sound: Vec<i16>) -> Result<Trial, VoiceError> {
    Ok(Trial {
        kind,
        name,
        question: caller.say(QUESTION)?,
        act: Act::Over(sound),
    })
}

fn wishes() -> Sounds {
    const TEXTS: [&str; 6] = [
        "Stop.",
        "Wait, I need to ask you something.",
        "No, not that.",
        "Excuse me, where is my parcel?",
        "Hold on a second.",
        "I want to speak to a person.",
    ];
    let mut trials = Vec::new();
    for (number, voice) in callers().enumerate() {
        for (step, db) in [0.0, -10.0, -20.0].into_iter().enumerate() {
            for text in [
                TEXTS[(number + 2 * step) % 6],
                TEXTS[(number + 2 * step + 1) % 6],
            ] {
                let sound = sounds::by(voice.say(text)?, db);
                let name = format!("{text} {db} dB, {}", voice.name);
                trials.push(over(Kind::Wish, name, voice, sound)?);
            }
        }
    }
    Ok(trials)
}

fn backchannels() -> Sounds {
    const TEXTS: [&str; 5] = ["Uh huh.", "Mm hmm.", "Mm.", "Yeah.", "Okay."];
    let mut trials = Vec::new();
    for text in TEXTS {
        for voice in callers().take(4) {
            let name = format!("{text} {}", voice.name);
            trials.push(over(Kind::Backchannel, name, voice, voice.say(text)?)?);
        }
    }
    // Most synthesizers spell "mm"; these hum it.
    for (name, hum) in [
        ("mm", "[[m:]]"),
        ("mm hmm", "[[m'@m h@m:]]"),
        ("hm", "[[hm:]]"),
    ] {
        for (number, voice) in ALL
            .iter()
            .filter(|voice| voice.takes_phonemes())
            .take(2)
            .enumerate()
        {
            let name = format!("{name}, hummed, {}", voice.name);
            trials.push(over(
                Kind::Backchannel,
                name,
                caller(number),
                voice.say(hum)?,
            )?);
        }
    }
    Ok(trials)
}

fn laughs() -> Sounds {
    let laugh = |seed: u64| {
        let number = usize::try_from(seed).unwrap_or(0);
        over(
            Kind::Laugh,
            format!("laugh {seed}"),
            caller(number),
            sounds::laugh(seed),
        )
    };
    (1..6).map(laugh).collect()
}

fn music_and_babble() -> Sounds {
    let mut trials = Vec::new();
    for (number, db) in [-6.0, -12.0, -20.0].into_iter().enumerate() {
        let music = sounds::by(sounds::music(number)?, db);
        let babble = sounds::by(sounds::babble()?, db);
        let voice = caller(number);
        trials.push(over(
            Kind::MusicOrBabble,
            format!("music {db} dB"),
            voice,
            music,
        )?);
        trials.push(over(
            Kind::MusicOrBabble,
            format!("babble {db} dB"),
            voice,
            babble,
        )?);
    }
    Ok(trials)
}

fn background() -> Sounds {
    const TEXT: &str = "did you put the milk back in the fridge, I cannot find it anywhere";
    let mut trials = Vec::new();
    for (number, db) in [-20.0, -30.0].into_iter().enumerate() {
        for far in [1, 5] {
            let other = caller(far + number);
            let sound = sounds::by(other.say(TEXT)?, db);
            let name = format!("{} {db} dB", other.name);
            trials.push(over(
                Kind::Background,
                name,
                caller(far + number + 3),
                sound,
            )?);
        }
        let person = ALL
            .iter()
            .find(|voice| voice.is_recorded())
            .copied()
            .unwrap_or(ALL[0]);
        let mut sound = person.say("instructions")?;
        sound.truncate(8000 * 5);
        let name = format!("{} {db} dB", person.name);
        trials.push(over(
            Kind::Background,
            name,
            caller(number),
            sounds::by(sound, db),
        )?);
    }
    Ok(trials)
}

fn noises() -> Sounds {
    let mut trials = Vec::new();
    for seed in 1..5 {
        let number = usize::try_from(seed).unwrap_or(0);
        let length = 150 * u32::try_from(seed).unwrap_or(1);
        let made = [
            (format!("cough {seed}"), sounds::cough(seed)),
            (
                format!("keyboard {seed}"),
                sounds::by(sounds::keyboard(seed), -6.0),
            ),
            (
                format!("noise {length} ms"),
                sounds::by(sounds::noise(seed, length), -6.0),
            ),
        ];
        for (name, sound) in made {
            trials.push(over(Kind::Noise, name, caller(number), sound)?);
        }
    }
    Ok(trials)
}

/// A pause within a sentence that cannot be its end.
fn pauses() -> Sounds {
    const SENTENCES: [(&str, &str); 4] = [
        ("My tracking number is", "four two seven, one one eight."),
        ("I want to", "change my delivery date."),
        ("Hello,", "could you tell me where my parcel is?"),
        (
            "Where is my parcel? The number is",
            "three five nine, zero two six.",
        ),
    ];
    let mut trials = Vec::new();
    for (number, (first, second)) in SENTENCES.into_iter().enumerate() {
        for (step, pause) in [400_u32, 700, 1000, 1200].into_iter().enumerate() {
            let voice = caller(number + step);
            let mut sound = voice.say(first)?;
            let quiet = usize::try_from(pause * 8).unwrap_or(0);
            sound.resize(sound.len() + quiet, 0);
            sound.extend(voice.say(second)?);
            trials.push(Trial {
                kind: Kind::Pause,
                name: format!("{first} ({pause} ms) {second} {}", voice.name),
                question: Vec::new(),
                act: Act::Ask(sound),
            });
        }
    }
    Ok(trials)
}

fn echoes() -> Sounds {
    let echo = |(number, db): (usize, f64)| {
        Ok(Trial {
            kind: Kind::Echo,
            name: format!("echo {db} dB"),
            question: caller(number).say(QUESTION)?,
            act: Act::Echo(db),
        })
    };
    let levels = [-20.0, -30.0, -20.0, -30.0, -15.0, -25.0];
    levels.into_iter().enumerate().map(echo).collect()
}
