//! Files that may change while the process runs, and when they are to be read again: once they stand
//! still. Two looks in a row agree before anything is read, and a third after it, so that nobody takes
//! what an editor or a copy has written by half.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::sleep;

/// How often the files are looked at: an operator waits for what was just saved.
pub const LOOK: Duration = Duration::from_millis(500);

/// How many looks pass before what was taken by half is read again.
const REST: u8 = 10;

/// Tells one state of a file from the next; nothing while it is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    length: u64,
    inode: u64,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let found = path.metadata().ok()?;
        Some(Self {
            modified: (found.mtime(), found.mtime_nsec()),
            length: found.len(),
            inode: found.ino(),
        })
    }
}

/// How all of them stand.
type State = Vec<Option<Stamp>>;

/// Watches some files.
#[derive(Debug)]
pub struct Watch {
    paths: Vec<PathBuf>,
    looks: Looks,
}

impl Watch {
    /// From how they stand now on. Made before the files are read for the first time, it misses no
    /// change in between.
    pub fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let paths: Vec<PathBuf> = paths.into_iter().collect();
        Self {
            looks: Looks::new(state(&paths)),
            paths,
        }
    }

    /// Somebody wants them read, whether they changed or not.
    pub fn ask(&mut self) {
        self.looks.ask();
    }

    /// What was read has not all been taken: it is read again after a while.
    pub fn again(&mut self) {
        self.looks.again();
    }

    /// Waits for the next look, or until `asked` gives something, which asks for a reading. `Some` of
    /// what it gave; whoever waits then calls [`Self::is_due`].
    ///
    /// # Cancel safety
    /// As safe as `asked`.
    pub async fn wait<T>(&mut self, asked: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            what = asked => {
                self.ask();
                Some(what)
            }
            () = sleep(LOOK) => None,
        }
    }

    /// Looks, and says whether they are to be read now.
    pub fn is_due(&mut self) -> bool {
        let now = state(&self.paths);
        self.looks.look(now)
    }

    /// Reads, unless somebody writes meanwhile: then nothing comes of it, and they are due again once
    /// they stand still.
    pub fn read<T>(&mut self, read: impl FnOnce() -> T) -> Option<T> {
        let read = read();
        if state(&self.paths) == self.looks.last {
            return Some(read);
        }
        self.looks.disturbed();
        None
    }
}

fn state(paths: &[PathBuf]) -> State {
    paths.iter().map(|path| Stamp::of(path)).collect()
}

/// What was seen so far, without a disk.
#[derive(Debug)]
struct Looks {
    /// What was read the last time; `None` for what must be read again.
    seen: Option<State>,
    last: State,
    is_asked: bool,
    /// Looks to let pass first.
    rest: u8,
}

impl Looks {
    fn new(first: State) -> Self {
        Self {
            seen: Some(first.clone()),
            last: first,
            is_asked: false,
            rest: 0,
        }
    }

    const fn ask(&mut self) {
        self.is_asked = true;
        self.rest = 0;
    }

    fn again(&mut self) {
        self.seen = None;
        self.rest = REST;
    }

    /// What was read is not what was there: whoever asked asks still.
    fn disturbed(&mut self) {
        self.seen = None;
    }

    /// Takes one look: two in a row have agreed, and something is new or somebody asked.
    fn look(&mut self, now: State) -> bool {
        let is_still = now == self.last;
        if !is_still {
            self.last = now;
            self.rest = 0;
            return false;
        }
        if self.rest > 0 {
            self.rest -= 1;
            return false;
        }
        let is_due = self.is_asked || self.seen.as_ref() != Some(&now);
        if is_due {
            self.is_asked = false;
            self.seen = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(length: u64) -> State {
        vec![Some(Stamp {
            modified: (1, 0),
            length,
            inode: 7,
        })]
    }

    #[test]
    fn a_file_is_read_once_it_stands_still() {
        let mut looks = Looks::new(there(9));
        assert!(!looks.look(there(9)));
        // Half written, then gone, then whole.
        for now in [there(4), vec![None], there(7)] {
            assert!(!looks.look(now.clone()), "{now:?}");
        }
        assert!(looks.look(there(7)));
        assert!(!looks.look(there(7)));
    }

    #[test]
    fn what_is_asked_for_during_a_writing_comes_after_it() {
        let mut looks = Looks::new(there(9));
        looks.ask();
        assert!(looks.look(there(9)));
        looks.ask();
        assert!(!looks.look(there(5)));
        assert!(!looks.look(there(9)));
        assert!(looks.look(there(9)));
        assert!(!looks.look(there(9)));
    }

    #[test]
    fn what_was_taken_by_half_is_read_again_after_a_rest_or_when_asked() {
        let mut looks = Looks::new(there(9));
        looks.again();
        let read: Vec<bool> = (0..=REST).map(|_| looks.look(there(9))).collect();
        assert_eq!(read.iter().position(|one| *one), Some(usize::from(REST)));
        looks.again();
        looks.ask();
        assert!(looks.look(there(9)));
    }

    /// A writer that stops in the middle for as long as a look takes.
    #[test]
    fn what_changes_while_it_is_read_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.yaml");
        std::fs::write(&file, "one").unwrap();
        let mut watch = Watch::new([file.clone()]);
        std::fs::write(&file, "trunks:\n").unwrap();
        assert!(!watch.is_due());
        assert!(watch.is_due());
        let half = watch.read(|| {
            let half = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, "trunks: []\n").unwrap();
            half
        });
        assert_eq!(half, None);
        assert!(!watch.is_due(), "it has just been written");
        assert!(watch.is_due());
        let whole = watch.read(|| std::fs::read_to_string(&file).unwrap());
        assert_eq!(whole.as_deref(), Some("trunks: []\n"));
        assert!(!watch.is_due());
    }
}
