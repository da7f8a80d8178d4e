//! Starting a gateway: its tasks, and what they share.

use std::net::SocketAddr;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{mpsc, watch};
use tracing::info;
use trunkline_client::api::LiveKitApiClient;
use trunkline_client::auth::LiveKitAuthManager;
use trunkline_service::metrics::{Gauge, set};
use trunkline_service::tasks::{Stop, Tasks};
use trunkline_sip::endpoint::Endpoint;
use trunkline_store::{Direction, Store};

use super::call::{
    Call, Exchange, Guard, Names, Order, PassOrder, Shared, Tries, Underway, pass, place, resume,
};
use super::config::{GatewayConfig, LineOut, OwnSetup, Referrer, TrunkLine};
use super::desk::{Desk, Directory, Reader, Reload, keep_refusals};
use super::doors::{Doors, StartError, bind_udp};
use super::handle::GatewayHandle;
use super::journal::Journal;
use super::load::{Admission, Load, watch_load};
use super::media::{Home, Ports, Reels};
use super::outside::{Asker, Outside};
use super::registrar::Registrar;
use super::resolve::Resolver;
use super::returning::{Returning, bring_back};
use super::signalling::{
    Advertised, Arrival, Asking, COMMANDS, Command, Connections, Parts, Signalling, now, queue,
    read_udp, start_capture,
};
use super::ways::Bound;

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
        let udp = Arc::new(bind_udp(config.udp).await?);
        let bound = udp.local_addr().unwrap_or(config.udp);
        let (doors, clients) = Doors::bind(&config, bound, &tasks).await?;
        let places = doors.places();
        let guard = guard(&config, &store, &tasks).await?;
        let server = server(&config)?;
        let (inputs, of_streams, incoming) = queue();
        let (commands, wishes) = mpsc::channel(COMMANDS);
        let (arrivals, calls) = mpsc::channel(ARRIVALS);
        let (reload, reloads) = mpsc::channel(1);
        let (directory_tx, directory) = watch::channel(Arc::new(Directory::default()));
        let (count, counted) = watch::channel(0);
        let connections = Connections::new(config.tcp_caps);
        let registrar = Registrar::new(&config);
        let mut endpoint = endpoint(&config);
        let returned = bring_back(&config, &store, &mut endpoint, &commands).await;
        let (limits, room) = watch_load(config.limits, &tasks.sound());
        let parts = Parts {
            endpoint,
            admission: room.1.clone(),
            keeping: returned.keeping,
            returned: returned.legs,
            names: returned.names,
            desk: desk(&config, directory.clone(), &registrar, (&store, &tasks)),
            asking: Asking::new(reload.clone()),
            udp: Arc::clone(&udp),
            inputs: incoming,
            for_connections: of_streams.clone(),
            connections: connections.clone(),
            tls: Arc::new(clients),
            tasks: tasks.clone(),
            commands: wishes,
            for_calls: commands.clone(),
            arrivals,
            calls: count,
            tape: start_capture(&config.capture, &store, &tasks),
            closed: registrar.closed(),
            stop: tasks.stop(),
        };
        let outside = outside(&config, &tasks).await;
        let advertised = advertised(&config, &outside);
        tasks.vital("sip_signalling", Signalling::new(parts).run());
        doors.open(&advertised, &connections, &of_streams, &tasks);
        tasks.vital("sip_udp", read_udp(udp, advertised(bound), inputs));
        let (lines, own) = read(&config, server.1.clone(), (directory_tx, reloads), &tasks);
        tasks.session("sip_gauge", show(counted.clone()));
        let config = Arc::new(config);
        let registrations = registrar.start(&config, (places, outside.clone()), &commands, &tasks);
        let (dials, orders) = mpsc::channel(DIALS);
        let (lines_out, told_out) = watch::channel(config.lines_out.clone());
        let (lanes, passed, referrers, ending) = lanes(&config, commands.clone(), tasks.stop());
        let out = (registrations.resolver().clone(), told_out, guard.clone());
        let inner = (lanes, out, (returned.journal, room, reels(&config, &tasks)));
        let shared = shared(&config, store, server, (places, outside), inner);
        let (exchange, admission) = (shared.exchange.clone(), shared.admission.clone());
        let (underway, live) = take_calls(returned.calls, (calls, orders, passed), shared, &tasks);
        info!(udp = %bound, tcp = ?places.tcp, tls = ?places.tls, "sip gateway listens");
        Ok(GatewayHandle {
            places,
            counted,
            directory,
            reload,
            lines,
            lines_out,
            guard,
            own,
            commands,
            ending,
            dials,
            config: live,
            underway,
            registrations,
            exchange,
            referrers,
            limits,
            admission,
        })
    }
}

