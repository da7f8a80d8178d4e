//! Begins and ends registrations as they are wanted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::{broadcast, mpsc, watch};
use tracing::info;
use trunkline_service::tasks::Tasks;
use trunkline_sip::endpoint::Flow;

use super::super::bindings::Board;
use super::super::config::{GatewayConfig, Register};
use super::super::outside::Outside;
use super::super::resolve::Resolver;
use super::super::signalling::Command;
use super::super::ways::{Bound, Ways};
use super::work::Work;

/// What keeps registrations.
pub(super) struct Keeper {
    pub(super) config: Arc<GatewayConfig>,
    pub(super) bound: Bound,
    pub(super) outside: Outside,
    pub(super) board: Board,
    pub(super) resolver: Resolver,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) closed: broadcast::Sender<Flow>,
    pub(super) tasks: Tasks,
    pub(super) wanted: watch::Receiver<Vec<Register>>,
}

/// One that is kept.
struct Kept {
    register: Register,
    /// Told when it is to be taken back.
    leave: watch::Sender<bool>,
}

/// Those that are kept, and the ends of their tasks, by key.
#[derive(Default)]
struct All {
    kept: BTreeMap<String, Kept>,
    ends: FuturesUnordered<BoxFuture<'static, String>>,
}

impl Keeper {
    /// Keeps what is wanted until the process drains; each task takes its own back then.
    pub(super) async fn run(mut self) {
        let stop = self.tasks.stop();
        let mut all = All::default();
        loop {
            self.settle(&mut all);
            tokio::select! {
                biased;
                () = stop.draining() => return,
                changed = self.wanted.changed() => if changed.is_err() {
                    // Nobody can want anything else any more.
                    stop.draining().await;
                    return;
                },
                Some(key) = all.ends.next() => self.ended(&mut all, &key).await,
            }
        }
    }

    /// Begins what is missing, and has taken back what is not wanted so: the new one follows when the
    /// old one is gone.
    fn settle(&mut self, all: &mut All) {
        let wanted = self.wanted.borrow_and_update().clone();
        for (key, kept) in &all.kept {
            let is_wanted = wanted.contains(&kept.register);
            if !is_wanted && !kept.leave.send_replace(true) {
                let registrar = kept.register.registrar.host_port();
                info!(trunk = %key, %registrar, "trunk's registration is taken back");
            }
        }
        for register in wanted {
            if !all.kept.contains_key(&register.key) {
                self.begin(register, all);
            }
        }
    }

    fn begin(&self, register: Register, all: &mut All) {
        let (leave, leaves) = watch::channel(false);
        let key = register.key.clone();
        self.board.add(&register);
        let work = Work {
            trunk: register.clone(),
            is_fixed: self.config.public_ip.is_some(),
            board: self.board.clone(),
            resolver: self.resolver.clone(),
            ways: Ways::new(&self.config, &self.outside, self.bound),
            commands: self.commands.clone(),
            closed: self.closed.subscribe(),
            stop: self.tasks.stop(),
            leave: leaves,
        };
        let task = self.tasks.session("sip_registration", work.run());
        all.kept.insert(key.clone(), Kept { register, leave });
        all.ends.push(Box::pin(async move {
            // However it ended, it is over.
            let _ended = task.await;
            key
        }));
    }

    async fn ended(&self, all: &mut All, key: &str) {
        let Some(kept) = all.kept.remove(key) else {
            return;
        };
        // Where another follows, the list has no hole meanwhile.
        if !self.wanted.borrow().iter().any(|wanted| wanted.key == key) {
            self.board.remove(key);
        }
        if !*kept.leave.borrow() {
            // It broke, and is begun anew; not faster than anybody can read the log.
            tokio::time::sleep(PAUSE).await;
        }
    }
}

const PAUSE: Duration = Duration::from_secs(5);
