//! LiveKit's own servers, which do the same work: Redis, livekit-server and livekit/sip
//! (`peers/livekit`), on free ports of this machine.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use livekit_protocol as proto;
use proto::sip_dispatch_rule::Rule;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use trunkline_client::api::{ApiError, LiveKitApiClient};
use trunkline_client::url::UrlError;
use trunkline_tests::{free_port, root};

use super::{ROOMS, Stack, keys};

/// Until a program takes connections.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks whether it does.
const LOOK: Duration = Duration::from_millis(50);

pub(super) struct Upstream {
    name: String,
    /// Who needs others stands before them, and ends first.
    programs: Vec<Program>,
    ports: Ports,
    _folder: TempDir,
}

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotUp {
    #[error("{program} does not start: {source}")]
    Start { program: String, source: io::Error },
    #[error("{program} does not get ready; it said:\n{said}")]
    Silent { program: String, said: String },
    #[error("its files cannot be written: {0}")]
    Files(#[from] io::Error),
    #[error(transparent)]
    Address(#[from] UrlError),
    #[error("trunk and rule are not taken: {0}")]
    Api(#[from] Box<ApiError>),
}

struct Ports {
    redis: u16,
    rooms: u16,
    /// ICE over TCP, which is offered as it ships.
    ice: u16,
    sip: u16,
    health: u16,
}

impl Upstream {
    pub(super) async fn start(programs: &Path) -> Result<Self, NotUp> {
        let folder = tempfile::tempdir()?;
        let ports = Ports {
            redis: free_port(),
            rooms: free_port(),
            ice: free_port(),
            sip: free_port(),
            health: free_port(),
        };
        let mut redis = Command::new("redis-server");
        redis
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &ports.redis.to_string(), "--dir"])
            .arg(folder.path());
        let redis = Program::start(redis, folder.path())?;
        redis.ready(|| connects(ports.redis)).await?;
        let rooms = livekit(programs, "livekit-server", &ports, folder.path())?;
        let rooms = Program::start(rooms, folder.path())?;
        rooms.ready(|| healthy(ports.rooms)).await?;
        open_to_calls(ports.rooms).await?;
        let sip = livekit(programs, "livekit-sip", &ports, folder.path())?;
        let sip = Program::start(sip, folder.path())?;
        sip.ready(|| healthy(ports.health)).await?;
        Ok(Self {
            name: "livekit-server, livekit-sip and redis-server".to_owned(),
            programs: vec![sip, rooms, redis],
            ports,
            _folder: folder,
        })
    }
}

impl Stack for Upstream {
    fn name(&self) -> &str {
        &self.name
    }

    fn sip(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.sip))
    }

    fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.ports.rooms)
    }

    fn processes(&self) -> Vec<u32> {
        let all = self.programs.iter();
        all.map(|program| program.process.id()).collect()
    }

    fn answers_alone(&self) -> bool {
        false
    }

    fn refusal(&self) -> u16 {
        400
    }

    fn exposition(&self) -> Option<String> {
        None
    }
}

/// A process and what it says; ended when dropped.
struct Program {
    process: Child,
    name: String,
    log: PathBuf,
}

impl Program {
    fn start(mut command: Command, folder: &Path) -> Result<Self, NotUp> {
        let path = Path::new(command.get_program());
        let name = path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let log = folder.join(&name).with_extension("log");
        let said = File::create(&log)?;
        // Whatever else is set here is not meant for these servers.
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("LIVEKIT_") {
                command.env_remove(variable);
            }
        }
        command
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said);
        match command.spawn() {
            Ok(process) => Ok(Self { process, name, log }),
            Err(source) => {
                let program = command.get_program().to_string_lossy().into_owned();
                Err(NotUp::Start { program, source })
            }
        }
    }

    async fn ready<R: Future<Output = bool>>(&self, is: impl Fn() -> R) -> Result<(), NotUp> {
        let end = Instant::now() + PATIENCE;
        while !is().await {
            if Instant::now() > end {
                return Err(NotUp::Silent {
                    program: self.name.clone(),
                    said: fs::read_to_string(&self.log).unwrap_or_default(),
                });
            }
            sleep(LOOK).await;
        }
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One of LiveKit's, with its file of `peers/livekit`.
fn livekit(programs: &Path, name: &str, ports: &Ports, folder: &Path) -> io::Result<Command> {
    let file = format!("{name}.yaml");
    let mut text = fs::read_to_string(root().join("peers/livekit").join(&file))?;
    for (word, port) in [
        ("REDIS_PORT", ports.redis),
        ("ROOMS_PORT", ports.rooms),
        ("ICE_PORT", ports.ice),
        ("SIP_PORT", ports.sip),
        ("HEALTH_PORT", ports.health),
    ] {
        text = text.replace(word, &port.to_string());
    }
    let config = folder.join(file);
    fs::write(&config, text)?;
    let mut command = Command::new(programs.join(name));
    command.arg("--config").arg(config);
    Ok(command)
}

/// The trunk and the rule that our own gateway has from its file.
async fn open_to_calls(port: u16) -> Result<(), NotUp> {
    let api = LiveKitApiClient::new(format!("http://127.0.0.1:{port}").as_str(), keys())?;
    let trunk = proto::SipInboundTrunkInfo {
        name: "Phones".to_owned(),
        allowed_addresses: vec!["127.0.0.0/8".to_owned()],
        ..proto::SipInboundTrunkInfo::default()
    };
    let trunk = api.create_inbound_trunk(trunk).await.map_err(Box::new)?;
    let callee = proto::SipDispatchRuleCallee {
        room_prefix: ROOMS.to_owned(),
        ..proto::SipDispatchRuleCallee::default()
    };
    let rule = proto::SipDispatchRuleInfo {
        name: "One room a number".to_owned(),
        trunk_ids: vec![trunk.sip_trunk_id],
        rule: Some(proto::SipDispatchRule {
            rule: Some(Rule::DispatchRuleCallee(callee)),
        }),
        ..proto::SipDispatchRuleInfo::default()
    };
    api.create_dispatch_rule(rule).await.map_err(Box::new)?;
    Ok(())
}

async fn connects(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}

/// Whether it serves. A busy machine does not keep it from that (429).
async fn healthy(port: u16) -> bool {
    let answer = reqwest::get(format!("http://127.0.0.1:{port}/")).await;
    answer.is_ok_and(|answer| matches!(answer.status().as_u16(), 200 | 429))
}
