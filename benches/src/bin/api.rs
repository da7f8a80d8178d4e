//! The API client against a bare HTTP client, call by call, and a node under load.
//!
//! Prints one JSON document. The server is a node in a process of its own, or any LiveKit server:
//! `api [--url URL --key KEY --secret SECRET [--pid PID]]`; with its process id, its use of the
//! processor is read too. The rooms this makes are named `bench-…` and are deleted.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use livekit_protocol as proto;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use trunkline_base::id::RoomName;
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_benches::{Figures, usage};
use trunkline_client::api::{ApiOptions, LiveKitApiClient, Plain};
use trunkline_client::auth::{ApiGrant, LiveKitAuthManager, Scope};
use trunkline_client::url::ServerUrl;
use trunkline_node::{Node, NodeConfig};
use trunkline_service::tasks::Tasks;
use trunkline_store::Store;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Blocks of calls, each client's in turn, so that what else the machine does meets both alike.
const BLOCKS: usize = 40;
const BLOCK: usize = 50;
/// Rooms made and deleted at once.
const TOGETHER: usize = 1000;
/// Callers, and how long, for the node's throughput.
const CALLERS: usize = 32;
const LOAD: Duration = Duration::from_secs(4);

/// Where the server is, and its process.
struct Server {
    url: String,
    key: String,
    secret: String,
    pid: Option<u32>,
    child: Option<Child>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

// One thread, whose processor time the kernel counts to the nanosecond.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "--node") {
        return node().await;
    }
    let server = server(&args)?;
    let few = rooms(&server, 1).await?;
    let one = overhead(&server).await?;
    clear(&server, few).await?;
    let many = rooms(&server, 1000).await?;
    let thousand = overhead(&server).await?;
    clear(&server, many).await?;
    let report = json!({
        "list_rooms_of_1": one,
        "list_rooms_of_1000": thousand,
        "create_and_delete_1000_at_once": {
            "http1": together(&server, Plain::Http1).await?,
            "http2": together(&server, Plain::Http2).await?,
        },
        "node": load(&server).await?,
    });
    show(&format!("{report:#}"));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the report of a measurement")]
fn show(text: &str) {
    println!("{text}");
}

/// The other process: a node until its standard input ends.
async fn node() -> Result<(), Error> {
    let tasks = Tasks::new();
    let store = Store::open(":memory:").await?;
    let config = NodeConfig::dev().with_free_ports();
    let node = Node::start(config, store, tasks).await?;
    show(&node.url());
    let input = || std::io::stdin().read(&mut [0; 1]);
    tokio::task::spawn_blocking(input).await??;
    Ok(())
}

fn server(args: &[String]) -> Result<Server, Error> {
    let flag = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1).cloned()
    };
    if let Some(url) = flag("--url") {
        return Ok(Server {
            url,
            key: flag("--key").ok_or("--key is missing")?,
            secret: flag("--secret").ok_or("--secret is missing")?,
            pid: flag("--pid").map(|pid| pid.parse()).transpose()?,
            child: None,
        });
    }
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--node")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut url = String::new();
    let output = child.stdout.take().ok_or("no output")?;
    BufReader::new(output).read_line(&mut url)?;
    Ok(Server {
        url: url.trim().to_owned(),
        key: "devkey".to_owned(),
        secret: "secret".to_owned(),
        pid: Some(child.id()),
        child: Some(child),
    })
}

impl Server {
    fn auth(&self) -> LiveKitAuthManager {
        let key = ApiKey::new(self.key.as_str(), self.secret.as_str());
        LiveKitAuthManager::new(KeyRing::from(key))
    }

    fn client(&self, plain: Plain) -> Result<LiveKitApiClient, Error> {
        let mut options = ApiOptions::default();
        options.connections.plain = plain;
        options.connections.idle_per_host = TOGETHER;
        options.deadline = Duration::from_secs(60);
        Ok(LiveKitApiClient::with(&self.url, self.auth(), options)?)
    }

    fn cpu(&self) -> Option<Duration> {
        Some(usage(self.pid?)?.cpu)
    }
}

async fn rooms(server: &Server, count: usize) -> Result<Vec<RoomName>, Error> {
    let client = server.client(Plain::Http1)?;
    let mut names = Vec::new();
    for number in 0..count {
        let name = format!("bench-list-{number}");
        let request = proto::CreateRoomRequest {
            name: name.clone(),
            empty_timeout: 600,
            metadata: r#"{"tenant":"bench"}"#.to_owned(),
            ..Default::default()
        };
        client.create_room(request).await?;
        names.push(RoomName::parse(name)?);
    }
    Ok(names)
}

async fn clear(server: &Server, rooms: Vec<RoomName>) -> Result<(), Error> {
    let client = server.client(Plain::Http1)?;
    for room in rooms {
        client.delete_room(&room).await?;
    }
    Ok(())
}

/// What one client's calls took.
#[derive(Default)]
struct Took {
    wall_us: Vec<f64>,
    cpu: Duration,
}

