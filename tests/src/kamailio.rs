//! kamailio as a provider: a registrar and a proxy on a free port (`peers/kamailio`).

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::{peer, root};

/// kamailio on a port, until it is dropped. It knows alice, whose password is wonderland.
#[derive(Debug)]
pub struct Kamailio {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    /// Where it takes TLS, if it does.
    secure: Option<u16>,
    process: Option<Child>,
}

impl Kamailio {
    /// Nothing where it is not installed.
    ///
    /// # Panics
    /// In CI where it is missing, and where it does not start.
    pub fn start() -> Option<Self> {
        Self::with(None)
    }

    /// Inside TLS as well, with this certificate and its key.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn secured(certificate: &Path, key: &Path) -> Option<Self> {
        Self::with(Some((certificate, key)))
    }

    fn with(shown: Option<(&Path, &Path)>) -> Option<Self> {
        let program = peer("kamailio")?;
        let port = free_port();
        let secure = shown.map(|_| free_port());
        let written = || -> std::io::Result<TempDir> {
            let folder = tempfile::tempdir()?;
            let config = fs::read_to_string(root().join("peers/kamailio/kamailio.cfg"))?;
            let mut config = config.replace("PORT", &port.to_string());
            if let (Some(secure), Some((certificate, key))) = (secure, shown) {
                config = config
                    .replace("SECURE", &secure.to_string())
                    .replace("CERTIFICATE", &certificate.display().to_string())
                    .replace("KEY", &key.display().to_string());
            }
            fs::write(folder.path().join("kamailio.cfg"), config)?;
            Ok(folder)
        };
        let folder = written().unwrap_or_else(|error| panic!("no configuration: {error}"));
        let mut kamailio = Self {
            program,
            folder,
            port,
            secure,
            process: None,
        };
        kamailio.run();
        Some(kamailio)
    }

    /// Starts it again at its port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn run(&mut self) {
        let folder = self.folder.path();
        let tls: &[&str] = self.secure.map_or(&[], |_| &["-A", "WITH_TLS"]);
        let process = Command::new(&self.program)
            .args(tls)
            .arg("-f")
            .arg(folder.join("kamailio.cfg"))
            .args(["-DD", "-E", "-m", "32", "-M", "4", "-Y"])
            .arg(folder)
            .arg("-P")
            .arg(folder.join("pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("kamailio does not start: {error}"));
        self.process = Some(process);
    }

    /// Ends it, and its children, which a kill would leave.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let pid = Pid::from_raw(i32::try_from(process.id()).unwrap_or(0));
            let _ = kill(pid, Signal::SIGTERM);
            let _ = process.wait();
        }
    }

    /// Its port for TLS; none where it takes none.
    pub fn secure(&self) -> u16 {
        self.secure.unwrap_or_default()
    }

    /// Its port, for UDP and TCP.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// alice's address of record.
    pub fn target(&self) -> String {
        format!("sip:alice@127.0.0.1:{}", self.port)
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port that is free for UDP and TCP alike.
///
/// # Panics
/// When none is.
pub fn free_port() -> u16 {
    let free = (0..100).find_map(|_| {
        let udp = UdpSocket::bind("127.0.0.1:0").ok()?;
        let port = udp.local_addr().ok()?.port();
        TcpListener::bind(("127.0.0.1", port)).ok().map(|_| port)
    });
    free.unwrap_or_else(|| panic!("no port is free"))
}
