//! A daemon of its own for a test: free ports, a directory of its own, killed at the end.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::{alone, root, trunkline};

/// A debug build loads the models in a few seconds on two busy cores.
const START_LIMIT: Duration = Duration::from_secs(90);

/// A drain with nothing to drain takes moments, one with calls in it some seconds.
const END_LIMIT: Duration = Duration::from_secs(60);

/// How a daemon is set up.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Files that replace or join those of `config/`.
    pub files: Vec<(&'static str, String)>,
    /// Leave the agent and its models out.
    pub without_agent: bool,
    /// Not in development mode: the setup brings keys of its own.
    pub without_dev: bool,
    /// Variables besides the ports.
    pub env: Vec<(&'static str, String)>,
    /// Where its state is; a directory of its own when absent.
    pub data: Option<PathBuf>,
    /// Another build of the binary than the one beside the program that asks.
    pub program: Option<PathBuf>,
    /// In a directory with nothing in it: no configuration but what is built in.
    pub bare: bool,
}

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    ready: Value,
    data: PathBuf,
    log: PathBuf,
    said: Arc<Mutex<String>>,
    dir: TempDir,
}

impl Daemon {
    /// Starts one and waits until it says that it is ready.
    ///
    /// # Panics
    /// When it does not get ready.
    pub fn start(setup: &Setup) -> Self {
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("no directory: {error}"));
        let data = setup
            .data
            .clone()
            .unwrap_or_else(|| dir.path().join("data"));
        let log = dir.path().join("log");
        let mut command = setup.program.as_deref().map_or_else(trunkline, alone);
        command.args(["serve", "--json"]);
        if setup.bare {
            command.current_dir(dir.path());
        } else {
            let config = configure(dir.path(), setup);
            command.arg("--config").arg(config);
        }
        if !setup.without_dev {
            command.arg("--dev");
        }
        let local = [
            "TRUNKLINE_HTTP",
            "TRUNKLINE_RTC_UDP",
            "TRUNKLINE_SIP_UDP",
            "TRUNKLINE_SIP_TCP",
            "TRUNKLINE_CONSOLE",
        ];
        for name in local {
            command.env(name, "127.0.0.1:0");
        }
        command.env("TRUNKLINE_STORE", data.join("trunkline.db"));
        command.env("TRUNKLINE_RECORDINGS", data.join("recordings"));
        command.env("TRUNKLINE_KEYS_FILE", data.join("keys.yaml"));
        for (name, value) in &setup.env {
            command.env(name, value);
        }
        let mut child = spawn(&mut command, &log);
        let said = Arc::default();
        let Some(ready) = first_line(&mut child, &said) else {
            let _ = child.kill();
            let said = fs::read_to_string(&log).unwrap_or_default();
            panic!("the daemon did not get ready:\n{said}");
        };
        Self {
            child,
            ready,
            data,
            log,
            said,
            dir,
        }
    }

    /// An address that it listens on: `http`, `rtc`, `sip`, `sip_tcp`, `console`.
    ///
    /// # Panics
    /// When it does not listen on that.
    pub fn addr(&self, what: &str) -> String {
        match self.ready.get(what).and_then(Value::as_str) {
            Some(addr) => addr.to_owned(),
            None => panic!("no {what} in {}", self.ready),
        }
    }

    /// The LiveKit URL.
    pub fn url(&self) -> String {
        format!("ws://{}", self.addr("http"))
    }

    /// Where its state is.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Where its configuration is.
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("config")
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it said on standard output so far.
    pub fn said(&self) -> String {
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let _ = kill(
            Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(0)),
            signal,
        );
    }

    /// Ends it with a signal and gives its exit code.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn stop(mut self, signal: Signal) -> Option<i32> {
        self.signal(signal);
        let deadline = Instant::now() + END_LIMIT;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status.code();
            }
            assert!(
                Instant::now() < deadline,
                "it does not end:\n{}",
                self.log()
            );
            #[expect(
                clippy::disallowed_methods,
                reason = "looks at another process, bounded"
            )]
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `livekit.yaml` with some of its text changed.
///
/// # Panics
/// When the file does not have that text.
pub fn livekit_yaml(changes: &[(&str, &str)]) -> (&'static str, String) {
    const NAME: &str = "livekit.yaml";
    let path = root().join("config").join(NAME);
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("no {NAME}: {error}"));
    let changed = changes.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{NAME} does not say {from}");
        text.replace(from, to)
    });
    (NAME, changed)
}

/// The change that lets senders of media in.
pub const WITH_INGRESS: (&str, &str) = (
    "{rtmp_base_url: \"\", whip_base_url: \"\"}",
    "{rtmp_base_url: \"rtmp://127.0.0.1/x\", whip_base_url: \"http://127.0.0.1/w\"}",
);

fn configure(dir: &Path, setup: &Setup) -> PathBuf {
    let config = dir.join("config");
    let copy = || -> std::io::Result<()> {
        fs::create_dir_all(&config)?;
        for entry in fs::read_dir(root().join("config"))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default();
            if setup.without_agent && name == "agent.yaml" {
                continue;
            }
            fs::copy(&path, config.join(name))?;
        }
        for (name, text) in &setup.files {
            fs::write(config.join(name), text)?;
        }
        Ok(())
    };
    copy().unwrap_or_else(|error| panic!("no configuration: {error}"));
    config
}

fn spawn(command: &mut Command, log: &Path) -> Child {
    let log = fs::File::create(log).unwrap_or_else(|error| panic!("no log file: {error}"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("the daemon does not start: {error}"))
}

/// The first line of standard output, which says where it listens. All of it is read, so that the
/// daemon never blocks on it, and kept.
fn first_line(child: &mut Child, said: &Arc<Mutex<String>>) -> Option<Value> {
    let out = child.stdout.take()?;
    let (tell, told) = mpsc::channel();
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.push_str(&line);
            said.push('\n');
            drop(said);
            // Only the first line is waited for.
            let _ = tell.send(line);
        }
    });
    serde_json::from_str(&told.recv_timeout(START_LIMIT).ok()?).ok()
}
