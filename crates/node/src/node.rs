//! Assembly: one HTTP port, one media port, the rooms and everything that watches them.

use std::net::SocketAddr;
use std::sync::Arc;

use livekit_protocol as proto;
use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::{broadcast, mpsc};
use trunkline_base::class::Classified;
use trunkline_base::here::at_home;
use trunkline_base::id::NodeId;
use trunkline_base::wire::Wire;
use trunkline_rtc::Seed;
use trunkline_service::tasks::{Phase, Stop, Tasks};
use trunkline_store::Store;

use crate::config::{NodeConfig, StartError};
use crate::dispatch::RoomRecords;
use crate::dispatch::{Dispatcher, Owner, Surroundings};
use crate::egress::{self, EgressOrder, Egresses};
use crate::http::{self, Http};
use crate::ingress::Ingresses;
use crate::room::{self, Rooms, RoomsConfig};
use crate::signal;
use crate::sip::{Changes, Connected, Lines, SipChanged, SipSetup};
use crate::twirp::Api;
use crate::webhook::{CallHooks, Notifier, Webhooks};

/// A LiveKit server in this process.
#[derive(Debug)]
pub struct Node;

impl Node {
    /// Binds the ports and starts serving. When this returns, clients may connect.
    ///
    /// # Errors
    /// Unsafe keys or addresses, a port that is taken, an unknown webhook key.
    pub async fn start(
        config: NodeConfig,
        store: Store,
        tasks: Tasks,
    ) -> Result<NodeHandle, StartError> {
        config.check()?;
        let mut rng = config
            .seed
            .map_or_else(StdRng::from_os_rng, StdRng::from_seed);
        let node_id = String::from(NodeId::generate(&mut rng));
        let (webhooks, notifier) =
            Notifier::new(config.webhooks.clone(), &config.keys, store.clone())?;
        let bind = |source| StartError::bind(config.http, "HTTP", source);
        let listener = config.door.clone().bind(config.http).await.map_err(bind)?;
        let http_addr = listener.local_addr();

        let (notices, noticed) = mpsc::channel(NOTICES);
        let rooms_config = rooms_config(&config, node_id.clone(), rng.random());
        let wire = rooms_config.wire.clone();
        let (rooms, udp_addr) = room::start(rooms_config, notices, &tasks)?;
        let around = Surroundings {
            rooms: rooms.clone(),
            webhooks: webhooks.clone(),
            keys: config.keys.clone(),
            seed: rng.random(),
        };
        let (dispatcher, records, owner) = Owner::new(around, store.clone());
        tasks.vital("webhooks", notifier.run(tasks.stop()));
        tasks.vital("dispatch", owner.run(noticed, tasks.stop()));

        reopen(&records, &rooms).await;
        let (recordings, remembering) = egress::Chronicle::new(store.clone());
        tasks.vital("egress memory", remembering.run(tasks.stop()));
        let egresses = Egresses::new(store.clone());
        let sip = SipSetup::new(store.clone(), config.limits);
        let sip_changes = sip.changes().clone();
        let sip_lines = sip.lines().clone();
        let api = Api {
            rooms: rooms.clone(),
            dispatcher: dispatcher.clone(),
            sip,
            egress: egresses.clone(),
            ingress: Ingresses::new(store, config.ingress.clone()),
            records,
            limits: config.limits,
            auto_create: config.rooms.auto_create,
        };
        let http = Http {
            api,
            keys: config.keys,
            server: signal::describe::server_info(&config.region, &node_id),
            auto_create: config.rooms.auto_create,
            tasks: tasks.clone(),
            stop: tasks.stop(),
        };
        // Serves until the hurry: while the process drains, clients in a room still need their API.
        tasks.vital("http", listener.serve(http::service(http), tasks.clone()));
        tracing::info!(http = %http_addr, media = %udp_addr, node = node_id, "node started");
        Ok(NodeHandle {
            http_addr,
            has_certificate: config.door.tls.is_some(),
            udp_addr,
            rooms,
            dispatcher,
            webhooks,
            egresses,
            recordings,
            sip_changes,
            sip_lines,
            wire,
            stop: tasks.stop(),
        })
    }
}

/// A running node. Clones are cheap; dropping one changes nothing.
#[derive(Debug, Clone)]
pub struct NodeHandle {
    http_addr: SocketAddr,
    has_certificate: bool,
    udp_addr: SocketAddr,
    rooms: Rooms,
    dispatcher: Dispatcher,
    webhooks: Webhooks,
    egresses: Egresses,
    recordings: mpsc::Sender<proto::EgressInfo>,
    sip_changes: Changes,
    sip_lines: Connected,
    wire: Wire,
    stop: Stop,
}

