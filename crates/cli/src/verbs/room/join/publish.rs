//! What a participant at the command line publishes: sound from files, data, telephone keys.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use trunkline_base::class::Class;
use trunkline_client::room::audio::PcmWriter;
use trunkline_client::room::{
    AudioOptions, AudioTrack, DataMessage, OpusFrame, RequestError, Room,
};
use trunkline_media::opus::packet;
use trunkline_media::{SampleRate, ogg, wav};
use trunkline_sip::dtmf;

use super::show::Show;
use crate::failure::Failure;

/// Sound starts when somebody listens, or after this long without anybody.
const AUDIENCE: Duration = Duration::from_secs(2);
/// What `w` among the keys waits.
const PAUSE: Duration = Duration::from_millis(500);
/// What was sent last is on its way before we go.
const LINGER: Duration = Duration::from_millis(500);
/// How long a data channel may take to open.
const OPENING: Duration = Duration::from_secs(10);
const FRAME: Duration = Duration::from_millis(20);

/// Everything to publish, read and judged before anything is sent.
#[derive(Debug)]
pub(super) struct Plan {
    sounds: Vec<Sound>,
    data: Option<Bytes>,
    keys: Vec<Key>,
}

#[derive(Clone, Debug)]
struct Sound {
    name: String,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// At 48 kHz, mono.
    Pcm(Vec<i16>),
    /// Packets as they are.
    Opus(Vec<Bytes>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Press(char, u8),
    Wait,
}

impl Plan {
    pub(super) fn read(
        files: &[PathBuf],
        data: Option<&str>,
        keys: Option<&str>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            sounds: files
                .iter()
                .map(|file| sound(file))
                .collect::<Result<_, _>>()?,
            data: data.map(|data| Bytes::copy_from_slice(data.as_bytes())),
            keys: parse_keys(keys.unwrap_or_default())?,
        })
    }

    /// Publishes everything and returns when it is on its way.
    pub(super) async fn publish(&self, room: &Room, show: &Show) -> Result<(), Failure> {
        if self.is_empty() {
            return Ok(());
        }
        if let Some(data) = &self.data {
            send(room, data).await?;
            show.published("data");
        }
        for key in &self.keys {
            match *key {
                Key::Wait => sleep(PAUSE).await,
                Key::Press(digit, code) => {
                    patient(|| press(room, code, digit)).await?;
                }
            }
        }
        if !self.keys.is_empty() {
            show.published("keys");
        }
        self.play(room, *show).await?;
        sleep(LINGER).await;
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.sounds.is_empty() && self.data.is_none() && self.keys.is_empty()
    }

    /// Every file is a track of its own; they play at the same time.
    async fn play(&self, room: &Room, show: Show) -> Result<(), Failure> {
        let mut playing = JoinSet::new();
        for sound in self.sounds.clone() {
            let options = AudioOptions {
                name: sound.name.clone(),
                ..AudioOptions::default()
            };
            let track = room.publish_audio(options).await?;
            playing.spawn(async move {
                let played = sound.play(track).await;
                (sound.name, played)
            });
        }
        while let Some(played) = playing.join_next().await {
            let (name, played) = played.map_err(|_| {
                Failure::new(
                    Class::Internal,
                    "room.publish",
                    "publishing a file panicked",
                )
            })?;
            played?;
            show.published(&name);
        }
        Ok(())
    }
}

async fn send(room: &Room, data: &Bytes) -> Result<(), Failure> {
    patient(|| {
        room.send_data(DataMessage {
            payload: data.clone(),
            reliable: true,
            ..DataMessage::default()
        })
    })
    .await
}

async fn press(room: &Room, code: u8, digit: char) -> Result<(), RequestError> {
    let mut text = [0; 4];
    room.send_dtmf(u32::from(code), digit.encode_utf8(&mut text))
        .await
}