impl Took {
    fn to_json(&self) -> Value {
        let wall: Figures = self.wall_us.iter().copied().collect();
        json!({
            "calls": wall.count(),
            "p50_us": wall.percentile(50),
            "p99_us": wall.percentile(99),
            "cpu_us_per_call": per_call(self.cpu, wall.count()),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of calls")]
fn per_call(cpu: Duration, calls: usize) -> f64 {
    cpu.as_secs_f64() * 1e6 / calls.max(1) as f64
}

/// The same list asked for by a bare client with everything prepared, by a bare client that also
/// reads what came, and by ours.
async fn overhead(server: &Server) -> Result<Value, Error> {
    let ours = server.client(Plain::Http1)?;
    let bare = Bare::new(server)?;
    let mut took: [Took; 3] = Default::default();
    for block in 0..=BLOCKS {
        for (number, took) in took.iter_mut().enumerate() {
            let cpu = thread_cpu()?;
            for _ in 0..BLOCK {
                let began = Instant::now();
                match number {
                    0 => drop(bare.call().await?),
                    1 => drop(proto::ListRoomsResponse::decode(bare.call().await?)?),
                    _ => drop(ours.list_rooms(&[]).await?),
                }
                took.wall_us.push(began.elapsed().as_secs_f64() * 1e6);
            }
            took.cpu += thread_cpu()?.saturating_sub(cpu);
            // The first block warms up.
            if block == 0 {
                *took = Took::default();
            }
        }
    }
    let [bytes, decoded, ours] = &took;
    Ok(json!({
        "bare": bytes.to_json(),
        "bare_and_decoded": decoded.to_json(),
        "ours": ours.to_json(),
        "overhead_percent_of_p50": percent(ours, decoded, median),
        "overhead_percent_of_cpu": percent(ours, decoded, |took| took.cpu.as_secs_f64()),
        "overhead_percent_of_p50_with_decoding": percent(ours, bytes, median),
    }))
}

fn median(took: &Took) -> f64 {
    let wall: Figures = took.wall_us.iter().copied().collect();
    wall.percentile(50).unwrap_or(f64::NAN)
}

fn percent(ours: &Took, bare: &Took, of: impl Fn(&Took) -> f64) -> f64 {
    (of(ours) / of(bare) - 1.0) * 100.0
}

/// Processor time of this thread, which runs everything here.
fn thread_cpu() -> Result<Duration, Error> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(Duration::from_nanos(nanos))
}

/// A bare HTTP client with a prepared address, token and body.
struct Bare {
    http: reqwest::Client,
    url: reqwest::Url,
    bearer: reqwest::header::HeaderValue,
    body: Bytes,
}

impl Bare {
    fn new(server: &Server) -> Result<Self, Error> {
        let url = ServerUrl::parse(&server.url)?;
        let token = server.auth().mint_api(ApiGrant::RoomList, Scope::SERVER)?;
        Ok(Self {
            http: reqwest::Client::builder().tls_certs_only([]).build()?,
            url: reqwest::Url::parse(&url.http("/twirp/livekit.RoomService/ListRooms"))?,
            bearer: format!("Bearer {}", token.expose()).try_into()?,
            body: proto::ListRoomsRequest::default().encode_to_vec().into(),
        })
    }

    async fn call(&self) -> Result<Bytes, Error> {
        let request = self
            .http
            .post(self.url.clone())
            .header("Authorization", self.bearer.clone())
            .header("Content-Type", "application/protobuf")
            .body(self.body.clone());
        Ok(request.send().await?.error_for_status()?.bytes().await?)
    }
}

/// A thousand rooms made at once, then deleted at once.
async fn together(server: &Server, plain: Plain) -> Result<Value, Error> {
    let client = server.client(plain)?;
    let create = at_once(&client, |client, room| async move {
        let request = proto::CreateRoomRequest {
            name: room.to_string(),
            ..Default::default()
        };
        client.create_room(request).await.is_ok()
    });
    let create = create.await?;
    let delete = at_once(&client, |client, room| async move {
        client.delete_room(&room).await.is_ok()
    });
    Ok(json!({ "create": create, "delete": delete.await? }))
}

async fn at_once<F>(
    client: &LiveKitApiClient,
    call: impl Fn(LiveKitApiClient, RoomName) -> F,
) -> Result<Value, Error>
where
    F: Future<Output = bool> + Send + 'static,
{
    let mut calls = JoinSet::new();
    for number in 0..TOGETHER {
        let room = RoomName::parse(format!("bench-{number}"))?;
        let call = call(client.clone(), room);
        calls.spawn(async move {
            let began = Instant::now();
            (call.await, began.elapsed().as_secs_f64() * 1e3)
        });
    }
    let ended = calls.join_all().await;
    let errors = ended.iter().filter(|(ok, _)| !ok).count();
    let wall: Figures = ended.iter().map(|(_, ms)| *ms).collect();
    Ok(json!({
        "errors": errors,
        "p50_ms": wall.percentile(50),
        "p99_ms": wall.percentile(99),
    }))
}

/// As many calls as the server answers, from a few callers, and what they cost it.
async fn load(server: &Server) -> Result<Value, Error> {
    let client = server.client(Plain::Http1)?;
    let before = server.cpu();
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let client = client.clone();
        callers.spawn(async move {
            let mut calls = 0_usize;
            while began.elapsed() < LOAD {
                calls += usize::from(client.list_rooms(&[]).await.is_ok());
            }
            calls
        });
    }
    let calls: usize = callers.join_all().await.into_iter().sum();
    let wall = began.elapsed().as_secs_f64();
    let cpu = server
        .cpu()
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before));
    Ok(json!({
        "calls": calls,
        "calls_per_second": rate(calls, wall),
        "cores_used": cpu.map(|cpu| cpu.as_secs_f64() / wall),
        "calls_per_second_and_core": cpu.map(|cpu| rate(calls, cpu.as_secs_f64())),
    }))
}

#[expect(clippy::cast_precision_loss, reason = "a count of calls")]
fn rate(calls: usize, seconds: f64) -> f64 {
    calls as f64 / seconds
}
