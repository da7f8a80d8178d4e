//! Starting a gateway, and the handle to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_rustls::TlsAcceptor;
use tracing::info;
use trunkline_base::class::{Class, Classified};
use trunkline_client::api::{ApiError, LiveKitApiClient};
use trunkline_client::auth::LiveKitAuthManager;
use trunkline_service::listen::{Certificates, Cipher};
use trunkline_service::metrics::{Gauge, set};
use trunkline_service::tasks::Tasks;
use trunkline_sip::endpoint::{Endpoint, EndpointConfig, Limits};
use trunkline_store::Store;

use super::call::{Call, Names, Shared};
use super::config::{GatewayConfig, TlsListen};
use super::datagrams::Datagrams;
use super::desk::{Desk, Directory, Reader, Reload, ServerStore, keep_refusals};
use super::media::Ports;
use super::signalling::{
    Advertised, Arrival, Asking, COMMANDS, Command, Connections, Entrance, INPUT_BYTES, INPUTS,
    Inputs, Parts, Signalling, TlsClients, TlsError, accept, lane, now, read_udp,
};

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
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Bind { .. } => "sip.gateway.bind",
            Self::Url(_) => "sip.gateway.url",
            Self::Tls(_) => "sip.gateway.tls",
            Self::RtpPorts { .. } => "sip.gateway.rtp_ports",
        }
    }
}

/// The SIP gateway.
pub struct Gateway;

impl Gateway {
    /// Binds, starts every task and returns at once; see [`GatewayHandle::ready`].
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        config: GatewayConfig,
        store: Store,
        tasks: Tasks,
    ) -> Result<GatewayHandle, StartError> {
        check_ports(&config)?;
        let udp = bind_udp(config.udp).await?;
        let bound = udp.local_addr().unwrap_or(config.udp);
        let (doors, clients) = Doors::bind(&config, bound, &tasks).await?;
        let (tcp_addr, tls_addr) = (doors.tcp_addr(), doors.tls_addr());
        let auth = LiveKitAuthManager::new(config.keys.clone());
        let server = (config.url.as_str(), &config.transport);
        let api = LiveKitApiClient::with(server, auth.clone(), config.api.clone())
            .map_err(|error| StartError::Url(Box::new(error)))?;
        let stop = tasks.stop();
        let (inputs, incoming) = lane(INPUTS, INPUT_BYTES);
        let (commands, wishes) = mpsc::channel(COMMANDS);
        let (arrivals, calls) = mpsc::channel(ARRIVALS);
        let (notes, noted) = mpsc::channel(NOTES);
        let (reload, reloads) = mpsc::channel(1);
        let (directory_tx, directory) = watch::channel(Arc::new(Directory::default()));
        let (count, counted) = watch::channel(0);
        let mut rng = StdRng::from_os_rng();
        let udp = Arc::new(udp);
        let connections = Connections::new(config.tcp_caps);
        let desk_rng = StdRng::from_os_rng();
        let desk = Desk::new(directory.clone(), config.ask_on_miss, desk_rng, notes);
        let parts = Parts {
            endpoint: Endpoint::new(endpoint_config(&config), rng.random(), now()),
            desk,
            asking: Asking::new(reload.clone()),
            udp: Arc::clone(&udp),
            inputs: incoming,
            for_connections: inputs.clone(),
            connections: connections.clone(),
            tls: Arc::new(clients),
            tasks: tasks.clone(),
            commands: wishes,
            for_calls: commands.clone(),
            arrivals,
            calls: count,
            stop: stop.clone(),
        };
        let (public, local) = (config.public_ip, config.local_networks.clone());
        let advertised = move |bound| Advertised::new(bound, public, local.clone());
        tasks.vital("sip_signalling", Signalling::new(parts).run());
        doors.open(&advertised, &connections, &inputs, &tasks);
        tasks.vital("sip_udp", read_udp(udp, advertised(bound), inputs));
        tasks.session("sip_refusals", keep_refusals(store.clone(), noted));
        let reader = reader(&config, api.clone(), directory_tx);
        tasks.session("sip_directory", reader.keep(reloads, stop.clone()));
        tasks.session("sip_gauge", show(counted.clone()));
        let ports = Ports::new(&config.rtp_ports);
        let (ending, ended) = watch::channel(false);
        let shared = Shared {
            config: Arc::new(config),
            store,
            auth,
            api,
            names: Names::default(),
            ports,
            stop,
            ended,
        };
        tasks.vital("sip_reception", receive(calls, shared, tasks.sound()));
        info!(udp = %bound, tcp = ?tcp_addr, tls = ?tls_addr, "sip gateway listens");
        Ok(GatewayHandle {
            addr: bound,
            tcp_addr,
            tls_addr,
            counted,
            directory,
            reload,
            commands,
            ending,
        })
    }
}

/// A running gateway.
#[derive(Clone)]
pub struct GatewayHandle {
    addr: SocketAddr,
    tcp_addr: Option<SocketAddr>,
    tls_addr: Option<SocketAddr>,
    counted: watch::Receiver<usize>,
    directory: watch::Receiver<Arc<Directory>>,
    reload: mpsc::Sender<Reload>,
    commands: mpsc::Sender<Command>,
    ending: watch::Sender<bool>,
}

