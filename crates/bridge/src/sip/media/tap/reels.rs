//! The files that packets end up in.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tracing::{debug, warn};
use trunkline_base::id::CallId;
use trunkline_service::tasks::Tasks;
use trunkline_sip::capture::{pcap_header, pcap_records};

use super::super::super::config::SoundCapture;
use super::page::Page;
use super::reel::Reel;

/// Gives each call a reel, where that is wanted.
#[derive(Clone)]
pub(crate) struct Reels(Option<Wanted>);

#[derive(Clone)]
struct Wanted {
    first: Duration,
    writers: mpsc::Sender<Job>,
}

/// A call whose packets are to be written: full pages come, and emptied ones go back.
struct Job {
    call: CallId,
    pages: mpsc::Receiver<Page>,
    emptied: mpsc::Sender<Page>,
}

impl Reels {
    /// The writers run where this is called: on no thread that sound waits for.
    pub(crate) fn new(capture: Option<&SoundCapture>, tasks: &Tasks) -> Self {
        let Some(SoundCapture { first, folder }) = capture.cloned() else {
            return Self(None);
        };
        let (writers, jobs) = mpsc::channel(JOBS);
        tasks.session("sip_sound_capture", write_all(folder, jobs));
        Self(Some(Wanted { first, writers }))
    }

    /// A reel for a call that is so old.
    pub(crate) fn reel(&self, call: &CallId, age: Duration) -> Option<Box<Reel>> {
        let wanted = self.0.as_ref()?;
        let time = wanted.first.checked_sub(age)?;
        let (full, pages) = mpsc::channel(PAGES);
        let (emptied, empty) = mpsc::channel(PAGES);
        for _ in 0..PAGES {
            // There is a place for each.
            let _ = emptied.try_send(Page::new());
        }
        let job = Job {
            call: call.clone(),
            pages,
            emptied,
        };
        if wanted.writers.try_send(job).is_err() {
            warn!(%call, "the sound of this call is not captured: its writer is behind");
            return None;
        }
        Some(Box::new(Reel::new((full, empty), time, MOST)))
    }
}

/// Writes the calls of all, until no call can come any more and the last is written.
async fn write_all(folder: PathBuf, mut jobs: mpsc::Receiver<Job>) {
    let mut writers = JoinSet::new();
    loop {
        tokio::select! {
            job = jobs.recv() => match job {
                Some(job) => {
                    writers.spawn(write(folder.clone(), job));
                }
                None => break,
            },
            Some(_) = writers.join_next() => {}
        }
    }
    while writers.join_next().await.is_some() {}
}

/// Writes what comes of one call, until nothing comes any more.
async fn write(folder: PathBuf, mut job: Job) {
    let call = job.call;
    let mut file: Option<File> = None;
    while let Some(page) = job.pages.recv().await {
        let (opened, place, name) = (file.take(), folder.clone(), call.clone());
        let written = spawn_blocking(move || {
            let mut file = match opened {
                Some(file) => file,
                None => create(&place, &name)?,
            };
            let mut records = Vec::new();
            pcap_records(&mut records, &page.read());
            // At once, so that a process that is killed leaves whole packets.
            file.write_all(&records)?;
            io::Result::Ok((file, page))
        });
        match written.await {
            Ok(Ok((written, mut page))) => {
                file = Some(written);
                page.clear();
                // Nobody takes it where the call is over.
                let _ = job.emptied.try_send(page);
            }
            Ok(Err(error)) => {
                let folder = folder.display();
                warn!(%call, %folder, %error, "the sound of this call is not captured any more");
                return;
            }
            Err(_) => return,
        }
    }
}

