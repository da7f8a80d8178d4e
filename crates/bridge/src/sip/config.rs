//! What a gateway and a caller are told at start.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use livekit_protocol as proto;
use tokio::sync::mpsc;
use trunkline_base::dialling::DialPolicy;
use trunkline_base::id::{CallId, RoomName};
use trunkline_base::secret::Secret;
use trunkline_base::token::KeyRing;
use trunkline_base::wire::Wire;
use trunkline_client::api::ApiOptions;
use trunkline_client::url::TransportRules;
use trunkline_service::listen::CertificateFiles;
use trunkline_sip::digest::Login;
use trunkline_sip::endpoint::{SCANNERS, Strangers, Transport};
use trunkline_sip::locate::Means;
use trunkline_sip::message::NameAddr;
use trunkline_sip::registration::{Settings, made_contact_user};
use trunkline_sip::routing::{InboundTrunk, NumberingPlan, mark};
use trunkline_sip::sdp::{Codec, Encryption};
use trunkline_sip::uri::{Params, Uri};
use trunkline_store::Direction;

use super::load::LoadLimits;
use super::peer_key::Pin;
use super::seal::JournalKey;

/// How hard Opus works on a caller's voice where nobody says. Less than a third of the work of 5, and
/// no worse to the ear where nothing is lost on the way to the listener: `docs/sip.md`.
pub const OPUS_COMPLEXITY: u8 = 0;

/// A gateway's settings. [`GatewayConfig::new`] fills in what most machines want.
#[derive(Clone)]
pub struct GatewayConfig {
    /// Where SIP over UDP is taken; port 0 picks one.
    pub udp: SocketAddr,
    /// Where SIP over TCP is taken; `None` is no TCP. Port 0 follows the UDP port if it is free.
    pub tcp: Option<SocketAddr>,
    /// SIP inside TLS.
    pub tls: TlsOptions,
    /// The address phones can reach us at, for Contact and SDP. `None` is the bound one, or the
    /// address of the interface that leads to the caller when bound to all.
    pub public_ip: Option<IpAddr>,
    /// A STUN server, as `host:port`, that is asked for that address where none is given.
    pub stun: Option<String>,
    /// From where phones reach us at the address we are bound to, whatever `public_ip` is.
    pub local_networks: Vec<IpNet>,
    /// DNS servers for names of providers; none means the system's.
    pub dns: Vec<SocketAddr>,
    /// Ports for RTP.
    pub rtp_ports: RangeInclusive<u16>,
    /// The LiveKit server, such as `ws://127.0.0.1:7880`.
    pub url: String,
    /// On which a server in this process is reached past the system's network.
    pub wire: Wire,
    /// By which rules it may be spoken to.
    pub transport: Arc<TransportRules>,
    /// How calls to its API behave.
    pub api: ApiOptions,
    /// The server's keys.
    pub keys: KeyRing,
    /// When an inbound call is answered.
    pub answer: AnswerPolicy,
    /// How long a caller waits for somebody to be in the room; nobody rings on in vain.
    pub agent_wait: Duration,
    /// How long a caller who is asked for a PIN may be silent.
    pub pin_wait: Duration,
    /// How long a caller may ring when the trunk does not say.
    pub ringing_timeout: Duration,
    /// How long a call may last when the trunk does not say.
    pub max_call_duration: Duration,
    /// End a call after this much silence on the wire.
    pub media_timeout: Duration,
    /// End a call that has been on hold for this long. Until then silence ends no held call.
    pub hold_limit: Duration,
    /// How long a call may stand without a sign of life; `None` asks for none.
    pub session_timer: Option<Duration>,
    /// Calls at the same time; more are refused with 503.
    pub max_calls: usize,
    /// INVITEs per second from one address; short bursts of twice as many pass.
    pub invites_per_second: u32,
    /// Requests per second from all whom no trunk knows; more get no answer.
    pub strangers_per_second: u32,
    /// What those get to hear.
    pub strangers: Strangers,
    /// Parts of the names of scanners, who get to hear nothing.
    pub scanners: Vec<String>,
    /// TCP connections at the same time, and from one address.
    pub tcp_caps: TcpCaps,
    /// How often trunks and rules are read again.
    pub refresh: Duration,
    /// Trunks and rules of the gateway's own, beside those that the server keeps.
    pub own: OwnSetup,
    /// What the gateway knows of trunks that LiveKit's messages have no place for.
    pub lines: Vec<TrunkLine>,
    /// Whose phones may pass their calls on.
    pub referrers: Vec<Referrer>,
    /// The same of trunks that calls go out by.
    pub lines_out: Vec<LineOut>,
    /// Ask the server again before a caller for whom nothing is found is refused: for servers that
    /// tell no changes.
    pub ask_on_miss: bool,
    /// Told of the room of each call that is in it.
    pub joined: Option<mpsc::Sender<RoomName>>,
    /// Told of what becomes of each call, once that is on its way into the store.
    pub news: Option<mpsc::Sender<CallNews>>,
    /// What may be dialled.
    pub dialling: DialPolicy,
    /// Codecs in order of preference.
    pub codecs: Vec<Codec>,
    /// How hard Opus works on a voice: 0, the least, to 10.
    pub opus_complexity: u8,
    /// Whether media is encrypted, where neither trunk nor rule says.
    pub encryption: Encryption,
    /// What is kept of what went over the wire.
    pub capture: Capture,
    /// From where on the machine is full.
    pub limits: LoadLimits,
    /// How calls outlive this process; `None`: they do not.
    pub journal: Option<JournalOptions>,
}