/// Why trunks and rules were not read again.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The server refused or is away.
    #[error("trunks and rules cannot be read")]
    Api(#[source] ApiError),
    /// The gateway is gone.
    #[error("gateway is not running")]
    Gone,
}

impl GatewayHandle {
    /// Where SIP over UDP is taken.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where SIP over TCP is taken.
    pub const fn tcp_addr(&self) -> Option<SocketAddr> {
        self.tcp_addr
    }

    /// Where SIP inside TLS is taken.
    pub const fn tls_addr(&self) -> Option<SocketAddr> {
        self.tls_addr
    }

    /// Calls now, in any state.
    pub fn calls(&self) -> usize {
        *self.counted.borrow()
    }

    /// Watches the number of calls.
    pub fn watch_calls(&self) -> watch::Receiver<usize> {
        self.counted.clone()
    }

    /// Waits until there are trunks and rules to go by, our own or the server's; `false` when the
    /// gateway ends first. Until then callers get 503.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn ready(&self) -> bool {
        self.directory
            .clone()
            .wait_for(|directory| directory.loaded)
            .await
            .is_ok()
    }

    /// What is known of the server's trunks and rules, as of now.
    pub fn known_store(&self) -> ServerStore {
        self.directory.borrow().server
    }

    /// Whether there are trunks and rules to go by, our own or the server's.
    pub fn is_ready(&self) -> bool {
        self.directory.borrow().loaded
    }

    /// Reads the server's trunks and rules now.
    ///
    /// # Errors
    /// [`ReloadError`].
    pub async fn reload(&self) -> Result<(), ReloadError> {
        let (answer, answered) = oneshot::channel();
        let asked = self.reload.send_timeout(answer, RELOAD).await;
        asked.map_err(|_| ReloadError::Gone)?;
        let result = answered.await.map_err(|_| ReloadError::Gone)?;
        result.map_err(ReloadError::Api)
    }

    /// Refuses new calls from now on, and waits until those that are up are over.
    ///
    /// # Cancel safety
    /// Safe; the refusing goes on.
    pub async fn drain(&self) {
        // A gateway that is gone refuses everybody anyway.
        let _ = self.commands.send_timeout(Command::Drain, RELOAD).await;
        let _ = self.counted.clone().wait_for(|calls| *calls == 0).await;
    }

    /// Ends every call politely, and waits until they are over.
    pub async fn hang_up(&self) {
        self.ending.send_replace(true);
        let _ = self.counted.clone().wait_for(|calls| *calls == 0).await;
    }
}

fn endpoint_config(config: &GatewayConfig) -> EndpointConfig {
    EndpointConfig {
        limits: Limits {
            calls: config.max_calls,
            invites_per_second: config.invites_per_second,
            strangers_per_second: config.strangers_per_second,
            ..Limits::default()
        },
        strangers: config.strangers,
        scanners: config.scanners.clone(),
        ..EndpointConfig::new(concat!("trunkline/", env!("CARGO_PKG_VERSION")))
    }
}

/// Keeps trunks and rules as the file and the server have them.
fn reader(
    config: &GatewayConfig,
    api: LiveKitApiClient,
    state: watch::Sender<Arc<Directory>>,
) -> Reader {
    Reader {
        api,
        own: config.own.clone(),
        every: config.refresh,
        state,
    }
}

fn check_ports(config: &GatewayConfig) -> Result<(), StartError> {
    let (first, last) = (*config.rtp_ports.start(), *config.rtp_ports.end());
    let even = first.checked_next_multiple_of(2);
    let pair = even
        .and_then(|even| even.checked_add(1))
        .is_some_and(|odd| odd <= last);
    if pair {
        Ok(())
    } else {
        Err(StartError::RtpPorts { first, last })
    }
}

async fn bind_udp(address: SocketAddr) -> Result<Datagrams, StartError> {
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
struct Doors {
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
    async fn bind(
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

    fn tcp_addr(&self) -> Option<SocketAddr> {
        self.tcp.as_ref()?.local_addr().ok()
    }

    fn tls_addr(&self) -> Option<SocketAddr> {
        self.tls.as_ref().map(|door| door.addr)
    }

    fn open(
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
            None => shown.acceptor(Cipher::Bare),
            Some(file) => shown.acceptor_of_known(Cipher::Bare, file).map_err(unfit)?,
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

/// Gives each arrival a task of its own.
async fn receive(mut arrivals: mpsc::Receiver<Arrival>, shared: Shared, tasks: Tasks) {
    while let Some(arrival) = arrivals.recv().await {
        tasks.session("call", Call::run(arrival, shared.clone()));
    }
}

async fn show(mut counted: watch::Receiver<usize>) {
    loop {
        let calls = u32::try_from(*counted.borrow_and_update()).unwrap_or(u32::MAX);
        set(Gauge::CallsActive, f64::from(calls), &[]);
        if counted.changed().await.is_err() {
            return;
        }
    }
}

/// Calls waiting for their task. Filling it means the scheduler stands still.
const ARRIVALS: usize = 256;

/// Refusals waiting for the disk.
const NOTES: usize = 1024;

/// Patience with our own tasks.
const RELOAD: Duration = Duration::from_secs(5);

const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
