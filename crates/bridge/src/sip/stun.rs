//! Questions to a STUN server: where it sees a port of ours, and whether what others send comes in there.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;
use trunkline_sip::stun::{Id, binding, binding_from_elsewhere, has_elsewhere, mapped};

/// A port of ours, seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenPort {
    /// Where the server sees it.
    pub at: SocketAddr,
    /// Whether what an address sends that we never spoke to comes in; nothing where the server has no
    /// second address to try it from.
    pub open_to_others: Option<bool>,
}

/// Why a STUN server says nothing.
#[derive(Debug, thiserror::Error)]
pub enum StunError {
    /// Its name leads nowhere, or the network there says no.
    #[error("cannot be reached")]
    Network(#[from] std::io::Error),
    /// Its addresses are of another family than ours.
    #[error("it has no address that ours can reach")]
    Family,
    /// Nothing came back.
    #[error("no answer")]
    Silent,
}

impl SeenPort {
    /// Asks the server at `host:port` from a port of ours, which must be free.
    ///
    /// # Errors
    /// [`StunError`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn ask(server: &str, from: SocketAddr) -> Result<Self, StunError> {
        let (socket, server) = open(server, from).await?;
        let id = rand::random();
        let here = |sender: SocketAddr| sender == server;
        let question = (&binding(id)[..], id);
        let answer = exchange(&socket, server, question, here).await?;
        let answer = answer.ok_or(StunError::Silent)?;
        let at = mapped(&answer, id).ok_or(StunError::Silent)?;
        let open_to_others = if has_elsewhere(&answer, id) {
            let id = rand::random();
            let question = (&binding_from_elsewhere(id)[..], id);
            let elsewhere = |sender: SocketAddr| sender.ip() != server.ip();
            let answer = exchange(&socket, server, question, elsewhere).await?;
            Some(answer.is_some())
        } else {
            None
        };
        Ok(Self { at, open_to_others })
    }
}

/// Where the server sees an address of ours.
pub(super) async fn seen(server: &str, from: SocketAddr) -> Result<SocketAddr, StunError> {
    let (socket, server) = open(server, from).await?;
    // Connected, it hears of a port where nobody listens.
    socket.connect(server).await?;
    let id = rand::random();
    let question = (&binding(id)[..], id);
    let answer = exchange(&socket, server, question, |sender| sender == server).await?;
    let at = answer.and_then(|answer| mapped(&answer, id));
    at.ok_or(StunError::Silent)
}

async fn open(server: &str, from: SocketAddr) -> Result<(UdpSocket, SocketAddr), StunError> {
    let hosts = timeout(PATIENCE, lookup_host(server)).await;
    let mut hosts = hosts.map_err(|_| StunError::Silent)??;
    let reaches = |server: &SocketAddr| from.is_ipv6() == server.is_ipv6();
    let server = hosts.find(reaches).ok_or(StunError::Family)?;
    Ok((UdpSocket::bind(from).await?, server))
}

/// What answers the question, from somebody who may; nothing where nobody does.
async fn exchange(
    socket: &UdpSocket,
    server: SocketAddr,
    (question, id): (&[u8], Id),
    may_answer: impl Fn(SocketAddr) -> bool,
) -> Result<Option<Vec<u8>>, StunError> {
    let mut buffer = [0; 1500];
    for wait in TRIES {
        socket.send_to(question, server).await?;
        let answered = timeout(wait, async {
            loop {
                let (length, sender) = socket.recv_from(&mut buffer).await?;
                let message = buffer.get(..length).unwrap_or_default();
                // Anybody can send anything to a port.
                if may_answer(sender) && mapped(message, id).is_some() {
                    return Ok::<_, std::io::Error>(message.to_vec());
                }
            }
        });
        if let Ok(answer) = answered.await {
            return Ok(Some(answer?));
        }
    }
    Ok(None)
}

/// A lost question is asked again (RFC 8489 6.2.1), and a start waits no longer than for all of them.
const TRIES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(1500),
];

/// For the server's name.
const PATIENCE: Duration = Duration::from_secs(2);
