//! The sound of calls as it went over the wire: files beside the store, one for each call and for each
//! process that had it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use tracing::warn;
use trunkline_base::time::UnixTime;

/// Where they are; a store in memory has none.
pub(crate) fn folder(store: &Path) -> Option<PathBuf> {
    if store == Path::new(":memory:") {
        return None;
    }
    let mut name = store.as_os_str().to_owned();
    name.push(".captures");
    Some(name.into())
}

/// Those of one call.
pub(crate) fn of_call(folder: &Path, call: &str) -> io::Result<Vec<Vec<u8>>> {
    let is_part = |name: &str| {
        let part = name
            .strip_prefix(call)
            .and_then(|rest| rest.strip_prefix('.'));
        let part = part.and_then(|rest| rest.strip_suffix(".pcap"));
        part.is_some_and(|part| part.parse::<u32>().is_ok())
    };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(is_part))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths.iter().map(fs::read).collect()
}

/// Those that nothing was written into since.
pub(crate) fn over(folder: &Path, before: UnixTime) -> Vec<PathBuf> {
    let before = UNIX_EPOCH + Duration::from_millis(before.0);
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let old = entries.filter(|entry| {
        let written = entry.metadata().and_then(|about| about.modified());
        entry.path().extension().is_some_and(|kind| kind == "pcap")
            && written.is_ok_and(|written| written < before)
    });
    old.map(|entry| entry.path()).collect()
}

/// Removes them. What cannot be removed is tried again the next time.
pub(crate) fn remove(folder: &Path, before: UnixTime) -> u64 {
    let mut removed = 0;
    for path in over(folder, before) {
        match fs::remove_file(&path) {
            Ok(()) => removed += 1,
            Err(error) => {
                warn!(file = %path.display(), %error, "an old capture cannot be removed");
            }
        }
    }
    removed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    #[test]
    fn a_call_has_its_own_parts_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "SCL_1.2.pcap",
            "SCL_1.1.pcap",
            "SCL_11.1.pcap",
            "SCL_1.x.pcap",
            "SCL_1.1.txt",
        ] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let parts = |call: &str| of_call(dir.path(), call).unwrap();
        assert_eq!(parts("SCL_1"), [b"SCL_1.1.pcap", b"SCL_1.2.pcap"]);
        assert!(parts("../SCL_1").is_empty() && parts("").is_empty());
        assert!(
            of_call(&dir.path().join("none"), "SCL_1")
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn what_is_old_goes_and_nothing_but_captures() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["SCL_1.1.pcap", "SCL_2.1.pcap", "notes"] {
            fs::write(dir.path().join(name), "voices").unwrap();
        }
        let old = UNIX_EPOCH + Duration::from_secs(1_000);
        for name in ["SCL_1.1.pcap", "notes"] {
            let file = fs::File::options().write(true).open(dir.path().join(name));
            file.unwrap().set_modified(old).unwrap();
        }
        let before = UnixTime(now().0 - 3_600_000);
        assert_eq!(over(dir.path(), before).len(), 1);
        assert_eq!(remove(dir.path(), before), 1);
        assert!(dir.path().join("SCL_2.1.pcap").exists() && dir.path().join("notes").exists());
        assert_eq!(remove(&dir.path().join("none"), before), 0);
    }

    #[test]
    fn they_are_beside_the_store_and_nowhere_without_a_file() {
        let beside = folder(Path::new("data/trunkline.db"));
        assert_eq!(beside, Some(PathBuf::from("data/trunkline.db.captures")));
        assert_eq!(folder(Path::new(":memory:")), None);
    }
}
