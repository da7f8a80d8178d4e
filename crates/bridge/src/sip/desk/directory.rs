//! Trunks and rules: the gateway's own, and those read from the LiveKit server, which are kept
//! while it is away. A server without a store for them is served all the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, info, warn};
use trunkline_client::api::{ApiError, Failure, LiveKitApiClient};
use trunkline_service::tasks::Stop;
use trunkline_sip::routing::{DispatchRule, InboundTrunk, mark};

use super::super::clock::now;
use super::super::config::{OwnSetup, TrunkLine};

/// All trunks and rules at one moment.
#[derive(Clone, Default)]
pub(crate) struct Directory {
    pub(crate) trunks: Vec<InboundTrunk>,
    pub(crate) rules: Vec<DispatchRule>,
    /// Is there anything to go by: our own, or what the server was once heard to have?
    pub(crate) loaded: bool,
    pub(crate) server: ServerStore,
    /// When the server last said what it has.
    pub(crate) read: Option<Instant>,
}

/// What is known of the server's store of trunks and rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerStore {
    /// The server was not heard yet.
    #[default]
    Unread,
    /// It keeps trunks and rules.
    There,
    /// It keeps none: LiveKit without Redis has no SIP API.
    Missing,
}

/// A wish to read again, answered when done.
pub(crate) type Reload = oneshot::Sender<Result<(), ApiError>>;

/// What is read, and how often.
pub(crate) struct Reader {
    pub(crate) api: LiveKitApiClient,
    pub(crate) own: watch::Receiver<OwnSetup>,
    /// What LiveKit's messages do not say of trunks.
    pub(crate) lines: watch::Receiver<Vec<TrunkLine>>,
    pub(crate) every: Duration,
    pub(crate) state: watch::Sender<Arc<Directory>>,
}

/// What the server was last heard to have.
#[derive(Default)]
struct Heard {
    server: ServerStore,
    trunks: Vec<proto::SipInboundTrunkInfo>,
    rules: Vec<proto::SipDispatchRuleInfo>,
    at: Option<Instant>,
}

impl Heard {
    fn now(
        server: ServerStore,
        trunks: Vec<proto::SipInboundTrunkInfo>,
        rules: Vec<proto::SipDispatchRuleInfo>,
    ) -> Self {
        Self {
            server,
            trunks,
            rules,
            at: Some(now()),
        }
    }
}

impl Reader {
    /// Reads trunks and rules at once, at an interval, and when asked. Our own wait for nobody: they
    /// stand beside what the server was last heard to have.
    pub(crate) async fn keep(mut self, mut wishes: mpsc::Receiver<Reload>, stop: Stop) {
        let mut heard = Heard::default();
        if !self.own.borrow().is_empty() {
            self.publish(&heard);
        }
        let mut wish: Option<Reload> = None;
        loop {
            if self.is_told_otherwise() {
                self.publish(&heard);
            }
            let read = self.read().await.map(|read| heard = read);
            match &read {
                Ok(()) => self.publish(&heard),
                Err(error) => {
                    warn!(%error, "the server's trunks and rules cannot be read; the last ones stand");
                }
            }
            if let Some(wish) = wish {
                // Whoever asked may have gone.
                let _ = wish.send(read);
            }
            // Until the first success try often: nobody can call before.
            let known = heard.server != ServerStore::Unread;
            let pause = if known { self.every } else { FIRST };
            wish = tokio::select! {
                biased;
                () = stop.draining() => return,
                wish = wishes.recv() => match wish {
                    Some(wish) => Some(wish),
                    None => return,
                },
                () = tokio::time::sleep(pause) => None,
            };
        }
    }

    /// Whether our own are others than those that were published.
    fn is_told_otherwise(&self) -> bool {
        // Where nobody can tell us otherwise any more, nobody has.
        let own = self.own.has_changed().unwrap_or(false);
        own || self.lines.has_changed().unwrap_or(false)
    }

    async fn read(&self) -> Result<Heard, ApiError> {
        let (trunks, rules) = (
            self.api.list_inbound_trunks(),
            self.api.list_dispatch_rules(),
        );
        match tokio::try_join!(trunks, rules) {
            Ok((trunks, rules)) => Ok(Heard::now(ServerStore::There, trunks, rules)),
            Err(error) if keeps_none(&error) => {
                Ok(Heard::now(ServerStore::Missing, Vec::new(), Vec::new()))
            }
            Err(error) => Err(error),
        }
    }