/// A file of its own, for its owner alone; a call that outlives a process has several.
fn create(folder: &Path, call: &CallId) -> io::Result<File> {
    let mut folders = DirBuilder::new();
    folders.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
    folders.create(folder)?;
    make_room(folder)?;
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    for part in 1..=MOST_PARTS {
        match options.open(folder.join(format!("{call}.{part}.pcap"))) {
            Ok(mut file) => {
                file.write_all(&pcap_header())?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("this call has too many files"))
}

/// Removes the oldest files while all together are too large.
fn make_room(folder: &Path) -> io::Result<()> {
    let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        // Whoever else makes room, or minds retention, may have taken it meanwhile.
        let Ok(about) = entry.metadata() else {
            continue;
        };
        if about.is_file() {
            files.push((about.modified()?, about.len(), entry.path()));
        }
    }
    files.sort();
    let mut all: u64 = files.iter().map(|(_, length, _)| length).sum();
    for (_, length, path) in files {
        if all <= MOST_IN_ALL {
            break;
        }
        debug!(file = %path.display(), "an old capture makes room for a new one");
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => all -= length,
        }
    }
    Ok(())
}

/// Calls whose writer is about to begin. Filling it means that the scheduler stands still.
const JOBS: usize = 256;

/// Pages of one call: one that fills, one that is written, and one more for a disk that takes its time.
const PAGES: usize = 3;

/// Bytes of one call's sound: 50 minutes of G.711, both ways.
const MOST: usize = 64 * 1024 * 1024;

/// Bytes of all calls together.
const MOST_IN_ALL: u64 = 2 * 1024 * 1024 * 1024;

/// One for each process that it outlives.
const MOST_PARTS: u32 = 100;

#[cfg(test)]
mod tests {
    use trunkline_sip::capture::merged;
    use trunkline_sip::rtp::Header;

    use super::super::reel::Tap;
    use super::*;

    fn capture(folder: &Path) -> SoundCapture {
        SoundCapture {
            first: Duration::from_secs(60),
            folder: folder.join("captures"),
        }
    }

    async fn say(reels: Reels, tasks: &Tasks, packets: u16) {
        let call = CallId::parse("SCL_1").unwrap();
        let mut tap = Tap::new("192.0.2.1:10000".parse().unwrap());
        tap.start(reels.reel(&call, Duration::ZERO).unwrap());
        for sequence in 0..packets {
            let header = Header {
                payload_type: 0,
                marker: false,
                sequence,
                timestamp: 0,
                ssrc: 7,
            };
            tap.sent(
                &header.write(&[0; 160]),
                "198.51.100.7:4000".parse().unwrap(),
            );
        }
        drop((tap, reels));
        let limits = trunkline_service::tasks::Limits {
            drain: Duration::from_secs(5),
            hurry: Duration::from_secs(5),
        };
        assert!(tasks.finish(limits).await.is_clean());
    }

    #[tokio::test]
    async fn a_call_has_a_file_that_is_its_owners_alone_and_another_one_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        for (part, packets) in [(1, 20), (2, 30)] {
            let tasks = Tasks::new();
            let reels = Reels::new(Some(&capture(dir.path())), &tasks);
            say(reels, &tasks, packets).await;
            let path = dir.path().join(format!("captures/SCL_1.{part}.pcap"));
            let file = fs::read(&path).unwrap();
            assert_eq!(merged(&[&file]).packets, usize::from(packets));
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
                let modes = (mode(&path), mode(&dir.path().join("captures")));
                assert_eq!(modes, (0o600, 0o700));
            }
        }
    }

    #[tokio::test]
    async fn nothing_is_kept_of_whom_nobody_asked_for_nor_of_calls_that_are_older() {
        let dir = tempfile::tempdir().unwrap();
        let tasks = Tasks::new();
        let call = CallId::parse("SCL_1").unwrap();
        assert!(
            Reels::new(None, &tasks)
                .reel(&call, Duration::ZERO)
                .is_none()
        );
        let reels = Reels::new(Some(&capture(dir.path())), &tasks);
        assert!(reels.reel(&call, Duration::from_secs(61)).is_none());
        assert!(!dir.path().join("captures").exists());
    }
}
