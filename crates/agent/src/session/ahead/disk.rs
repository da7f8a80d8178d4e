//! Sound made ahead, kept on the disk from one start to the next.
//!
//! Only what the configuration says is kept here, never what was said to a caller; still it may
//! name people, so the files are their owner's alone and are found by a digest: of the program's
//! version, the voice and the sentence. What is damaged is made anew, what is not used goes.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use crate::session::VOICE_RATE;
use crate::session::cache::Clip;

/// A folder of clips.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    voice: String,
}

/// Twenty minutes of speech; a flow's fixed sentences are two or three.
const MOST_BYTES: u64 = 64 << 20;
/// One sentence of half a minute is 1.5 MB.
const LONGEST_CLIP: u64 = 4 << 20;
/// Not used for so long, it belongs to a voice or a text that is no more.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);
/// A file that is still being written is younger.
const ABANDONED: Duration = Duration::from_secs(3600);

const CLIP: &str = "clip";
const NEW: &str = "new";

impl Disk {
    /// The folder, made where it is not there; closed to everybody else.
    pub(super) fn open(dir: PathBuf, voice: &str) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        if dir.symlink_metadata()?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))?;
        }
        Ok(Self {
            dir,
            voice: voice.to_owned(),
        })
    }

    /// The clip of a sentence, if it is here and whole.
    pub(super) fn find(&self, sentence: &str) -> Option<Clip> {
        let file = File::open(self.path(sentence)).ok()?;
        let mut bytes = Vec::new();
        (&file).take(LONGEST_CLIP).read_to_end(&mut bytes).ok()?;
        let clip = Clip::decode(&bytes)?;
        // What is used stays; where the time cannot be set, it is made anew some day.
        let _ = file.set_modified(SystemTime::now());
        Some(clip)
    }

    /// Keeps a clip: whoever looks finds all of it or nothing.
    pub(super) fn keep(&self, sentence: &str, clip: &Clip) -> io::Result<()> {
        let path = self.path(sentence);
        let new = path.with_extension(format!("{}.{NEW}", std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let written = options
            .open(&new)
            .and_then(|mut file| file.write_all(&clip.encode()))
            .and_then(|()| fs::rename(&new, &path));
        if written.is_err() {
            let _may_not_be_there = fs::remove_file(&new);
        }
        written
    }

    /// Removes what is not used, and the oldest of what is too much.
    pub(super) fn tidy(&self) -> io::Result<()> {
        self.tidy_to(MOST_BYTES, SystemTime::now())
    }

    fn tidy_to(&self, most: u64, now: SystemTime) -> io::Result<()> {
        let mut clips = Vec::new();
        for found in fs::read_dir(&self.dir)? {
            let found = found?;
            let (path, meta) = (found.path(), found.metadata()?);
            let used = meta.modified()?;
            let idle = now.duration_since(used).unwrap_or_default();
            match path.extension().and_then(|end| end.to_str()) {
                Some(CLIP) if idle < UNUSED => clips.push((used, meta.len(), path)),
                Some(CLIP) => fs::remove_file(path)?,
                Some(NEW) if idle > ABANDONED => fs::remove_file(path)?,
                _ => {}
            }
        }
        clips.sort();
        let mut bytes: u64 = clips.iter().map(|(_, length, _)| length).sum();
        for (_, length, path) in clips {
            if bytes <= most {
                break;
            }
            fs::remove_file(path)?;
            bytes -= length;
        }
        Ok(())
    }

    fn path(&self, sentence: &str) -> PathBuf {
        let mut digest = Sha256::new();
        let rate = VOICE_RATE.to_string();
        for part in [env!("CARGO_PKG_VERSION"), &self.voice, &rate, sentence] {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        let name = hex::encode(digest.finalize());
        self.dir.join(Path::new(&name).with_extension(CLIP))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(samples: usize) -> Clip {
        Clip {
            clauses: vec![("Good day.".to_owned(), vec![5; samples])],
        }
    }

    fn files(dir: &Path) -> Vec<PathBuf> {
        let found = fs::read_dir(dir).unwrap();
        found.map(|file| file.unwrap().path()).collect()
    }

    #[test]
    fn a_sentence_is_found_again_by_the_same_voice_only() {
        let dir = tempfile::tempdir().unwrap();
        let joe = Disk::open(dir.path().join("voice"), "joe").unwrap();
        joe.keep("Good day.", &clip(9)).unwrap();
        let again = Disk::open(dir.path().join("voice"), "joe").unwrap();
        assert_eq!(again.find("Good day.").unwrap().clauses, clip(9).clauses);
        assert!(again.find("Good day").is_none());
        let amy = Disk::open(dir.path().join("voice"), "amy").unwrap();
        assert!(amy.find("Good day.").is_none());
    }

    #[test]
    fn nobody_else_may_look_and_no_name_tells_the_words() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("voice");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let disk = Disk::open(folder.clone(), "joe").unwrap();
        disk.keep("Hello Ms Smith.", &clip(9)).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for file in files(&folder) {
            assert_eq!(mode(&file), 0o600);
            assert!(!file.display().to_string().contains("Smith"));
        }
    }

    #[test]
    fn what_is_damaged_is_ignored_and_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(dir.path().to_owned(), "joe").unwrap();
        disk.keep("Good day.", &clip(900)).unwrap();
        let path = files(dir.path()).remove(0);
        for damage in [&b""[..], b"trunkline clip 1\n", &[0xff; 5000]] {
            fs::write(&path, damage).unwrap();
            assert!(disk.find("Good day.").is_none());
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(disk.find("Good day.").is_none() && disk.keep("Good day.", &clip(9)).is_err());
        fs::remove_dir(&path).unwrap();
        disk.keep("Good day.", &clip(9)).unwrap();
        assert!(disk.find("Good day.").is_some());
        assert_eq!(files(dir.path()).len(), 1);
    }

    #[test]
    fn the_oldest_go_when_it_is_too_much_and_the_unused_in_any_case() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(dir.path().to_owned(), "joe").unwrap();
        let now = SystemTime::now();
        for (age, sentence) in ["one", "two", "three", "four"].iter().enumerate() {
            disk.keep(sentence, &clip(1000)).unwrap();
            let days = [1, 40, 3, 2][age];
            let used = now - Duration::from_secs(days * 24 * 3600);
            let file = File::open(disk.path(sentence)).unwrap();
            file.set_modified(used).unwrap();
        }
        fs::write(dir.path().join("notes.txt"), "not ours").unwrap();
        disk.tidy_to(u64::MAX, now).unwrap();
        assert!(disk.find("two").is_none());
        // Looking makes a clip the latest.
        assert!(disk.find("three").is_some());
        disk.tidy_to(5000, now).unwrap();
        let left = ["one", "three", "four"].map(|sentence| disk.find(sentence).is_some());
        assert_eq!(left, [true, true, false]);
        assert!(dir.path().join("notes.txt").exists());
    }
}
