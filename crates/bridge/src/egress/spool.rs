//! The file on disk. At most one write runs, on a thread for blocking work; what comes meanwhile
//! waits here, so a slow disk delays nothing but the file.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use super::error::Failure;
use super::naming;

/// Bytes that may wait. A call brings about 8 kB a second, so this is minutes of a disk at rest.
const MAX_WAITING: usize = 4 << 20;

/// How often the disk is told to keep what it was given; a power cut may cost this much.
const SYNC: Duration = Duration::from_millis(900);

type Written = (File, io::Result<()>);

/// A file that is appended to.
pub(super) struct Spool {
    path: PathBuf,
    idle: Option<File>,
    busy: Option<JoinHandle<Written>>,
    waiting: Vec<u8>,
    size: u64,
    synced: Instant,
}

impl Spool {
    /// Makes a new file for `relative` below `root`.
    pub(super) async fn create(root: &Path, relative: &Path) -> Result<Self, Failure> {
        let (root, relative) = (root.to_owned(), relative.to_owned());
        let made = spawn_blocking(move || naming::create(&root, &relative)).await;
        let (file, path) = made
            .map_err(io::Error::other)
            .flatten()
            .map_err(Failure::Create)?;
        Ok(Self::new(file, path))
    }

    pub(super) fn new(file: File, path: PathBuf) -> Self {
        Self {
            path,
            idle: Some(file),
            busy: None,
            waiting: Vec::new(),
            size: 0,
            synced: Instant::now(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that have reached the disk.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Takes bytes and begins to write them if no write is running.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.waiting.len() + bytes.len() > MAX_WAITING {
            return Err(Failure::Slow {
                waiting: self.waiting.len(),
            });
        }
        self.waiting.extend_from_slice(bytes);
        self.begin();
        Ok(())
    }

    /// Whether a write is running.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.is_some()
    }

    /// Waits for the running write and begins the next one.
    ///
    /// # Cancel safety
    /// Safe: an unfinished write is waited for again.
    pub(super) async fn written(&mut self) -> Result<(), Failure> {
        let Some(busy) = &mut self.busy else {
            return Ok(());
        };
        let done = busy.await;
        self.busy = None;
        let (file, result) = done.map_err(|error| Failure::Write(io::Error::other(error)))?;
        result.map_err(Failure::Write)?;
        self.size = file.metadata().map_or(self.size, |about| about.len());
        self.idle = Some(file);
        self.begin();
        Ok(())
    }

    /// Writes everything that waits and has the disk keep it.
    pub(super) async fn drain(&mut self) -> Result<(), Failure> {
        while self.is_busy() {
            self.written().await?;
        }
        self.write(Vec::new(), true);
        self.written().await
    }

    fn begin(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        if self.idle.is_some() {
            let bytes = std::mem::take(&mut self.waiting);
            let sync = self.synced.elapsed() >= SYNC;
            self.write(bytes, sync);
        }
    }

    fn write(&mut self, bytes: Vec<u8>, sync: bool) {
        let Some(mut file) = self.idle.take() else {
            return;
        };
        if sync {
            self.synced = Instant::now();
        }
        self.busy = Some(spawn_blocking(move || {
            let result = file.write_all(&bytes);
            let result = if sync {
                result.and_then(|()| file.sync_data())
            } else {
                result
            };
            (file, result)
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everything_reaches_the_disk_in_order() {
        let root = tempfile::tempdir().unwrap();
        let mut spool = Spool::create(root.path(), Path::new("a/b.ogg"))
            .await
            .unwrap();
        for part in [b"one ".as_slice(), b"two ", b"three"] {
            spool.append(part).unwrap();
        }
        spool.drain().await.unwrap();
        assert_eq!(std::fs::read(spool.path()).unwrap(), b"one two three");
        assert_eq!(spool.size(), 13);
    }

    #[tokio::test]
    async fn a_full_disk_is_one_clear_error() {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut spool = Spool::new(full, "/dev/full".into());
        spool.append(b"sound").unwrap();
        let error = spool.drain().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "recording file cannot be written: No space left on device (os error 28)"
        );
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_made_is_one_clear_error() {
        let error = Spool::create(Path::new("/dev/null"), Path::new("x.ogg"))
            .await
            .err()
            .unwrap();
        assert!(
            error
                .to_string()
                .starts_with("recording file cannot be made: "),
            "{error}"
        );
    }
}
