//! Strangers at a real socket, with clocks that are short.

mod slow;
mod tls;

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Extension;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::routing::{any, get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use trunkline_base::plain::PlainText;

use super::*;

/// Long enough for a busy machine to answer in, short enough to wait for.
const CLOCK: Duration = Duration::from_millis(300);

fn clocks() -> Clocks {
    Clocks {
        head: CLOCK,
        body: CLOCK,
        idle: CLOCK,
        write: CLOCK,
        silent: 5 * CLOCK,
    }
}

fn short() -> Door {
    Door {
        clocks: clocks(),
        ..Door::default()
    }
}

struct World {
    addr: SocketAddr,
    tasks: Tasks,
}

impl World {
    async fn with(door: Door) -> Self {
        let tasks = Tasks::new();
        let listener = door
            .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let addr = listener.local_addr();
        tasks.vital("test", listener.serve(service(), tasks.clone()));
        Self { addr, tasks }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    /// Says something and gives all that comes back until the other end closes.
    async fn say(&self, words: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(words).await.unwrap();
        rest(&mut stream).await
    }
}

/// All that comes until the other end closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut got = Vec::new();
    // A reset is an end, too.
    let _ended = stream.read_to_end(&mut got).await;
    String::from_utf8_lossy(&got).into_owned()
}

/// The next bytes that come, or nothing at the end.
async fn next(stream: &mut TcpStream) -> String {
    let mut got = [0; 4096];
    let length = stream.read(&mut got).await.unwrap_or(0);
    String::from_utf8_lossy(&got[..length]).into_owned()
}

fn service() -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route("/token", post(async || StatusCode::UNAUTHORIZED))
        .route("/body", post(async |body: Bytes| body.len().to_string()))
        .route(
            "/known",
            get(async |Extension(connection): Extension<Connection>| {
                connection.known();
                "known"
            }),
        )
        .route(
            "/ws",
            any(async |upgrade: WebSocketUpgrade| {
                upgrade.on_upgrade(async |mut socket| {
                    // Quiet for longer than any clock.
                    tokio::time::sleep(3 * CLOCK).await;
                    let _ = socket.send(Message::Text("still here".into())).await;
                    while let Some(Ok(_)) = socket.recv().await {}
                })
            }),
        )
}

#[test]
fn a_port_that_others_reach_needs_a_certificate_or_a_name() {
    let open = SocketAddr::from(([0, 0, 0, 0], 7880));
    let own = SocketAddr::from(([127, 0, 0, 1], 7880));
    let text = Door::default().judge(open).unwrap_err().to_string();
    for word in [
        "0.0.0.0:7880",
        "transport.tls",
        "transport.proxies",
        "127.0.0.1",
    ] {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    assert!(Door::default().judge(own).is_ok());
    let proxies = Proxies::new(["10.0.0.5/32".parse().unwrap()]);
    let behind = Door {
        proxies,
        ..Door::default()
    };
    assert!(behind.judge(open).is_ok());
    // A host that may be spoken to says nothing of who may come.
    let mut plain = PlainText::none();
    plain.allow("livekit").unwrap();
    let door = |plain: &PlainText| Door {
        plain: plain.clone(),
        ..Door::default()
    };
    assert!(door(&plain).judge(open).is_err());
    plain.allow("172.17.0.0/16").unwrap();
    assert!(door(&plain).judge(open).is_ok());
}

#[test]
fn plain_text_comes_from_this_machine_and_from_those_named() {
    let mut plain = PlainText::none();
    plain.allow("172.17.0.0/16").unwrap();
    let door = Door {
        plain,
        proxies: Proxies::new(["10.0.0.5/32".parse().unwrap()]),
        ..Door::default()
    };
    let takes = |peer: &str| {
        let peer = format!("{peer}:4000").parse().unwrap();
        door.takes_plain(peer, "192.0.2.1:7880".parse().unwrap())
    };
    for peer in ["127.0.0.1", "[::1]", "192.0.2.1", "172.17.0.3", "10.0.0.5"] {
        assert!(takes(peer), "{peer}");
    }
    for peer in ["192.0.2.2", "10.0.0.6", "[2001:db8::1]"] {
        assert!(!takes(peer), "{peer}");
    }
}
