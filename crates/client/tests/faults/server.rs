//! A Twirp server that is at fault: it speaks HTTP/1.1 by hand, so that it can stop anywhere, and
//! counts what it did, so that nothing is done twice unseen.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use livekit_protocol as proto;
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, KeyRing};

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Does what is asked and says so.
    Serve,
    /// Does it, and then the answer is lost in this way.
    ServeThen(Loss),
    /// Does nothing, and this happens.
    Lose(Loss),
    /// Does nothing and answers so: status, more headers, body.
    Say(u16, &'static str, &'static str),
    /// Tells that the request is here, waits for leave, and refuses its token.
    RefuseLater(Arc<Gate>),
}

/// Between a test and a server that waits for it.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pub(crate) arrived: Notify,
    pub(crate) go: Notify,
}

/// What LiveKit says of a token that does not hold: plain text, before the call is looked at.
pub(crate) const REFUSED: Act = Act::Say(
    401,
    "Content-Type: text/plain; charset=utf-8\r\n",
    "invalid authorization token: token is expired",
);

/// How an answer gets lost.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    /// Nothing comes.
    Hang,
    /// The connection is reset before the answer.
    Reset,
    /// The connection is reset within the headers.
    MidHeaders,
    /// The connection ends within the body.
    HalfBody,
    /// A proxy's page comes instead.
    Html,
    /// The server says that it is away.
    Away,
}

pub(crate) const AWAY: Act = Act::Say(503, "", r#"{"code":"unavailable","msg":"no response"}"#);

impl Loss {
    pub(crate) const ALL: [Self; 6] = [
        Self::Hang,
        Self::Reset,
        Self::MidHeaders,
        Self::HalfBody,
        Self::Html,
        Self::Away,
    ];
}

#[derive(Default)]
struct Script {
    /// In order; then `Serve`.
    acts: Mutex<VecDeque<Act>>,
    /// What was done: method and request, with how often.
    done: Mutex<BTreeMap<(String, Vec<u8>), u32>>,
    asked: Mutex<Vec<String>>,
    keys: Mutex<Option<KeyRing>>,
}

/// The server; it ends with this.
pub(crate) struct Server {
    pub(crate) url: String,
    script: Arc<Script>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Script {
            acts: Mutex::new(acts.into_iter().collect()),
            ..Script::default()
        });
        let shared = Arc::clone(&script);
        #[expect(clippy::disallowed_methods, reason = "aborted with the server")]
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { url, script, task }
    }

    /// From now on tokens are looked at, and only these keys are good.
    pub(crate) fn accept_only(&self, keys: KeyRing) {
        *self.script.keys.lock().unwrap() = Some(keys);
    }

    /// Does this with the next requests.
    pub(crate) fn then(&self, acts: impl IntoIterator<Item = Act>) {
        self.script.acts.lock().unwrap().extend(acts);
    }

    /// Methods asked for, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.script.asked.lock().unwrap().clone()
    }

    /// How often each different thing was done.
    pub(crate) fn done(&self) -> Vec<u32> {
        self.script.done.lock().unwrap().values().copied().collect()
    }

    /// Things that were done more than once. Reads do nothing and are all alike.
    pub(crate) fn done_twice(&self) -> usize {
        let done = self.script.done.lock().unwrap();
        let twice = |((method, _), times): &(&(String, Vec<u8>), &u32)| {
            method != "ListRooms" && **times > 1
        };
        done.iter().filter(twice).count()
    }
}

struct Asked {
    method: String,
    token: String,
    body: Vec<u8>,
}

async fn serve(mut stream: TcpStream, script: Arc<Script>) {
    let mut buffer = Vec::new();
    while let Some(asked) = read(&mut stream, &mut buffer).await {
        script.asked.lock().unwrap().push(asked.method.clone());
        let answer = decide(&script, &asked);
        if !carry_out(&mut stream, answer, &asked, &script).await {
            return;
        }
    }
}

fn decide(script: &Script, asked: &Asked) -> Act {
    let keys = script.keys.lock().unwrap().clone();
    let now = UnixTime::from_system(SystemTime::now());
    if keys.is_some_and(|keys| keys.verify(&asked.token, now).is_err()) {
        return REFUSED;
    }
    let act = script.acts.lock().unwrap().pop_front();
    act.unwrap_or(Act::Serve)
}

/// Whether the connection goes on.
async fn carry_out(stream: &mut TcpStream, act: Act, asked: &Asked, script: &Script) -> bool {
    match act {
        Act::Serve => {
            let body = execute(script, asked);
            say(stream, 200, "", &body).await
        }
        Act::Say(status, headers, body) => say(stream, status, headers, body.as_bytes()).await,
        Act::ServeThen(loss) => {
            execute(script, asked);
            lose(stream, loss).await
        }
        Act::Lose(loss) => lose(stream, loss).await,
        Act::RefuseLater(gate) => {
            gate.arrived.notify_one();
            gate.go.notified().await;
            Box::pin(carry_out(stream, REFUSED, asked, script)).await
        }
    }
}

/// Does what is asked. What carries a nonce is done once, as LiveKit's rooms do it.
fn execute(script: &Script, asked: &Asked) -> Vec<u8> {
    let mut done = script.done.lock().unwrap();
    let times = done
        .entry((asked.method.clone(), asked.body.clone()))
        .or_default();
    let is_repeat = *times > 0;
    if asked.method != "SendData" || !is_repeat {
        *times += 1;
    }
    match asked.method.as_str() {
        "ListRooms" => proto::ListRoomsResponse::default().encode_to_vec(),
        _ => Vec::new(),
    }
}

async fn say(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8]) -> bool {
    let date = httpdate::fmt_http_date(SystemTime::now());
    let head = format!(
        "HTTP/1.1 {status} X\r\nDate: {date}\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    let whole = [head.as_bytes(), body].concat();
    stream.write_all(&whole).await.is_ok()
}

async fn lose(stream: &mut TcpStream, loss: Loss) -> bool {
    let html = b"<html><body>502 Bad Gateway</body></html>";
    match loss {
        Loss::Hang => std::future::pending().await,
        Loss::Away => {
            let body = br#"{"code":"unavailable","msg":"no response from servers"}"#;
            return say(stream, 503, "", body).await;
        }
        Loss::Html => return say(stream, 502, "Content-Type: text/html\r\n", html).await,
        Loss::Reset => {}
        Loss::MidHeaders => drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Le").await),
        Loss::HalfBody => {
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf";
            drop(stream.write_all(head).await);
        }
    }
    // Gone at once, with whatever is on its way.
    drop(socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO)));
    false
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Asked> {
    loop {
        if let Some(asked) = parse(buffer) {
            return Some(asked);
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// Takes one whole request off the buffer.
fn parse(buffer: &mut Vec<u8>) -> Option<Asked> {
    let end = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
    let header = |name: &str| {
        let line = head
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let length: usize = header("content-length").map_or(0, |text| text.parse().unwrap());
    if buffer.len() < end + length {
        return None;
    }
    let path = head.split(' ').nth(1)?;
    let asked = Asked {
        method: path.rsplit('/').next()?.to_owned(),
        token: header("authorization")?.strip_prefix("Bearer ")?.to_owned(),
        body: buffer[end..end + length].to_vec(),
    };
    buffer.drain(..end + length);
    Some(asked)
}

pub(crate) fn key(id: &str) -> ApiKey {
    ApiKey::new(id, format!("{id}-secret-of-at-least-thirty-two-bytes"))
}
