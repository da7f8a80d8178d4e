//! linphone as a phone of a test: told what to do line by line, asked what it heard by its file.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use trunkline_media::tone::sine;
use trunkline_media::{SampleRate, wav};
use trunkline_tests::{peer, root};

use super::house::PATIENCE;

const WIDE: SampleRate = SampleRate::HZ_16000;

/// How it is set up.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    pub(crate) codec: &'static str,
    pub(crate) rate: u32,
    /// Where the gateway listens.
    pub(crate) ip: &'static str,
    /// Who it is.
    pub(crate) user: &'static str,
    /// Where it may be called; anywhere without.
    pub(crate) port: Option<u16>,
    /// What it sings, in hertz.
    pub(crate) sings: f64,
}

pub(crate) const PLAIN: Way = Way {
    codec: "PCMU",
    rate: 8_000,
    ip: "127.0.0.1",
    user: "4711",
    port: None,
    sings: 1_100.0,
};

/// A softphone with its files; it is ended with this.
pub(crate) struct Softphone {
    dir: TempDir,
    _process: Child,
    _listening: JoinSet<()>,
    commands: ChildStdin,
    told: watch::Receiver<String>,
}

impl Softphone {
    /// One that picks up whenever it is called; inside TLS and with keys where an authority is given.
    /// `None` where there is none on this machine.
    pub(crate) async fn start(way: Way, authority: Option<&Path>) -> Option<Self> {
        let program = peer("linphonec")?;
        let dir = tempfile::tempdir().unwrap();
        configure(dir.path(), way, authority);
        let mut process = Command::new(program)
            .args(["-a", "-d", "6", "-l"])
            .arg(dir.path().join("log"))
            .arg("-c")
            .arg(dir.path().join("linphonerc"))
            .env("HOME", dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(dir.path().join("errors")).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (say, told) = watch::channel(String::new());
        let mut listening = JoinSet::new();
        listening.spawn(listen(process.stdout.take().unwrap(), say));
        let mut phone = Self {
            commands: process.stdin.take().unwrap(),
            _process: process,
            _listening: listening,
            dir,
            told,
        };
        phone.does("soundcard use files").await;
        phone.says(&["wav files"]).await;
        for (command, file) in [("play", "song.wav"), ("record", "heard.wav")] {
            let path = phone.dir.path().join(file);
            phone.does(&format!("{command} {}", path.display())).await;
        }
        Some(phone)
    }

    /// Tells it to do this.
    pub(crate) async fn does(&mut self, command: &str) {
        let line = format!("{command}\n");
        self.commands.write_all(line.as_bytes()).await.unwrap();
    }

    /// Waits until it has said a line with all of this.
    pub(crate) async fn says(&mut self, words: &[&str]) {
        let fits = |line: &str| words.iter().all(|word| line.contains(word));
        let said = self.told.wait_for(|told| told.lines().any(fits));
        let is_said = timeout(PATIENCE, said).await.is_ok_and(|said| said.is_ok());
        assert!(is_said, "never said {words:?}:\n{}", self.log());
    }

    /// Waits until that call is over; the first is 1.
    pub(crate) async fn ends(&mut self, call: u32) {
        self.says(&[&format!("Call {call} with "), " ended ("])
            .await;
    }

    /// Its own account, for who has to find out what went wrong.
    pub(crate) fn log(&self) -> String {
        let file = |name| fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
        let said = self.told.borrow().clone();
        format!("{said}\n{}\n{}", file("errors"), file("log"))
    }

    /// How much of what it heard is written down so far.
    pub(crate) fn heard_bytes(&self) -> u64 {
        let heard = fs::metadata(self.dir.path().join("heard.wav"));
        heard.map_or(0, |heard| heard.len())
    }

    /// What it heard in its calls, which are over.
    pub(crate) fn heard(&self) -> (Vec<i16>, SampleRate) {
        let file = fs::read(self.dir.path().join("heard.wav")).unwrap();
        let heard = wav::read(&file).unwrap();
        (heard.to_mono(), heard.rate)
    }
}

/// Keeps all that it says.
async fn listen(stdout: ChildStdout, say: watch::Sender<String>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        say.send_modify(|told| {
            told.push_str(&line);
            told.push('\n');
        });
    }
}

/// Writes its configuration and its song.
fn configure(dir: &Path, way: Way, authority: Option<&Path>) {
    let template = root().join("peers/linphone/linphonerc.template");
    let template = fs::read_to_string(template).unwrap();
    let encryption = if authority.is_some() { "srtp" } else { "none" };
    let authority = authority.map(|file| file.display().to_string());
    let is_v6 = way.ip.contains(':');
    let port = way.port.map_or(-1, i32::from);
    let config = template
        .replace("@USER@", way.user)
        .replace("@PORT@", &port.to_string())
        .replace("@CODEC@", way.codec)
        .replace("@RATE@", &way.rate.to_string())
        .replace("@CHANNELS@", if way.codec == "opus" { "2" } else { "1" })
        .replace("@ENCRYPTION@", encryption)
        .replace("@CA@", &authority.unwrap_or_default())
        .replace("@IPV6@", if is_v6 { "1" } else { "0" });
    fs::write(dir.join("linphonerc"), config).unwrap();
    // Where it keeps its book of calls.
    fs::create_dir_all(dir.join(".local/share/linphone")).unwrap();
    let pcm = sine(WIDE, way.sings, -12.0, WIDE.samples_in_ms(30_000));
    fs::write(dir.join("song.wav"), wav::write(WIDE, 1, &pcm)).unwrap();
}