/// How calls outlive a process that is killed.
#[derive(Clone)]
pub struct JournalOptions {
    /// What the journal in the store is sealed with.
    pub key: JournalKey,
    /// A call that nobody was there for longer than this does not go on.
    pub within: Duration,
}

impl GatewayConfig {
    /// Defaults for a gateway beside its LiveKit server.
    pub fn new(url: impl Into<String>, keys: KeyRing) -> Self {
        Self {
            udp: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5060)),
            tcp: Some(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5060))),
            tls: TlsOptions::default(),
            public_ip: None,
            stun: None,
            local_networks: Vec::new(),
            dns: Vec::new(),
            rtp_ports: 10_000..=20_000,
            url: url.into(),
            wire: Wire::default(),
            transport: Arc::default(),
            api: ApiOptions::default(),
            keys,
            answer: AnswerPolicy::OnAgent,
            agent_wait: Duration::from_secs(20),
            pin_wait: Duration::from_secs(15),
            ringing_timeout: Duration::from_secs(60),
            max_call_duration: Duration::from_secs(24 * 3600),
            media_timeout: Duration::from_secs(30),
            hold_limit: Duration::from_secs(30 * 60),
            session_timer: Some(Duration::from_secs(30 * 60)),
            max_calls: 1000,
            invites_per_second: 50,
            strangers_per_second: 200,
            strangers: Strangers::default(),
            scanners: SCANNERS.iter().map(|&name| name.to_owned()).collect(),
            tcp_caps: TcpCaps::default(),
            refresh: Duration::from_secs(30),
            own: OwnSetup::default(),
            lines: Vec::new(),
            referrers: Vec::new(),
            lines_out: Vec::new(),
            ask_on_miss: false,
            joined: None,
            news: None,
            dialling: DialPolicy::default(),
            codecs: Codec::ALL.to_vec(),
            opus_complexity: OPUS_COMPLEXITY,
            encryption: Encryption::default(),
            capture: Capture::default(),
            limits: LoadLimits::default(),
            journal: None,
        }
    }

    /// Which ways out the sockets give.
    pub(crate) fn means(&self) -> Means {
        let tcp = self.tcp.map(|_| Transport::Tcp);
        let all = [Some(Transport::Udp), tcp, Some(Transport::Tls)];
        let bound = self.udp.ip();
        Means {
            transports: all.into_iter().flatten().collect(),
            v4: bound.is_ipv4() || bound.is_unspecified(),
            v6: bound.is_ipv6(),
        }
    }
}

