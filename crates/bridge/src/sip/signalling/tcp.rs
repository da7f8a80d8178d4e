//! Connections in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tracing::debug;
use trunkline_service::metrics::{Counter, count};
use trunkline_service::tasks::Tasks;
use trunkline_sip::endpoint::{Flow, Transport};
use trunkline_sip::message::{Framed, Framer};

use super::super::datagrams::told;
use super::Input;
use super::udp::Advertised;

/// Takes connections until signalling is gone.
pub(crate) async fn accept_tcp(
    listener: TcpListener,
    mut advertised: Advertised,
    inputs: mpsc::Sender<Input>,
    tasks: Tasks,
) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            biased;
            () = inputs.closed() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, remote) = match accepted {
            Ok((stream, remote)) => (stream, told(remote)),
            Err(error) => {
                // Out of descriptors, mostly: give connections time to end.
                debug!(%error, "accepting failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
            count(Counter::SipDropped, 1, &[("reason", "connections")]);
            continue;
        };
        let local = advertised.towards(remote);
        let inputs = inputs.clone();
        tasks.session("sip_connection", async move {
            serve(stream, local, remote, inputs).await;
            drop(permit);
        });
    }
}

async fn serve(
    mut stream: TcpStream,
    local: SocketAddr,
    remote: SocketAddr,
    inputs: mpsc::Sender<Input>,
) {
    let flow = Flow {
        transport: Transport::Tcp,
        local,
        remote,
    };
    let (writer, mut outgoing) = mpsc::channel::<Bytes>(WRITES);
    if inputs.send(Input::Opened { flow, writer }).await.is_err() {
        return;
    }
    // Small messages, each waited for.
    let _ = stream.set_nodelay(true);
    let mut framer = Framer::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = tokio::select! {
            biased;
            () = inputs.closed() => break,
            Some(bytes) = outgoing.recv() => {
                if write(&mut stream, &bytes).await { continue }
                break;
            }
            read = stream.read(&mut buffer) => match read {
                Ok(length) if length > 0 => length,
                _ => break,
            },
            () = tokio::time::sleep(IDLE) => break,
        };
        framer.push(buffer.get(..length).unwrap_or_default());
        if !deliver(&mut framer, flow, &inputs, &mut stream).await {
            break;
        }
    }
    let _ = inputs.send(Input::Closed { flow }).await;
}

/// Hands on every whole message; `false` when the stream is useless.
async fn deliver(
    framer: &mut Framer,
    flow: Flow,
    inputs: &mpsc::Sender<Input>,
    stream: &mut TcpStream,
) -> bool {
    loop {
        match framer.take() {
            Ok(Some(Framed::Message(bytes))) => {
                // Waiting here is the back pressure a stream can bear.
                if inputs.send(Input::Message { flow, bytes }).await.is_err() {
                    return false;
                }
            }
            Ok(Some(Framed::Ping)) => {
                if !write(stream, b"\r\n").await {
                    return false;
                }
            }
            Ok(None) => return true,
            Err(error) => {
                debug!(%error, "closing a connection");
                count(Counter::SipDropped, 1, &[("reason", "framing")]);
                return false;
            }
        }
    }
}

async fn write(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    matches!(
        tokio::time::timeout(WRITE, stream.write_all(bytes)).await,
        Ok(Ok(()))
    )
}

/// Connections at the same time. Trunks use a handful; each costs 80 kB at most.
const MAX_CONNECTIONS: usize = 512;

/// Messages waiting for one connection. Filling it means the peer does not read.
const WRITES: usize = 64;

/// A peer that does not read for this long is gone.
const WRITE: Duration = Duration::from_secs(5);

/// Longer than a call's longest quiet: session refreshes come at half an hour at the latest.
const IDLE: Duration = Duration::from_secs(3600);
