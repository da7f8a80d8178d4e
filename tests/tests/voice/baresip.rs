//! A real softphone speaks a recording into a call and records what it hears.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use trunkline_media::{SampleRate, wav};
use trunkline_tests::{Daemon, Setup, peer, root, run};

use super::ear::{speech, spoken, words};

/// That the call is recorded and the greeting take about five seconds; the question follows them, the
/// answer about eight more.
const SECONDS: &str = "22";
const LEAD: usize = 8000 * 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_softphone_is_greeted_and_answered_in_words() {
    let (Some(baresip), Some(speech)) = (peer("baresip"), speech()) else {
        return;
    };
    let daemon = Daemon::start(&Setup::default());
    let dir = tempfile::tempdir().unwrap();
    let mut pcm = vec![0; LEAD];
    pcm.extend(spoken(speech, "What are your opening hours?").await);
    pcm.extend(vec![0; 8000 * 30]);
    let question = dir.path().join("question.wav");
    fs::write(&question, wav::write(SampleRate::HZ_8000, 1, &pcm)).unwrap();
    configure(dir.path(), &question);
    let dial = format!("/dial sip:agent@{}", daemon.addr("sip"));
    let mut command = Command::new(baresip);
    command
        .arg("-f")
        .arg(dir.path())
        .args(["-t", SECONDS, "-e", &dial]);
    let output = run(&mut command, Duration::from_secs(60));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let heard =
        dump(dir.path()).unwrap_or_else(|| panic!("no recording:\n{said}\n{}", daemon.log()));
    let heard = words(speech, &heard).await;
    assert!(heard.contains("help you"), "greeting not in: {heard}");
    assert!(
        heard.contains("monday") && heard.contains("saturday"),
        "answer not in: {heard}"
    );
}

fn configure(dir: &Path, question: &Path) {
    let peers = root().join("peers/baresip");
    let template = fs::read_to_string(peers.join("config.template")).unwrap();
    let config = template
        .replace("@DIR@", &dir.display().to_string())
        .replace("@WAV@", &question.display().to_string());
    fs::write(dir.join("config"), config).unwrap();
    fs::copy(peers.join("accounts"), dir.join("accounts")).unwrap();
}

/// What the softphone heard.
fn dump(dir: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    files
        .into_iter()
        .find(|file| file.to_string_lossy().ends_with("-dec.wav"))
}