    fn publish(&mut self, heard: &Heard) {
        let server = heard.server;
        let before = self.state.borrow().server;
        if before != server && server == ServerStore::Missing {
            info!("the server keeps no trunks and rules; the gateway goes by its own");
        }
        let own = self.own.borrow_and_update().clone();
        let loaded = !own.is_empty() || server != ServerStore::Unread;
        let (trunks, rules) = together(own, heard.trunks.clone(), heard.rules.clone());
        debug!(trunks = trunks.len(), rules = rules.len(), "directory read");
        let setup = OwnSetup { trunks, rules };
        let (trunks, rules) = setup.routes(&self.lines.borrow_and_update());
        self.state.send_replace(Arc::new(Directory {
            trunks,
            rules,
            loaded,
            server,
            read: heard.at,
        }));
    }
}

/// Ours first, then the server's. One that is at both is ours under the server's id, so that rules
/// made at the server go on naming it.
fn together(
    own: OwnSetup,
    mut trunks: Vec<proto::SipInboundTrunkInfo>,
    mut rules: Vec<proto::SipDispatchRuleInfo>,
) -> (
    Vec<proto::SipInboundTrunkInfo>,
    Vec<proto::SipDispatchRuleInfo>,
) {
    let OwnSetup {
        trunks: mut first,
        rules: mut first_rules,
    } = own;
    for trunk in &mut first {
        let Some(same) = trunks
            .iter()
            .find(|other| same(&other.metadata, &trunk.metadata))
        else {
            continue;
        };
        for named in first_rules.iter_mut().flat_map(|rule| &mut rule.trunk_ids) {
            if *named == trunk.sip_trunk_id {
                named.clone_from(&same.sip_trunk_id);
            }
        }
        trunk.sip_trunk_id.clone_from(&same.sip_trunk_id);
    }
    for rule in &mut first_rules {
        if let Some(same) = rules
            .iter()
            .find(|other| same(&other.metadata, &rule.metadata))
        {
            rule.sip_dispatch_rule_id
                .clone_from(&same.sip_dispatch_rule_id);
        }
    }
    trunks.retain(|other| {
        !first
            .iter()
            .any(|ours| same(&ours.metadata, &other.metadata))
    });
    rules.retain(|other| {
        let ours = |ours: &proto::SipDispatchRuleInfo| same(&ours.metadata, &other.metadata);
        !first_rules.iter().any(ours)
    });
    first.extend(trunks);
    first_rules.extend(rules);
    (first, first_rules)
}

/// Whether two marks name the same thing of the same file, whatever else is in the metadata.
fn same(ours: &str, other: &str) -> bool {
    mark::key(ours).is_some_and(|key| mark::key(other) == Some(key))
}

/// Whether this answer says that there is nothing to ask for: LiveKit without Redis, or a server
/// that has no such API.
fn keeps_none(error: &ApiError) -> bool {
    match &error.failure {
        Failure::Twirp(refusal) => {
            let absent = matches!(refusal.code.as_str(), "unimplemented" | "bad_route");
            absent || refusal.message.contains("sip not connected")
        }
        _ => false,
    }
}