impl NodeHandle {
    /// Where HTTP and WebSocket are served.
    pub const fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    /// Where media is exchanged.
    pub const fn udp_addr(&self) -> SocketAddr {
        self.udp_addr
    }

    /// The URL clients in this process use.
    pub fn url(&self) -> String {
        format!("ws://{}", at_home(self.http_addr))
    }

    /// Where others reach it: as [`Self::url`], but by its certificate where it has one.
    pub fn public_url(&self) -> String {
        let scheme = if self.has_certificate { "wss" } else { "ws" };
        format!("{scheme}://{}", self.http_addr)
    }

    /// On which participants in this process reach the rooms without the system's network.
    pub const fn wire(&self) -> &Wire {
        &self.wire
    }

    /// The door to the rooms.
    pub const fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// Agent workers connected now.
    pub async fn workers(&self) -> usize {
        self.dispatcher.workers().await
    }

    /// Tells the webhook receivers and listeners of something that happened outside the rooms,
    /// such as a recording. Id and time are filled in where they are missing. What a recording
    /// says of itself is remembered, and listed by the API.
    pub fn notify(&self, event: proto::WebhookEvent) {
        if let Some(info) = &event.egress_info
            && self.recordings.try_send(info.clone()).is_err()
        {
            tracing::warn!(
                egress = info.egress_id,
                "news of a recording is not remembered"
            );
        }
        self.webhooks.notify(event);
    }

    /// What tells the webhook receivers of calls.
    pub fn call_hooks(&self) -> CallHooks {
        CallHooks::of(self.webhooks.clone())
    }

    /// What the API asks of the recorder, for the first who takes it: whoever does can carry out
    /// what it is asked. Until then the API answers that there is no recorder.
    pub fn take_egress_orders(&self) -> Option<mpsc::Receiver<EgressOrder>> {
        self.egresses.take_orders()
    }

    /// Changes of trunks and rules, for the first who takes them: the API answers whoever makes
    /// one once it is dropped.
    pub fn take_sip_changes(&self) -> Option<mpsc::Receiver<SipChanged>> {
        self.sip_changes.take()
    }

    /// Connects who carries out the calls that the API asks for. Until then it says that SIP is not
    /// connected.
    pub fn connect_lines(&self, lines: Arc<dyn Lines>) {
        self.sip_lines.connect(lines);
    }

    /// Every webhook event from now on, delivered or not.
    pub fn subscribe_events(&self) -> broadcast::Receiver<proto::WebhookEvent> {
        self.webhooks.subscribe()
    }

    /// Whether clients are still let in.
    pub fn is_serving(&self) -> bool {
        self.stop.phase() == Phase::Running
    }

    /// Participants in all rooms now.
    pub fn participants(&self) -> usize {
        self.rooms.occupancy().borrow().participants
    }

    /// Waits until nobody is in any room. Once the tasks drain no room is opened any more, and
    /// those that are open go on, with whoever comes to them.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn vacated(&self) {
        let mut occupancy = self.rooms.occupancy();
        // The rooms are gone: nobody is in them.
        let _gone = occupancy.wait_for(|now| now.participants == 0).await;
    }

    /// Ends every room politely: everybody gets a leave with SERVER_SHUTDOWN, and is asked to come
    /// back, to whoever serves next.
    pub async fn drain(&self) {
        self.rooms.shut_down().await;
    }
}

/// Opens the rooms again that the process before had. Without them the node still serves.
async fn reopen(records: &RoomRecords, rooms: &Rooms) {
    match records.revive(rooms, crate::clock::now()).await {
        Ok(0) => {}
        Ok(rooms) => tracing::info!(rooms, "rooms of the process before are open again"),
        Err(error) => {
            tracing::error!(
                code = error.code(),
                "rooms of the process before cannot be read"
            );
        }
    }
}

fn rooms_config(config: &NodeConfig, node_id: String, seed: Seed) -> RoomsConfig {
    let base = RoomsConfig::new(config.rtc_udp, config.keys.clone(), seed);
    let node_ips = match config.node_ips.as_slice() {
        [] => base.node_ips.clone(),
        ips => ips.to_vec(),
    };
    RoomsConfig {
        node_ips,
        node_id,
        region: config.region.clone(),
        defaults: config.rooms,
        limits: config.limits,
        presets: config.presets.clone(),
        ..base
    }
}

/// Notices on their way to webhooks and dispatch, whose reader never waits.
const NOTICES: usize = 1024;