fn endpoint(config: &GatewayConfig) -> Endpoint {
    Endpoint::new(config.endpoint(), StdRng::from_os_rng().random(), now())
}

/// What keeps the sound of calls, if that is wanted.
fn reels(config: &GatewayConfig, tasks: &Tasks) -> Reels {
    Reels::new(config.capture.sound.as_ref(), tasks)
}

/// Who may be dialled, with what is known of before.
async fn guard(config: &GatewayConfig, store: &Store, tasks: &Tasks) -> Result<Guard, StartError> {
    let guard = Guard::open(config.dialling.clone(), store).await?;
    let keeping = guard.clone().keep(store.clone(), tasks.stop());
    tasks.session("sip_dialling", keeping);
    Ok(guard)
}

/// Where others see us: as the operator says, else as a STUN server does, asked before the first call.
async fn outside(config: &GatewayConfig, tasks: &Tasks) -> Outside {
    let Some(server) = config.stun.clone().filter(|_| config.public_ip.is_none()) else {
        return Outside::Told(config.public_ip);
    };
    let (found, told) = watch::channel(None);
    let from = config.udp.ip();
    let asker = Asker {
        server,
        from,
        found,
    };
    asker.ask().await;
    tasks.session("sip_stun", asker.run(tasks.stop()));
    Outside::Found(told)
}

/// Which address of ours whom is told, by where we are bound.
fn advertised(
    config: &GatewayConfig,
    outside: &Outside,
) -> impl Fn(SocketAddr) -> Advertised + use<> {
    let (seen, local) = (outside.clone(), config.local_networks.clone());
    move |bound| Advertised::new(bound, seen.clone(), local.clone())
}

/// Decides about callers by what is known of trunks, rules and registrations.
fn desk(
    config: &GatewayConfig,
    directory: watch::Receiver<Arc<Directory>>,
    registrar: &Registrar,
    (store, tasks): (&Store, &Tasks),
) -> Desk {
    let (notes, noted) = mpsc::channel(NOTES);
    tasks.session("sip_refusals", keep_refusals(store.clone(), noted));
    let known = (directory, registrar.watch());
    Desk::new(known, config.ask_on_miss, StdRng::from_os_rng(), notes)
}

/// Keeps trunks and rules as the file and the server have them; it is told of them besides.
fn read(
    config: &GatewayConfig,
    api: LiveKitApiClient,
    (state, reloads): (watch::Sender<Arc<Directory>>, mpsc::Receiver<Reload>),
    tasks: &Tasks,
) -> (watch::Sender<Vec<TrunkLine>>, watch::Sender<OwnSetup>) {
    let (lines, told) = watch::channel(config.lines.clone());
    let (own, ours) = watch::channel(config.own.clone());
    let reader = Reader {
        api,
        own: ours,
        lines: told,
        every: config.refresh,
        state,
    };
    tasks.session("sip_directory", reader.keep(reloads, tasks.stop()));
    (lines, own)
}

/// The LiveKit server, and who we are there.
fn server(config: &GatewayConfig) -> Result<(LiveKitAuthManager, LiveKitApiClient), StartError> {
    let auth = LiveKitAuthManager::new(config.keys.clone());
    let server = (config.url.as_str(), &config.transport);
    let api = LiveKitApiClient::with(server, auth.clone(), config.api.clone())
        .map_err(|error| StartError::Url(Box::new(error)))?;
    Ok((auth, api))
}

/// What leads from calls and to them.
struct Lanes {
    commands: mpsc::Sender<Command>,
    stop: Stop,
    ended: watch::Receiver<bool>,
    passing: mpsc::Sender<PassOrder>,
    referrers: watch::Receiver<Vec<Referrer>>,
}