/// Between tries before the first success.
const FIRST: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;
    use trunkline_base::token::{ApiKey, KeyRing};
    use trunkline_client::api::ApiOptions;
    use trunkline_client::auth::LiveKitAuthManager;
    use trunkline_service::tasks::Tasks;

    use super::*;

    fn trunk(id: &str, metadata: &str) -> proto::SipInboundTrunkInfo {
        proto::SipInboundTrunkInfo {
            sip_trunk_id: id.to_owned(),
            metadata: metadata.to_owned(),
            ..Default::default()
        }
    }

    fn rule(id: &str, metadata: &str, trunk: &str) -> proto::SipDispatchRuleInfo {
        proto::SipDispatchRuleInfo {
            sip_dispatch_rule_id: id.to_owned(),
            metadata: metadata.to_owned(),
            trunk_ids: vec![trunk.to_owned()],
            ..Default::default()
        }
    }

    fn marked(key: &str) -> String {
        mark::mark(key, "")
    }

    #[test]
    fn ours_stand_before_the_servers_and_what_is_at_both_stands_once() {
        let own = OwnSetup {
            trunks: vec![
                trunk("ST_file_a", &marked("a")),
                trunk("ST_file_b", &marked("b")),
            ],
            rules: vec![rule("SDR_file_a", &marked("a"), "ST_file_a")],
        };
        let trunks = vec![trunk("ST_x", ""), trunk("ST_a", &mark::mark("a", "x"))];
        let rules = vec![
            rule("SDR_y", "", "ST_a"),
            rule("SDR_a", &marked("a"), "ST_a"),
        ];
        let (trunks, rules) = together(own, trunks, rules);
        let ids: Vec<&str> = trunks.iter().map(|t| t.sip_trunk_id.as_str()).collect();
        assert_eq!(ids, ["ST_a", "ST_file_b", "ST_x"]);
        let named: Vec<_> = rules
            .iter()
            .map(|r| (r.sip_dispatch_rule_id.as_str(), r.trunk_ids[0].as_str()))
            .collect();
        assert_eq!(named, [("SDR_a", "ST_a"), ("SDR_y", "ST_a")]);
    }

    #[test]
    fn a_server_without_redis_is_known_by_its_words() {
        let refused = |code: &str, message: &str| ApiError {
            rpc: "SIP/ListSIPInboundTrunk",
            failure: Failure::Twirp(trunkline_client::api::Refusal {
                status: 500,
                code: code.to_owned(),
                message: message.to_owned(),
                meta: std::collections::BTreeMap::new(),
                clock: None,
            }),
            attempts: 1,
            elapsed: Duration::ZERO,
        };
        assert!(keeps_none(&refused(
            "internal",
            "sip not connected (redis required)"
        )));
        assert!(keeps_none(&refused("bad_route", "no such service")));
        assert!(!keeps_none(&refused(
            "internal",
            "redis: connection refused"
        )));
        assert!(!keeps_none(&refused("unauthenticated", "invalid token")));
    }

    /// A server that answers every call with an empty list, and counts them.
    async fn empty_server(asked: Arc<AtomicUsize>) -> (LiveKitApiClient, JoinSet<()>) {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut stream, _) = socket.accept().await.unwrap();
                let asked = Arc::clone(&asked);
                connections.spawn(async move {
                    let mut bytes = [0; 4096];
                    // Such a small request comes in one piece.
                    while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {
                        asked.fetch_add(1, Ordering::SeqCst);
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/protobuf\r\n\
                                       content-length: 0\r\n\r\n";
                        stream.write_all(answer).await.unwrap();
                    }
                });
            }
        });
        let keys = ApiKey::new("key", "a secret that is long enough for a test");
        (LiveKitApiClient::new(&url, keys).unwrap(), serving)
    }

    /// The server was asked again at once after a wish that had just asked it.
    #[tokio::test]
    async fn a_wish_has_the_server_read_once() {
        let asked = Arc::new(AtomicUsize::new(0));
        let (api, _serving) = empty_server(Arc::clone(&asked)).await;
        let (state, mut known) = watch::channel(Arc::<Directory>::default());
        let (wishes, wished) = mpsc::channel::<Reload>(1);
        let reader = Reader {
            api,
            lines: watch::channel(Vec::new()).1,
            own: watch::channel(OwnSetup::default()).1,
            every: Duration::from_secs(3600),
            state,
        };
        let tasks = Tasks::new();
        let story = async {
            known
                .wait_for(|known: &Arc<Directory>| known.loaded)
                .await
                .unwrap();
            assert!(known.borrow().read.is_some());
            let (wish, granted) = oneshot::channel();
            wishes.send(wish).await.unwrap();
            granted.await.unwrap().unwrap();
            tasks.begin_drain("test");
        };
        tokio::join!(reader.keep(wished, tasks.stop()), story);
        // Trunks and rules, at the start and for the wish.
        assert_eq!(asked.load(Ordering::SeqCst), 4);
    }

    /// Trunks that were changed beside a server that is away came in only with the server.
    #[tokio::test]
    async fn our_own_trunks_change_beside_a_server_that_is_away() {
        let own_of = |id: &str| OwnSetup {
            trunks: vec![trunk(id, "")],
            rules: Vec::new(),
        };
        let keys = KeyRing::from(ApiKey::new(
            "key",
            "a secret that is long enough for a test",
        ));
        let options = ApiOptions {
            deadline: Duration::from_millis(100),
            ..ApiOptions::default()
        };
        // Nobody listens there.
        let auth = LiveKitAuthManager::new(keys);
        let api = LiveKitApiClient::with("http://127.0.0.1:1", auth, options).unwrap();
        let (state, mut known) = watch::channel(Arc::<Directory>::default());
        let (own, ours) = watch::channel(own_of("ST_file_a"));
        let (wishes, wished) = mpsc::channel::<Reload>(1);
        let reader = Reader {
            api,
            lines: watch::channel(Vec::new()).1,
            own: ours,
            every: Duration::from_secs(3600),
            state,
        };
        let tasks = Tasks::new();
        let story = async {
            for id in ["ST_file_a", "ST_file_b"] {
                own.send_replace(own_of(id));
                let (wish, _granted) = oneshot::channel();
                wishes.send(wish).await.unwrap();
                let has_it = |known: &Arc<Directory>| {
                    let mut trunks = known.trunks.iter();
                    trunks.any(|trunk| trunk.id.as_str() == id)
                };
                let found = known.wait_for(has_it).await.unwrap();
                assert!(found.loaded && found.read.is_none());
                assert_eq!(found.server, ServerStore::Unread);
            }
            tasks.begin_drain("test");
        };
        tokio::join!(reader.keep(wished, tasks.stop()), story);
    }
}