/// Sends again while the channel is not open yet.
async fn patient<F>(send: impl Fn() -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), RequestError>>,
{
    let sending = async {
        loop {
            match send().await {
                Err(RequestError::NotReady) => sleep(FRAME).await,
                done => return done,
            }
        }
    };
    let sent = timeout(OPENING, sending).await;
    Ok(sent.unwrap_or(Err(RequestError::Timeout))?)
}

impl Sound {
    async fn play(&self, track: AudioTrack) -> Result<(), Failure> {
        // Nobody listening is no reason not to play.
        let _ = timeout(AUDIENCE, track.subscribed()).await;
        let mut clock = interval(FRAME);
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        match &self.what {
            What::Pcm(pcm) => {
                let mut writer = PcmWriter::new(track.clone(), 48_000).map_err(gone)?;
                let len = writer.frame_samples();
                for samples in pcm.chunks(len) {
                    clock.tick().await;
                    let mut frame = samples.to_vec();
                    frame.resize(len, 0);
                    writer.write_20ms(&frame).map_err(gone)?;
                }
            }
            What::Opus(packets) => {
                let mut due = Duration::ZERO;
                for payload in packets {
                    let duration_48k = packet::duration_samples_48k(payload).unwrap_or(960);
                    while due >= FRAME {
                        clock.tick().await;
                        due -= FRAME;
                    }
                    due += Duration::from_micros(u64::from(duration_48k) * 1000 / 48);
                    track.send(OpusFrame {
                        payload: payload.clone(),
                        duration_48k,
                        level: None,
                    });
                }
            }
        }
        clock.tick().await;
        Ok(track.unpublish().await?)
    }
}

fn gone(error: trunkline_client::room::audio::PcmError) -> Failure {
    Failure::new(Class::Conflict, "room.publish", error.to_string())
}

fn sound(file: &Path) -> Result<Sound, Failure> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| {
        let text = format!("{name} cannot be read: {error}");
        Failure::new(Class::Missing, "room.publish", text)
    })?;
    let broken = |why: String| {
        let text = format!("{name}: {why}");
        Failure::new(Class::Invalid, "room.publish", text)
            .or_else("publish a WAV file, or an OGG Opus file with one stream")
    };
    let what = if bytes.starts_with(b"OggS") {
        let packets = ogg::stream_packets(&bytes).map_err(|error| broken(error.to_string()))?;
        What::Opus(packets.into_iter().map(Bytes::from).collect())
    } else {
        let wav = wav::read(&bytes).map_err(|error| broken(error.to_string()))?;
        let rate = SampleRate::new(48_000).map_err(|error| broken(error.to_string()))?;
        let pcm = wav
            .to_mono_at(rate)
            .map_err(|error| broken(error.to_string()))?;
        What::Pcm(pcm)
    };
    let stem = file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    Ok(Sound {
        name: stem.unwrap_or(name),
        what,
    })
}

fn parse_keys(typed: &str) -> Result<Vec<Key>, Failure> {
    let key = |letter: char| match letter {
        'w' | 'W' => Ok(Key::Wait),
        _ => dtmf::code(letter)
            .map(|code| Key::Press(letter.to_ascii_uppercase(), code))
            .ok_or_else(|| {
                let text = format!("--publish-dtmf: {letter:?} is no telephone key");
                Failure::new(Class::Invalid, "room.publish", text)
                    .or_else("write 0-9, *, #, A-D, and w for half a second's wait")
            }),
    };
    typed.chars().map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_waits_are_read() {
        let keys = parse_keys("1w#d").unwrap();
        let pressed = [
            Key::Press('1', 1),
            Key::Wait,
            Key::Press('#', 11),
            Key::Press('D', 15),
        ];
        assert_eq!(keys, pressed);
        assert!(parse_keys("12x").is_err());
    }

    #[test]
    fn a_file_that_is_no_sound_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("note.txt");
        std::fs::write(&file, "hello").unwrap();
        let said = sound(&file).unwrap_err();
        assert!(said.to_string().contains("note.txt"), "{said}");
        assert!(said.remedy().unwrap().contains("WAV"), "{said}");
    }
}
