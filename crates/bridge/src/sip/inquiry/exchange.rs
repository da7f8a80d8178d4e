//! One question and what comes back, over UDP, TCP or TLS.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use trunkline_sip::endpoint::Transport;
use trunkline_sip::locate::Target;
use trunkline_sip::message::{Framed, Framer, MAX_MESSAGE};

use super::super::signalling::Identity;
use super::error::InquiryError;

/// The first repeat over UDP; each further one waits twice as long (RFC 3261 17.1.2).
const T1: Duration = Duration::from_millis(500);

pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// A way to the other side.
pub(super) enum Line {
    Datagrams {
        socket: UdpSocket,
        patience: Duration,
    },
    Stream {
        stream: Box<dyn Duplex>,
        local: SocketAddr,
        framer: Framer,
    },
}

impl Line {
    pub(super) async fn open(
        target: &Target,
        from: Option<IpAddr>,
        identity: &Identity,
    ) -> Result<Self, InquiryError> {
        if target.transport == Transport::Udp {
            let any: IpAddr = match target.address {
                SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            };
            let from = from.filter(|ip| ip.is_ipv4() == any.is_ipv4());
            let socket = UdpSocket::bind((from.unwrap_or(any), 0)).await?;
            // Connected, it hears of a port where nobody listens, and knows its own address.
            socket.connect(target.address).await?;
            return Ok(Self::Datagrams {
                socket,
                patience: T1,
            });
        }
        let tcp = TcpStream::connect(target.address).await?;
        let local = tcp.local_addr()?;
        let stream: Box<dyn Duplex> = if target.transport == Transport::Tls {
            let met = identity.meet(tcp, target.address).await;
            Box::new(met.map_err(InquiryError::Tls)?.0)
        } else {
            Box::new(tcp)
        };
        Ok(Self::Stream {
            stream,
            local,
            framer: Framer::new(),
        })
    }

    /// Our address on it.
    pub(super) fn local(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Datagrams { socket, .. } => socket.local_addr(),
            Self::Stream { local, .. } => Ok(*local),
        }
    }

    pub(super) async fn send(&mut self, question: &[u8]) -> io::Result<()> {
        match self {
            Self::Datagrams { socket, .. } => socket.send(question).await.map(drop),
            Self::Stream { stream, .. } => stream.write_all(question).await,
        }
    }

    /// The next message; what was asked is asked again while nothing comes.
    pub(super) async fn receive(&mut self, question: &[u8]) -> Result<Bytes, InquiryError> {
        match self {
            Self::Datagrams { socket, patience } => {
                let mut buffer = vec![0; MAX_MESSAGE];
                loop {
                    match timeout(*patience, socket.recv(&mut buffer)).await {
                        Ok(length) => {
                            buffer.truncate(length?);
                            return Ok(buffer.into());
                        }
                        Err(_) => {
                            *patience *= 2;
                            socket.send(question).await?;
                        }
                    }
                }
            }
            Self::Stream { stream, framer, .. } => loop {
                match framer.take().map_err(|_| InquiryError::NotSip)? {
                    Some(Framed::Message(message)) => return Ok(message),
                    Some(Framed::Ping | Framed::Skipped) => continue,
                    None => {}
                }
                let mut buffer = [0; 4096];
                let length = stream.read(&mut buffer).await?;
                if length == 0 {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                }
                framer.push(buffer.get(..length).unwrap_or_default());
            },
        }
    }
}
