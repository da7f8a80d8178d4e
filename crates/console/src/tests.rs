use reqwest::StatusCode;
use tokio::sync::watch;
use trunkline_base::id::{CallId, RoomName};
use trunkline_base::time::UnixTime;
use trunkline_base::token::ApiKey;
use trunkline_store::testing::{Filling, small_store};
use trunkline_store::{CallStart, Direction};

use super::*;

/// A console on a port of its own.
pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) store: Store,
    pub(crate) handle: ConsoleHandle,
    pub(crate) tasks: Tasks,
    node: watch::Sender<Standing>,
    _list: watch::Sender<Vec<Part>>,
}

pub(crate) fn key() -> ApiKey {
    ApiKey::new("APItest", "a secret that is long enough for a test")
}

async fn world() -> World {
    let store = Store::open(":memory:").await.unwrap();
    World::new(store, EventsConfig::default()).await
}

impl World {
    pub(crate) async fn new(store: Store, events: EventsConfig) -> Self {
        let tasks = Tasks::new();
        let (node, stands) = watch::channel(Standing::Ready("listens".into()));
        let parts = vec![
            Part::new("node", move || stands.borrow().clone()),
            Part::new("agent", || Standing::Off("not among --roles".into())),
        ];
        let (list, readiness) = watch::channel(parts);
        let config = ConsoleConfig {
            bind: "127.0.0.1:0".parse().unwrap(),
            door: Door::default(),
            access: Access {
                open: true,
                ..Access::default()
            },
            keys: KeyRing::from(key()),
            events,
        };
        let handle = start(config, store.clone(), readiness, &tasks)
            .await
            .unwrap();
        Self {
            url: format!("http://{}", handle.addr()),
            store,
            handle,
            tasks,
            node,
            _list: list,
        }
    }
}

/// Somebody who has nothing to do.
struct Idle;

#[async_trait::async_trait]
impl Operator for Idle {
    async fn reload(&self) -> Result<Reloaded, NotTold> {
        Ok(Reloaded {
            result: ReloadResult::Unchanged,
            changed: Vec::new(),
            at_next_start: Vec::new(),
            why: None,
        })
    }

    fn registrations(&self) -> Vec<Registration> {
        Vec::new()
    }
}

#[tokio::test]
async fn whoever_wants_files_taken_up_hears_what_came_of_it() {
    let world = world().await;
    let client = reqwest::Client::new();
    let ask = || async {
        let request = client.post(format!("{}/api/reload", world.url));
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    let (status, text) = ask().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("still starting"), "{text}");
    world.handle.connect(Arc::new(Idle));
    let (status, text) = ask().await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("unchanged"), "{text}");
}

#[tokio::test]
async fn readiness_follows_the_parts_and_the_drain() {
    let world = world().await;
    let ready = || async {
        reqwest::get(format!("{}/readyz", world.url))
            .await
            .unwrap()
            .status()
    };
    assert_eq!(ready().await, StatusCode::OK);
    // A part that was ready once and is no longer: `/readyz` said "registered" for ever.
    let lost = Standing::Waiting("refused".into());
    world.node.send_replace(lost);
    assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
    world.node.send_replace(Standing::Ready("listens".into()));
    assert_eq!(ready().await, StatusCode::OK);
    world.tasks.begin_drain("test");
    assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
}

/// `/readyz` said that the store answers while its disk was full.
#[tokio::test]
async fn a_full_disk_is_not_ready_until_there_is_room_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = small_store(dir.path()).await.unwrap();
    let world = World::new(store, EventsConfig::default()).await;
    let filling = Filling::of(&world.store).await;
    let answer = reqwest::get(format!("{}/readyz", world.url)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let told: serde_json::Value = answer.json().await.unwrap();
    let store = told["parts"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&store["name"], &store["ready"]),
        (&"store".into(), &false.into())
    );
    let detail = store["detail"].as_str().unwrap();
    assert!(
        detail.contains("full") && detail.contains("free some space"),
        "{detail}"
    );
    filling.remove().await.unwrap();
    loop {
        let answer = reqwest::get(format!("{}/readyz", world.url)).await.unwrap();
        if answer.status() == StatusCode::OK {
            break;
        }
    }
}

/// The address itself was an empty page.
#[tokio::test]
async fn the_address_itself_says_what_is_there_to_browsers_and_to_others() {
    let world = world().await;
    let client = reqwest::Client::new();
    let open = |accept: &'static str| client.get(&world.url).header("accept", accept).send();
    let kind = |answer: &reqwest::Response| {
        answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    let page = open("text/html,application/xhtml+xml,*/*;q=0.8")
        .await
        .unwrap();
    assert_eq!(
        (page.status(), kind(&page).as_str()),
        (StatusCode::OK, "text/html; charset=utf-8")
    );
    let text = open("*/*").await.unwrap();
    assert_eq!(
        (text.status(), kind(&text).as_str()),
        (StatusCode::OK, "text/plain; charset=utf-8")
    );
    let text = text.text().await.unwrap();
    for word in [
        "Trunkline 0.",
        "/healthz",
        "/metrics",
        "/api/calls",
        "token create",
    ] {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }
    let nowhere = client
        .get(format!("{}/nowhere", world.url))
        .send()
        .await
        .unwrap();
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
    assert!(nowhere.text().await.unwrap().contains("GET / says"));
}

#[tokio::test]
async fn calls_are_listed_and_shown() {
    let world = world().await;
    let start = CallStart {
        call_id: CallId::parse("SCL_a").unwrap(),
        room: RoomName::parse("call-1").ok(),
        direction: Direction::Inbound,
        caller: "+15550100".into(),
        called: "+15550199".into(),
        trunk_id: "ST_a".into(),
        rule_id: "SDR_a".into(),
        at: UnixTime(1),
    };
    world.store.calls().start(&start).await.unwrap();
    let read = |path: &str| {
        let url = format!("{}{path}", world.url);
        async move { reqwest::get(url).await.unwrap() }
    };
    let list: serde_json::Value = read("/api/calls").await.json().await.unwrap();
    assert_eq!(list["calls"][0]["call_id"], "SCL_a");
    let one: serde_json::Value = read("/api/calls/SCL_a").await.json().await.unwrap();
    assert_eq!(one["call"]["caller"], "+15550100");
    assert_eq!(
        read("/api/calls/SCL_b").await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let world = world().await;
    let bind = world.url.trim_start_matches("http://").parse().unwrap();
    let (_, readiness) = watch::channel(Vec::new());
    let config = ConsoleConfig {
        bind,
        door: Door::default(),
        access: Access::default(),
        keys: KeyRing::from(key()),
        events: EventsConfig::default(),
    };
    let started = start(config, world.store.clone(), readiness, &world.tasks).await;
    let error = started.err().unwrap();
    assert!(error.to_string().contains(&bind.to_string()));
}
