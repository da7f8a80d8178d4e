//! Where SIP comes in: sockets, certificates, and why they cannot be had.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use trunkline_base::class::{Class, Classified};
use trunkline_service::listen::{Certificates, Cipher};
use trunkline_service::tasks::Tasks;
use trunkline_store::StoreError;

use super::config::{GatewayConfig, TlsListen};
use super::datagrams::Datagrams;
use super::signalling::{Advertised, Connections, Entrance, Inputs, TlsClients, TlsError, accept};
use super::ways::Bound;

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A socket could not be bound.
    #[error("cannot listen for sip over {transport} on {address}")]
    Bind {
        /// `udp`, `tcp` or `tls`.
        transport: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The server's address is no address.
    #[error("livekit url is not valid")]
    Url(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// TLS cannot be set up.
    #[error("sip over tls cannot be set up: {0}")]
    Tls(#[source] Box<TlsError>),
    /// What was dialled and spent before cannot be read.
    #[error("what was dialled before cannot be read from the store")]
    Store(#[from] StoreError),
    /// The RTP port range holds no pair.
    #[error("rtp port range {first}-{last} holds no pair of ports")]
    RtpPorts {
        /// First port.
        first: u16,
        /// Last port.
        last: u16,
    },
}

impl Classified for StartError {
    fn class(&self) -> Class {
        match self {
            Self::Bind { .. } => Class::Unavailable,
            Self::Url(_) | Self::Tls(_) | Self::RtpPorts { .. } => Class::Invalid,
            Self::Store(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Bind { .. } => "sip.gateway.bind",
            Self::Url(_) => "sip.gateway.url",
            Self::Tls(_) => "sip.gateway.tls",
            Self::RtpPorts { .. } => "sip.gateway.rtp_ports",
            Self::Store(error) => error.code(),
        }
    }
}

/// Where datagrams come in.
pub(super) async fn bind_udp(address: SocketAddr) -> Result<Datagrams, StartError> {
    let socket = Datagrams::bind(address)
        .await
        .map_err(|source| StartError::Bind {
            transport: "udp",
            address,
            source,
        })?;
    // A burst of calls must fit while the task is busy; the kernel caps what it does not allow.
    let _ = socket2::SockRef::from(socket.socket()).set_recv_buffer_size(RECEIVE_BUFFER);
    Ok(socket)
}

/// With port 0, TCP takes the port UDP got: phones try the same one for both.
async fn bind_tcp(
    config: &GatewayConfig,
    udp: SocketAddr,
) -> Result<Option<TcpListener>, StartError> {
    let Some(mut address) = config.tcp else {
        return Ok(None);
    };
    if address.port() == 0 {
        address.set_port(udp.port());
        if let Ok(listener) = TcpListener::bind(address).await {
            return Ok(Some(listener));
        }
        address.set_port(0);
    }
    let bound = TcpListener::bind(address).await;
    bound.map(Some).map_err(|source| StartError::Bind {
        transport: "tcp",
        address,
        source,
    })
}

/// Where connections come in.
pub(super) struct Doors {
    /// The UDP port's address is told to those who come over TCP.
    udp: SocketAddr,
    tcp: Option<TcpListener>,
    tls: Option<TlsDoor>,
}

struct TlsDoor {
    listener: TcpListener,
    addr: SocketAddr,
    acceptor: TlsAcceptor,
}

impl Doors {
    /// Reads certificates, follows their files, and binds.
    pub(super) async fn bind(
        config: &GatewayConfig,
        udp: SocketAddr,
        tasks: &Tasks,
    ) -> Result<(Self, TlsClients), StartError> {
        let mut followed = Vec::new();
        let tls = match &config.tls.listen {
            None => None,
            Some(listen) => {
                let (door, shown) = TlsDoor::bind(listen).await?;
                followed.push(shown);
                Some(door)
            }
        };
        let (clients, own) = TlsClients::new(&config.tls.peers, followed.first())
            .map_err(|error| StartError::Tls(Box::new(error)))?;
        followed.extend(own);
        let tcp = bind_tcp(config, udp).await?;
        for certificate in followed {
            tasks.session("sip_certificate", certificate.follow(tasks.stop()));
        }
        Ok((Self { udp, tcp, tls }, clients))
    }

    /// Where SIP is taken.
    pub(super) fn places(&self) -> Bound {
        let tcp = self.tcp.as_ref();
        Bound {
            udp: self.udp,
            tcp: tcp.and_then(|listener| listener.local_addr().ok()),
            tls: self.tls.as_ref().map(|door| door.addr),
        }
    }

    pub(super) fn open(
        self,
        advertised: &impl Fn(SocketAddr) -> Advertised,
        connections: &Connections,
        inputs: &Inputs,
        tasks: &Tasks,
    ) {
        let serve = |entrance| accept(entrance, connections.clone(), inputs.clone(), tasks.clone());
        if let Some(listener) = self.tcp {
            let entrance = Entrance {
                listener,
                advertised: advertised(self.udp),
                tls: None,
            };
            tasks.vital("sip_tcp", serve(entrance));
        }
        if let Some(door) = self.tls {
            let entrance = Entrance {
                listener: door.listener,
                advertised: advertised(door.addr),
                tls: Some(door.acceptor),
            };
            tasks.vital("sip_tls", serve(entrance));
        }
    }
}

impl TlsDoor {
    async fn bind(listen: &TlsListen) -> Result<(Self, Certificates), StartError> {
        let unfit = |error| StartError::Tls(Box::new(TlsError::Certificate(error)));
        let shown = Certificates::load(listen.certificate.clone()).map_err(unfit)?;
        let acceptor = match &listen.client_authorities {
            None => shown.acceptor(Cipher::Sip),
            Some(file) => shown.acceptor_of_known(Cipher::Sip, file).map_err(unfit)?,
        };
        let address = listen.address;
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|source| StartError::Bind {
            transport: "tls",
            address,
            source,
        })?;
        let door = Self {
            addr: listener.local_addr().unwrap_or(address),
            listener,
            acceptor,
        };
        Ok((door, shown))
    }
}

const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
