//! What the file made, against a store in memory and a node beside it.

use std::sync::Arc;
use std::time::Duration;

use trunkline_client::api::LiveKitApiClient;
use trunkline_node::{Node, NodeConfig, NodeHandle};
use trunkline_service::tasks::{Limits, Tasks};

use super::*;
use crate::settings::sip::{self, RoomChoice};
use crate::sip::entry::Entry as _;
use crate::wiring::dev_keys;

struct House {
    api: LiveKitApiClient,
    store: Store,
    node: NodeHandle,
    tasks: Tasks,
}

impl House {
    async fn new() -> Self {
        let store = Store::open(":memory:").await.unwrap();
        let tasks = Tasks::new();
        let any = "127.0.0.1:0".parse().unwrap();
        let config = NodeConfig {
            dev: true,
            ..NodeConfig::new(any, any, dev_keys())
        };
        let node = Node::start(config, store.clone(), tasks.clone())
            .await
            .unwrap();
        let api = LiveKitApiClient::new(node.url().as_str(), dev_keys()).unwrap();
        Self {
            api,
            store,
            node,
            tasks,
        }
    }

    async fn apply(&self, setup: &SipSetup) {
        apply(&self.api, &self.store, setup).await.unwrap();
    }

    /// Names and ids of trunks, and the ids that rules name.
    async fn trunks(&self) -> BTreeMap<String, String> {
        let all = self.api.list_inbound_trunks().await.unwrap();
        let pair = |trunk: Inbound| (trunk.numbers.join(" "), trunk.sip_trunk_id);
        all.into_iter().map(pair).collect()
    }

    async fn rules(&self) -> Vec<Rule> {
        self.api.list_dispatch_rules().await.unwrap()
    }

    async fn end(self) {
        drop(self.node);
        let limits = Limits {
            drain: Duration::ZERO,
            hurry: Duration::from_secs(5),
        };
        self.tasks.begin_drain("test");
        self.tasks.finish(limits).await;
    }
}

fn trunk(key: &str, number: &str) -> Trunk {
    Trunk {
        key: key.to_owned(),
        name: "Provider".to_owned(),
        numbers: vec![number.to_owned()],
        allowed_addresses: vec!["127.0.0.0/8".to_owned()],
        ..Trunk::default()
    }
}

fn rule(key: &str, trunks: &[&str]) -> sip::Rule {
    let room = RoomChoice::Individual {
        room_prefix: "call".to_owned(),
        pin: String::new(),
        no_randomness: false,
    };
    sip::Rule {
        name: key.to_owned(),
        trunks: trunks.iter().map(|key| (*key).to_owned()).collect(),
        ..sip::Rule::new(key, room)
    }
}

fn file(trunks: &[(&str, &str)]) -> SipSetup {
    SipSetup {
        trunks: trunks.iter().map(|(key, n)| trunk(key, n)).collect(),
        rules: trunks.iter().map(|(key, _)| rule(key, &[key])).collect(),
        ..SipSetup::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_file_no_longer_names_is_removed_and_what_it_never_made_stays() {
    let house = House::new().await;
    house.apply(&file(&[("a", "+1"), ("b", "+2")])).await;
    let others = house.api.create_inbound_trunk(Inbound {
        name: "by hand".to_owned(),
        numbers: vec!["+3".to_owned()],
        ..Default::default()
    });
    others.await.unwrap();
    house.apply(&file(&[("b", "+2")])).await;
    let numbers: Vec<String> = house.trunks().await.into_keys().collect();
    assert_eq!(numbers, ["+2", "+3"]);
    assert_eq!(house.rules().await.len(), 1);
    house.apply(&SipSetup::default()).await;
    let numbers: Vec<String> = house.trunks().await.into_keys().collect();
    assert_eq!(numbers, ["+3"]);
    assert!(house.rules().await.is_empty());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_changed_since_stays_and_what_only_the_file_changed_does_not() {
    let house = House::new().await;
    house.apply(&file(&[("a", "+1"), ("b", "+2")])).await;
    // The file changes one itself, twice; somebody else changes the other.
    house.apply(&file(&[("a", "+11"), ("b", "+2")])).await;
    house.apply(&file(&[("a", "+1"), ("b", "+2")])).await;
    let ids = house.trunks().await;
    let mut changed = house.api.list_inbound_trunks().await.unwrap();
    changed.retain(|trunk| trunk.sip_trunk_id == ids["+2"]);
    let changed = Inbound {
        numbers: vec!["+22".to_owned()],
        ..changed.remove(0)
    };
    Inbound::replace(&house.api, &ids["+2"], changed)
        .await
        .unwrap();
    house.apply(&SipSetup::default()).await;
    let numbers: Vec<String> = house.trunks().await.into_keys().collect();
    assert_eq!(numbers, ["+22"]);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_keeps_the_id_and_numbers_may_change_places() {
    let house = House::new().await;
    house.apply(&file(&[("a", "+1"), ("b", "+2")])).await;
    let before = house.trunks().await;
    house.apply(&file(&[("renamed", "+1"), ("b", "+2")])).await;
    assert_eq!(house.trunks().await, before);
    let named: Vec<String> = house
        .rules()
        .await
        .into_iter()
        .flat_map(|rule| rule.trunk_ids)
        .collect();
    assert!(before.values().all(|id| named.contains(id)), "{named:?}");

    house.apply(&file(&[("renamed", "+2"), ("b", "+1")])).await;
    let numbers: Vec<String> = house.trunks().await.into_keys().collect();
    assert_eq!(numbers, ["+1", "+2"]);
    // And nothing is written when nothing has changed.
    let stamped = house.api.list_inbound_trunks().await.unwrap();
    house.apply(&file(&[("renamed", "+2"), ("b", "+1")])).await;
    assert_eq!(house.api.list_inbound_trunks().await.unwrap(), stamped);
    house.apply(&SipSetup::default()).await;
    assert!(house.trunks().await.is_empty());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_change_waits_for_whoever_routes_by_it() {
    let house = House::new().await;
    let mut changes = house.node.take_sip_changes().unwrap();
    let known = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let knows = Arc::clone(&known);
    let (_, ()) = tokio::join!(
        async {
            house.apply(&file(&[("a", "+1")])).await;
            assert!(known.load(std::sync::atomic::Ordering::SeqCst));
        },
        async {
            for _ in 0..2 {
                let change = changes.recv().await.unwrap();
                knows.store(true, std::sync::atomic::Ordering::SeqCst);
                drop(change);
            }
        }
    );
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_passed_on_are_counted_by_the_nodes_id_of_their_trunk() {
    let house = House::new().await;
    let mut setup = file(&[("pbx", "+1")]);
    "out".clone_into(&mut setup.trunks[0].allow_refer);
    setup.outbound.push(Outbound {
        key: "out".to_owned(),
        address: "192.0.2.7".to_owned(),
        numbers: vec!["100".to_owned()],
        ..Outbound::default()
    });
    house.apply(&setup).await;
    let there = house.api.list_outbound_trunks().await.unwrap();
    let id_of = |ids: &BTreeMap<String, String>| {
        let mut referrers = referrers(&setup, ids);
        referrers.remove(0).over.sip_trunk_id
    };
    let ids = ids_out(&house.api).await.unwrap();
    assert_eq!(id_of(&ids), there[0].sip_trunk_id);
    assert_eq!(id_of(&BTreeMap::new()), "ST_file_out_out");
    house.end().await;
}