fn lanes(
    config: &GatewayConfig,
    commands: mpsc::Sender<Command>,
    stop: Stop,
) -> (
    Lanes,
    mpsc::Receiver<PassOrder>,
    watch::Sender<Vec<Referrer>>,
    watch::Sender<bool>,
) {
    let (passing, passed) = mpsc::channel(DIALS);
    let (tell, referrers) = watch::channel(config.referrers.clone());
    let (ending, ended) = watch::channel(false);
    let lanes = Lanes {
        commands,
        stop,
        ended,
        passing,
        referrers,
    };
    (lanes, passed, tell, ending)
}

/// What finds the way of calls out, and who may be dialled.
type Out = (Resolver, watch::Receiver<Vec<LineOut>>, Guard);

/// What is kept of calls, and how much room there is for them.
type Around = (Option<Journal>, (Load, Admission), Reels);

/// What every call uses.
fn shared(
    config: &Arc<GatewayConfig>,
    store: Store,
    (auth, api): (LiveKitAuthManager, LiveKitApiClient),
    (bound, outside): (Bound, Outside),
    (lanes, (resolver, lines_out, guard), (journal, (load, admission), reels)): (
        Lanes,
        Out,
        Around,
    ),
) -> Shared {
    let home = Home::new(bound.udp.port(), bound.udp.ip(), outside.clone());
    Shared {
        config: Arc::clone(config),
        store,
        auth,
        api,
        names: Names::default(),
        tries: Tries::default(),
        ports: Ports::new(&config.rtp_ports).at(home),
        stop: lanes.stop,
        bound,
        outside,
        commands: lanes.commands,
        resolver,
        lines_out,
        guard,
        exchange: Exchange::default(),
        passing: lanes.passing,
        referrers: lanes.referrers,
        journal,
        load,
        admission,
        reels,
        ended: lanes.ended,
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

/// Goes on with calls of before this process and takes new ones. Gives those that we place, and whom to
/// tell of other settings.
fn take_calls(
    returned: Vec<Returning>,
    (arrivals, orders, passed): (
        mpsc::Receiver<Arrival>,
        mpsc::Receiver<Order>,
        mpsc::Receiver<PassOrder>,
    ),
    shared: Shared,
    tasks: &Tasks,
) -> (Underway, watch::Sender<Arc<GatewayConfig>>) {
    let (live, changed) = watch::channel(Arc::clone(&shared.config));
    let underway = go_on(returned, &shared, &tasks.sound());
    let reception = receive(arrivals, (orders, passed), (shared, changed), tasks.sound());
    tasks.vital("sip_reception", reception);
    (underway, live)
}

/// Gives each call a task of its own, whichever way it goes, and the settings of that moment.
async fn receive(
    mut arrivals: mpsc::Receiver<Arrival>,
    (mut orders, mut passed): (mpsc::Receiver<Order>, mpsc::Receiver<PassOrder>),
    (mut shared, mut live): (Shared, watch::Receiver<Arc<GatewayConfig>>),
    tasks: Tasks,
) {
    loop {
        let mut meets = || {
            shared.config.clone_from(&live.borrow_and_update());
            shared.clone()
        };
        // The task goes on by itself.
        let _task = tokio::select! {
            arrival = arrivals.recv() => match arrival {
                Some(arrival) => tasks.session("call", Call::run(arrival, meets())),
                None => return,
            },
            Some(order) = orders.recv() => tasks.session("call", place(order, meets())),
            Some(order) = passed.recv() => tasks.session("call", pass(order, meets())),
        };
    }
}

/// The same for calls of before this process. Gives those among them that we placed.
fn go_on(calls: Vec<Returning>, shared: &Shared, tasks: &Tasks) -> Underway {
    let all = Underway::default();
    for call in calls {
        let (shared, underway) = (shared.clone(), all.clone());
        // The task goes on by itself.
        let _task = match call.kept.direction {
            Direction::Inbound => tasks.session("call", Call::resume(call, shared)),
            Direction::Outbound => tasks.session("call", resume(call, shared, underway)),
        };
    }
    all
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

/// Calls waiting to be placed. Filling it means the same.
const DIALS: usize = 256;

/// Refusals waiting for the disk.
const NOTES: usize = 1024;
