//! In a process of its own, since the limit is the process's.
#![cfg(target_os = "linux")]

use std::io::{ErrorKind, Write as _};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use trunkline_service::files;

/// `ulimit -f` ended the daemon, and with it every call, without a word, once its store had grown to
/// the limit.
#[tokio::test]
async fn a_write_beyond_the_limit_on_a_files_size_fails_and_the_process_goes_on() {
    files::outlive_limit();
    let before = getrlimit(Resource::Fsize);
    let limit = Rlimit {
        current: Some(4096),
        maximum: before.maximum,
    };
    let mut file = tempfile::tempfile().unwrap();
    setrlimit(Resource::Fsize, limit).unwrap();
    file.write_all(&[7; 4096]).unwrap();
    let beyond = file.write_all(&[7]).unwrap_err();
    // The report of this test may itself go to a longer file.
    setrlimit(Resource::Fsize, before).unwrap();
    assert_eq!(beyond.kind(), ErrorKind::FileTooLarge);
}
