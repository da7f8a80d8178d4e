//! What a node is told at start, and what it refuses.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use livekit_protocol as proto;
use trunkline_base::class::{Class, Classified};
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_rtc::Seed;
use trunkline_service::listen::{Door, Exposed};

use crate::ingress::IngressConfig;
use crate::room::{self, Limits, RoomDefaults};
use crate::webhook::WebhookConfig;

/// Settings of a node. [`NodeConfig::new`] gives the official defaults.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// HTTP and WebSocket. Port 0 takes any.
    pub http: SocketAddr,
    /// The one media port. Port 0 takes any.
    pub rtc_udp: SocketAddr,
    /// Addresses offered to clients for media; the media socket's own when empty.
    pub node_ips: Vec<IpAddr>,
    /// Who may come in over HTTP, and how.
    pub door: Door,
    /// The first key signs, all verify.
    pub keys: KeyRing,
    /// Development: well-known keys are allowed and only loopback is served.
    pub dev: bool,
    pub region: String,
    pub rooms: RoomDefaults,
    pub limits: Limits,
    pub webhooks: WebhookConfig,
    /// Room configurations that CreateRoom and tokens may name.
    pub presets: BTreeMap<String, proto::RoomConfiguration>,
    pub ingress: IngressConfig,
    /// Ids and ICE passwords are drawn from it; from the system's generator when absent.
    pub seed: Option<Seed>,
}

impl NodeConfig {
    /// A node with these addresses and keys.
    pub fn new(http: SocketAddr, rtc_udp: SocketAddr, keys: KeyRing) -> Self {
        Self {
            http,
            rtc_udp,
            node_ips: Vec::new(),
            door: Door::default(),
            keys,
            dev: false,
            region: String::new(),
            rooms: RoomDefaults::default(),
            limits: Limits::default(),
            webhooks: WebhookConfig::default(),
            presets: BTreeMap::new(),
            ingress: IngressConfig::default(),
            seed: None,
        }
    }

    /// The development node: LiveKit's well-known key pair and ports, on loopback.
    pub fn dev() -> Self {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let http = SocketAddr::new(loopback, HTTP_PORT);
        let udp = SocketAddr::new(loopback, UDP_PORT);
        let keys = KeyRing::from(ApiKey::new(DEV_KEY, DEV_SECRET));
        Self {
            dev: true,
            ..Self::new(http, udp, keys)
        }
    }

    /// The same with any free ports, for tests and tools.
    #[must_use]
    pub fn with_free_ports(mut self) -> Self {
        self.http.set_port(0);
        self.rtc_udp.set_port(0);
        self
    }

    /// What must hold before anything is bound.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        if self.dev {
            let open = [self.http, self.rtc_udp]
                .into_iter()
                .find(|a| !a.ip().is_loopback());
            return open.map_or(Ok(()), |addr| Err(StartError::DevNotLoopback { addr }));
        }
        let known = self.keys.find(DEV_KEY);
        if known.is_some_and(|key| key.secret().expose() == DEV_SECRET) {
            return Err(StartError::DevKeys);
        }
        self.door.judge(self.http)?;
        Ok(())
    }
}

/// Why a node did not start. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "development mode serves this machine only, but {addr} is to be bound; bind 127.0.0.1, \
         or leave development mode and set API keys of your own"
    )]
    DevNotLoopback { addr: SocketAddr },
    #[error(
        "the key pair devkey/secret is known to everybody; set an API key of your own, or use \
         --dev on this machine"
    )]
    DevKeys,
    #[error(
        "port {port} of {ip} ({what}) is in use; stop the program that uses it or choose another \
         port", port = addr.port(), ip = addr.ip()
    )]
    PortBusy {
        addr: SocketAddr,
        what: &'static str,
    },
    #[error("cannot bind {addr} ({what}); check that the address belongs to this machine")]
    Bind {
        addr: SocketAddr,
        what: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error("HTTP of the node: {0}")]
    Exposed(#[from] Exposed),
    #[error(transparent)]
    WebhookKey(#[from] crate::webhook::UnknownKey),
}

impl StartError {
    pub(crate) fn bind(addr: SocketAddr, what: &'static str, source: std::io::Error) -> Self {
        match source.kind() {
            std::io::ErrorKind::AddrInUse => Self::PortBusy { addr, what },
            _ => Self::Bind { addr, what, source },
        }
    }
}

impl From<room::StartError> for StartError {
    fn from(error: room::StartError) -> Self {
        match error {
            room::StartError::Bind { addr, source } => Self::bind(addr, "media, UDP", source),
        }
    }
}

impl Classified for StartError {
    fn class(&self) -> Class {
        match self {
            Self::DevNotLoopback { .. }
            | Self::DevKeys
            | Self::Exposed(_)
            | Self::WebhookKey(_) => Class::Invalid,
            Self::PortBusy { .. } => Class::Conflict,
            Self::Bind { .. } => Class::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::DevNotLoopback { .. } => "node.start.dev_not_loopback",
            Self::DevKeys => "node.start.dev_keys",
            Self::PortBusy { .. } => "node.start.port_busy",
            Self::Bind { .. } => "node.start.bind",
            Self::Exposed(error) => error.code(),
            Self::WebhookKey(_) => "node.start.webhook_key",
        }
    }
}

/// LiveKit's port for HTTP and WebSocket.
pub const HTTP_PORT: u16 = 7880;
/// LiveKit's development port for media.
pub const UDP_PORT: u16 = 7882;
const DEV_KEY: &str = "devkey";
const DEV_SECRET: &str = "secret";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_stays_on_this_machine() {
        let mut config = NodeConfig::dev();
        assert!(config.check().is_ok());
        config.http = SocketAddr::from(([0, 0, 0, 0], 7880));
        let text = config.check().unwrap_err().to_string();
        assert!(
            text.contains("0.0.0.0:7880") && text.contains("127.0.0.1"),
            "{text}"
        );
    }

    #[test]
    fn well_known_keys_need_development_mode() {
        let config = NodeConfig {
            dev: false,
            ..NodeConfig::dev()
        };
        assert!(matches!(config.check(), Err(StartError::DevKeys)));
        let keys = KeyRing::from(ApiKey::new("devkey", "a secret of one's own"));
        assert!(NodeConfig { keys, ..config }.check().is_ok());
    }

    #[test]
    fn a_node_that_others_reach_wants_a_certificate() {
        let keys = KeyRing::from(ApiKey::new("APIown", "a secret of one's own"));
        let everywhere = SocketAddr::from(([0, 0, 0, 0], 7880));
        let config = NodeConfig::new(everywhere, everywhere, keys);
        let text = config.check().unwrap_err().to_string();
        assert!(text.contains("transport.tls"), "{text}");
    }

    #[test]
    fn a_busy_port_is_named_with_the_remedy() {
        let addr = SocketAddr::from(([127, 0, 0, 1], 7880));
        let busy = std::io::Error::from(std::io::ErrorKind::AddrInUse);
        let text = StartError::bind(addr, "HTTP", busy).to_string();
        assert!(
            text.starts_with("port 7880 of 127.0.0.1 (HTTP) is in use"),
            "{text}"
        );
        assert!(text.contains("choose another port"));
    }
}
