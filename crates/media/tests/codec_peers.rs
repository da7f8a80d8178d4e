//! Others' codecs and ours make the same of the same sound (ffmpeg), and others' voices press no keys
//! (espeak-ng).

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops at the first surprise and names the peers it has to do without"
)]

use std::path::Path;
use std::process::Command;

use trunkline_media::dtmf::Detector;
use trunkline_media::{SampleRate, g722, tone, wav};

/// Two seconds in which everything happens: tones in both bands, noise, silence and full scale.
fn everything() -> Vec<i16> {
    let rate = SampleRate::HZ_16000;
    let mut pcm = tone::sine(rate, 300.0, -6.0, 8_000);
    pcm.extend(tone::sine(rate, 5_200.0, -10.0, 4_000));
    pcm.extend(vec![0; 4_000]);
    let mut noise = vec![0; 8_000];
    tone::Noise::new(7, -20.0).fill(&mut noise);
    pcm.extend(noise);
    pcm.extend((0..4_000).map(|at| if at / 50 % 2 == 0 { i16::MAX } else { i16::MIN }));
    pcm
}

/// Lets ffmpeg read `input` and write raw bytes; nothing where it is not installed.
fn ffmpeg(dir: &Path, input: &[u8], from: &[&str], to: &[&str]) -> Option<Vec<u8>> {
    let (source, target) = (dir.join("in"), dir.join("out"));
    std::fs::write(&source, input).unwrap();
    let ran = Command::new("ffmpeg")
        .args(["-v", "error", "-y"])
        .args(from)
        .arg("-i")
        .arg(&source)
        .args(to)
        .arg(&target)
        .status();
    match ran {
        Ok(status) => {
            assert!(status.success(), "ffmpeg {from:?} {to:?}");
            Some(std::fs::read(&target).unwrap())
        }
        Err(error) => {
            eprintln!("SKIPPED: ffmpeg is not installed ({error})");
            None
        }
    }
}

#[test]
fn our_g722_and_ffmpegs_are_the_same_bit_by_bit() {
    let dir = tempfile::tempdir().unwrap();
    let pcm = everything();
    let raw: Vec<u8> = pcm.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let mut ours = Vec::new();
    g722::Encoder::new().encode(&pcm, &mut ours);
    let sound = ["-f", "s16le", "-ar", "16000", "-ac", "1"];
    let Some(theirs) = ffmpeg(dir.path(), &raw, &sound, &["-c:a", "g722", "-f", "g722"]) else {
        return;
    };
    assert_eq!(first_difference(&ours, &theirs), None);
    let decoded = ffmpeg(dir.path(), &ours, &["-f", "g722"], &["-f", "s16le"]).unwrap();
    let theirs: Vec<i16> = decoded
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let mut heard = Vec::new();
    g722::Decoder::new().decode(&ours, &mut heard);
    assert_eq!(first_difference(&heard, &theirs), None);
}

/// Where two sequences part, and what each says there.
fn first_difference<T: Copy + PartialEq>(ours: &[T], theirs: &[T]) -> Option<(usize, T, T)> {
    assert_eq!(ours.len(), theirs.len());
    ours.iter()
        .zip(theirs)
        .position(|(ours, theirs)| ours != theirs)
        .map(|at| (at, ours[at], theirs[at]))
}

/// Speech that is rich in sounds, numbers among them, as people say them to machines.
const SPEECH: &str = "The quick brown fox jumps over the lazy dog. My number is one two three, four five \
    six, seven eight nine zero. Please call me back before nine, or leave a message after the tone. \
    She sells sea shells by the sea shore; how many were there, eleven, twelve or sixteen? Yes! No. \
    Oh, really? I would like to book a table for two people on Friday evening at half past seven. \
    Peter Piper picked a peck of pickled peppers. Who are you, and why do you whistle? \
    Around the rugged rocks the ragged rascal ran. Mmm, aha, well, let me see, eee, ooo, ay.";

#[test]
fn no_voice_presses_a_key() {
    let voices = [
        "en-us",
        "en-gb+f3",
        "de+m2",
        "ru+f2",
        "fr+f4",
        "en-us+whisper",
        "es+croak",
    ];
    let mut minutes = 0.0;
    for voice in voices {
        for pitch in ["10", "50", "99"] {
            let spoken = Command::new("espeak-ng")
                .args(["-v", voice, "-p", pitch, "-a", "200", "--stdout", SPEECH])
                .output();
            let Ok(spoken) = spoken else {
                eprintln!("SKIPPED: espeak-ng is not installed");
                return;
            };
            let sound = wav::read(&spoken.stdout).unwrap();
            for rate in [SampleRate::HZ_8000, SampleRate::HZ_16000] {
                let pcm = sound.to_mono_at(rate).unwrap();
                let mut detector = Detector::new(rate);
                let keys: String = pcm
                    .chunks(rate.samples_in_ms(20))
                    .filter_map(|frame| detector.hear(frame))
                    .collect();
                assert_eq!(keys, "", "{voice} at pitch {pitch}, {rate}");
                minutes += rate.duration_of(pcm.len()).as_secs_f64() / 60.0;
            }
        }
    }
    assert!(minutes > 15.0, "{minutes:.1} minutes heard");
}
