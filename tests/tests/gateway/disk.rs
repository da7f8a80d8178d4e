//! Calls while the store's disk stands still.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tokio::time::timeout;
use trunkline_bridge::sip::AnswerPolicy;
use trunkline_store::Store;
use trunkline_tests::python;

use super::house::{House, PATIENCE, found};

/// Another process that holds the file against every writer, as a disk that stands still does.
struct Held(Child);

impl Held {
    fn take(python: &Path, file: &Path) -> Self {
        let program = "import sqlite3, sys\n\
            held = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
            held.execute('BEGIN IMMEDIATE')\n\
            print('held', flush=True)\n\
            sys.stdin.read()\n";
        let mut holder = Command::new(python)
            .args(["-c", program])
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut out = BufReader::new(holder.stdout.take().unwrap());
        out.read_line(&mut said).unwrap();
        assert_eq!(said, "held\n");
        Self(holder)
    }

    fn release(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

/// 134 of 240 callers got 503 while the store waited 7.7 seconds for its disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_are_answered_and_kept_while_the_disk_stands_still() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("store.db");
    let store = Store::open(&file.display().to_string()).await.unwrap();
    let house = House::over(store, AnswerPolicy::OnRoom, |_| {}).await;
    let held = Held::take(&python, &file);
    for _ in 0..4 {
        let call = house.call("100").await;
        let summary = timeout(PATIENCE, call.hangup()).await.unwrap();
        assert_eq!(summary.cause, "local");
    }
    house.no_calls_left().await;
    assert!(house.store.calls().list(10).await.unwrap().is_empty());
    held.release();
    assert!(house.store.written(PATIENCE).await);
    // The last call's end may be told a moment after it is over.
    let ends = found(&house.store, async |store| {
        let calls = store.calls().list(10).await.unwrap();
        let ends = calls.into_iter().map(|call| call.end_reason);
        let ends: Vec<_> = ends.collect();
        ends.iter().all(Option::is_some).then_some(ends)
    })
    .await;
    let told = Some("caller_hung_up".to_owned());
    assert_eq!(ends, vec![told; 4]);
    assert!(house.store.backlog().borrow().lost.is_empty());
    house.close().await;
}