/// Trunks and rules that a gateway has without a server's help. They stand before the server's. An
/// entry of the server with the metadata of one of these is the same one, and gives it its id.
#[derive(Clone, Debug, Default)]
pub struct OwnSetup {
    /// Trunks, each with an id and with metadata of its own.
    pub trunks: Vec<proto::SipInboundTrunkInfo>,
    /// Rules, which name those ids.
    pub rules: Vec<proto::SipDispatchRuleInfo>,
}

impl OwnSetup {
    pub(crate) const fn is_empty(&self) -> bool {
        self.trunks.is_empty() && self.rules.is_empty()
    }
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallNews {
    /// It rings.
    Started(CallId),
    Answered(CallId),
    /// It is over, answered or not.
    Ended(CallId),
}

/// What is kept of what went over the wire in each call, and who else is told. Secrets are covered
/// before.
#[derive(Clone, Debug)]
pub struct Capture {
    /// SIP messages go into the store.
    pub sip: bool,
    /// They are told to a HEP collector.
    pub homer: Option<Homer>,
    /// Sound goes into files, packet by packet.
    pub sound: Option<SoundCapture>,
}

impl Default for Capture {
    fn default() -> Self {
        Self {
            sip: true,
            homer: None,
            sound: None,
        }
    }
}

/// How much of each call's sound is kept, and where. These are voices.
#[derive(Clone, Debug)]
pub struct SoundCapture {
    /// So long from its beginning.
    pub first: Duration,
    /// A folder with a file of pcap for each call, `CALL.1.pcap`.
    pub folder: PathBuf,
}

/// A collector that takes HEP3 over UDP.
#[derive(Clone, Debug)]
pub struct Homer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Our number there.
    pub id: u32,
    /// What it knows us by; empty where it asks for nothing.
    pub password: Secret<String>,
}

/// SIP inside TLS: how we take it, and how we go to others.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// Where it is taken, and with which certificate.
    pub listen: Option<TlsListen>,
    /// Peers of whom more is known than that the machine's CAs vouch for them.
    pub peers: Vec<TlsPeer>,
}

/// Where TLS is taken.
#[derive(Clone, Debug)]
pub struct TlsListen {
    /// The port; 0 picks one.
    pub address: SocketAddr,
    /// What we show. It is taken up anew when the files change.
    pub certificate: CertificateFiles,
    /// CAs of those who may connect; `None` is everybody.
    pub client_authorities: Option<PathBuf>,
}

/// Somebody whom we connect to inside TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPeer {
    /// The name that trunks give it, which its certificate has to have.
    pub host: String,
    /// CAs that may vouch for it, or its own certificate, in place of the machine's CAs.
    pub authorities: Option<PathBuf>,
    /// What we show there, in place of the listener's.
    pub certificate: Option<CertificateFiles>,
    /// Keys of which its certificate has to have one; none: any that is believed.
    pub pins: Vec<Pin>,
}

/// What belongs to a trunk and has no place in LiveKit's messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkLine {
    /// The trunk's key, which its mark names at every server.
    pub key: String,
    /// How its numbers are written.
    pub plan: NumberingPlan,
    /// Do we believe what it says of the caller?
    pub is_trusted: bool,
    /// Where it wants us registered.
    pub register: Option<Register>,
}

impl TrunkLine {
    /// Writes down what it says of a trunk, if it is about this one. Of two lines the later counts,
    /// but one that registers keeps the trunk shut.
    pub(crate) fn tell(&self, trunk: &mut InboundTrunk) {
        if mark::key(&trunk.metadata).as_ref() == Some(&self.key) {
            trunk.registers |= self.register.is_some();
            trunk.plan = self.plan.clone();
            trunk.is_trusted = self.is_trusted;
        }
    }
}

/// A trunk whose phones may pass their calls on by REFER, and where those go then.
#[derive(Clone, Debug, PartialEq)]
pub struct Referrer {
    /// Which way the trunk's calls go.
    pub direction: Direction,
    /// The trunk's key.
    pub key: String,
    /// The outbound trunk that is dialled over, under its mark and the id that its calls are counted by.
    pub over: proto::SipOutboundTrunkInfo,
}

/// What belongs to a trunk that calls go out by, and has no place in LiveKit's messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineOut {
    /// The trunk's key, which its mark names at every server.
    pub key: String,
    /// A proxy that calls pass first.
    pub proxy: Option<Uri>,
}

impl LineOut {
    /// Is it about this trunk?
    pub(crate) fn is_of(&self, metadata: &str) -> bool {
        mark::key(metadata).as_ref() == Some(&self.key)
    }
}

/// The proxy as a route: requests pass it, and it is not asked to take the place of whom they are for.
pub(crate) fn route(proxy: &Uri) -> NameAddr {
    let mut proxy = proxy.clone();
    proxy.params.set("lr", None);
    NameAddr::new(proxy)
}

/// A registration to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The trunk's key.
    pub key: String,
    /// The registrar.
    pub registrar: Uri,
    /// User name, of the address and of the login.
    pub username: String,
    /// Password.
    pub password: Secret<String>,
    /// Domain of our address there, where it is not the registrar.
    pub domain: Option<String>,
    /// How long to ask for.
    pub expires: Duration,
    /// User part of our contact; one that is hard to mistake is made where none is given.
    pub contact_user: Option<String>,
    /// A proxy before the registrar.
    pub proxy: Option<Uri>,
    /// How often to keep the way open; zero is never.
    pub keep_alive: Duration,
}

impl Register {
    /// The same after each start: the registrar would call contacts of before as well.
    pub(crate) fn contact_user(&self) -> String {
        let (key, username) = (&self.key, &self.username);
        let made = || made_contact_user(&[key, &self.registrar.host, username]);
        self.contact_user.clone().unwrap_or_else(made)
    }

    /// Where requests go first.
    pub(crate) fn first_hop(&self) -> &Uri {
        self.proxy.as_ref().unwrap_or(&self.registrar)
    }

    pub(crate) fn settings(&self, is_fixed: bool) -> Settings {
        let mut aor = Uri {
            user: Uri::sip(Some(&self.username), SocketAddr::from(([0; 4], 0))).user,
            port: None,
            params: Params::default(),
            ..self.registrar.clone()
        };
        if let Some(domain) = &self.domain {
            aor.host.clone_from(domain);
        }
        let proxy = self.proxy.as_ref().map(route);
        Settings {
            registrar: self.registrar.clone(),
            aor,
            login: Login {
                username: self.username.clone(),
                password: self.password.clone(),
            },
            expires: self.expires,
            contact_user: self.contact_user(),
            routes: proxy.into_iter().collect(),
            keep_alive: self.keep_alive,
            is_fixed,
        }
    }
}

/// How many TCP connections may be open.
#[derive(Clone, Copy, Debug)]
pub struct TcpCaps {
    /// In all. A quarter is kept for those whom a trunk names.
    pub all: usize,
    /// From one address.
    pub per_source: usize,
}

impl Default for TcpCaps {
    /// Trunks use a handful; each costs 80 kB at most, and 256 kB more where the peer does not read.
    fn default() -> Self {
        Self {
            all: 512,
            per_source: 64,
        }
    }
}

/// When an inbound call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerPolicy {
    /// When somebody's audio is heard in the room; until then the caller rings.
    OnAgent,
    /// As soon as the room is joined.
    OnRoom,
}

/// A call to place with [`super::Caller`].
#[derive(Clone, Debug)]
pub struct CallerOptions {
    /// Whom to call, such as `sip:100@127.0.0.1:5060`.
    pub target: String,
    /// User part of From.
    pub from: String,
    /// Local address; port 0 picks one.
    pub bind: SocketAddr,
    /// The codec to offer.
    pub codec: Codec,
    /// Login for a challenge, as user and password.
    pub login: Option<(String, Secret<String>)>,
    /// Give up ringing after this long.
    pub ring_limit: Duration,
}

impl CallerOptions {
    /// A call over loopback in PCMU.
    pub fn new(target: impl Into<String>, from: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            from: from.into(),
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            codec: Codec::Pcmu,
            login: None,
            ring_limit: Duration::from_secs(60),
        }
    }
}
