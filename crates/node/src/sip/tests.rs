use super::*;
use proto::{
    SipDispatchRule, SipDispatchRuleDirect, SipDispatchRuleInfo as Rule,
    SipInboundTrunkInfo as Inbound, SipOutboundTrunkInfo as Outbound,
};
use trunkline_base::class::{Class, Classified};

async fn setup() -> SipSetup {
    SipSetup::new(Store::open(":memory:").await.unwrap(), Limits::default())
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

fn inbound(numbers: &[&str]) -> Inbound {
    Inbound {
        name: "in".to_owned(),
        numbers: words(numbers),
        ..Default::default()
    }
}

fn direct(room: &str, pin: &str) -> Rule {
    let direct = SipDispatchRuleDirect {
        room_name: room.to_owned(),
        pin: pin.to_owned(),
    };
    let rule = proto::sip_dispatch_rule::Rule::DispatchRuleDirect(direct);
    Rule {
        rule: Some(SipDispatchRule { rule: Some(rule) }),
        ..Default::default()
    }
}

fn create(rule: Rule) -> proto::CreateSipDispatchRuleRequest {
    proto::CreateSipDispatchRuleRequest {
        dispatch_rule: Some(rule),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_trunk_lives_from_create_to_delete() {
    let setup = setup().await;
    let trunk = setup
        .create_inbound(Some(inbound(&["+15550100"])))
        .await
        .unwrap();
    assert!(trunk.sip_trunk_id.starts_with("ST_"));
    assert_eq!(setup.inbound(&trunk.sip_trunk_id).await.unwrap(), trunk);
    let deleted = setup.delete_trunk(&trunk.sip_trunk_id).await.unwrap();
    assert_eq!(deleted.sip_trunk_id, trunk.sip_trunk_id);
    assert_eq!(
        setup
            .inbound(&trunk.sip_trunk_id)
            .await
            .unwrap_err()
            .class(),
        Class::Missing
    );
    setup
        .delete_trunk(&trunk.sip_trunk_id)
        .await
        .expect("deleting twice is fine");
}

#[tokio::test]
async fn an_open_trunk_or_one_with_an_id_is_refused() {
    let setup = setup().await;
    let text = setup
        .create_inbound(Some(inbound(&[])))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        text.starts_with("for security, one of the fields must be set"),
        "{text}"
    );
    let named = Inbound {
        sip_trunk_id: "ST_x".to_owned(),
        ..inbound(&["1"])
    };
    assert_eq!(
        setup.create_inbound(Some(named)).await.unwrap_err().class(),
        Class::Invalid
    );
    assert_eq!(
        setup.create_inbound(None).await.unwrap_err().to_string(),
        "missing trunk"
    );
}

#[tokio::test]
async fn trunks_that_cannot_be_told_apart_conflict_also_after_an_update() {
    let setup = setup().await;
    setup
        .create_inbound(Some(inbound(&["+1 555 0100"])))
        .await
        .unwrap();
    let clash = setup
        .create_inbound(Some(inbound(&["+15550100"])))
        .await
        .unwrap_err();
    assert_eq!(clash.class(), Class::Invalid);
    let other = setup
        .create_inbound(Some(inbound(&["+15550199"])))
        .await
        .unwrap();
    let add = proto::ListUpdate {
        add: words(&["+15550100"]),
        ..Default::default()
    };
    let update = proto::SipInboundTrunkUpdate {
        numbers: Some(add),
        ..Default::default()
    };
    let request = proto::UpdateSipInboundTrunkRequest {
        sip_trunk_id: other.sip_trunk_id.clone(),
        action: Some(proto::update_sip_inbound_trunk_request::Action::Update(
            update,
        )),
    };
    assert_eq!(
        setup.update_inbound(request).await.unwrap_err().class(),
        Class::Invalid
    );
    assert_eq!(
        setup.inbound(&other.sip_trunk_id).await.unwrap(),
        other,
        "nothing was stored"
    );
}

#[tokio::test]
async fn replace_resets_what_it_does_not_name_and_keeps_the_id() {
    let setup = setup().await;
    let trunk = setup.create_inbound(Some(inbound(&["1"]))).await.unwrap();
    let request = |new: Inbound| proto::UpdateSipInboundTrunkRequest {
        sip_trunk_id: trunk.sip_trunk_id.clone(),
        action: Some(proto::update_sip_inbound_trunk_request::Action::Replace(
            new,
        )),
    };
    let new = Inbound {
        allowed_addresses: words(&["192.0.2.0/24"]),
        ..Default::default()
    };
    let replaced = setup.update_inbound(request(new)).await.unwrap();
    assert_eq!(replaced.sip_trunk_id, trunk.sip_trunk_id);
    assert!(replaced.numbers.is_empty() && replaced.name.is_empty());
    let alien = Inbound {
        sip_trunk_id: "ST_other".to_owned(),
        ..inbound(&["1"])
    };
    assert_eq!(
        setup
            .update_inbound(request(alien))
            .await
            .unwrap_err()
            .class(),
        Class::Invalid
    );
}

#[tokio::test]
async fn lists_follow_ids_numbers_and_pages() {
    let setup = setup().await;
    let mut ids = Vec::new();
    for number in ["1", "2", "3"] {
        ids.push(
            setup
                .create_inbound(Some(inbound(&[number])))
                .await
                .unwrap()
                .sip_trunk_id,
        );
    }
    let list = async |request| {
        let found = setup.list_inbound(request).await.unwrap();
        found
            .into_iter()
            .map(|trunk| trunk.sip_trunk_id)
            .collect::<Vec<_>>()
    };
    ids.sort();
    assert_eq!(list(Default::default()).await, ids);
    let by_number = proto::ListSipInboundTrunkRequest {
        numbers: words(&["+ 2"]),
        ..Default::default()
    };
    assert_eq!(list(by_number).await.len(), 1);
    let by_id = proto::ListSipInboundTrunkRequest {
        trunk_ids: vec![ids[2].clone(), "ST_none".to_owned(), ids[0].clone()],
        ..Default::default()
    };
    assert_eq!(list(by_id).await, [ids[0].clone(), ids[2].clone()]);
    let page = proto::Pagination {
        after_id: ids[0].clone(),
        limit: 1,
    };
    let paged = proto::ListSipInboundTrunkRequest {
        page: Some(page),
        ..Default::default()
    };
    assert_eq!(list(paged).await, [ids[1].clone()]);
}

#[tokio::test]
async fn an_outbound_trunk_needs_numbers_and_a_plain_host() {
    let setup = setup().await;
    let trunk = Outbound {
        address: "sip.example.com:5060".to_owned(),
        numbers: words(&["+15550100"]),
        ..Default::default()
    };
    let stored = setup.create_outbound(Some(trunk.clone())).await.unwrap();
    assert!(stored.sip_trunk_id.starts_with("ST_"));
    for address in ["", "sip:example.com", "a@b", "example.com;transport=tcp"] {
        let bad = Outbound {
            address: address.to_owned(),
            ..trunk.clone()
        };
        assert!(setup.create_outbound(Some(bad)).await.is_err(), "{address}");
    }
    let bad = Outbound {
        numbers: vec![],
        ..trunk.clone()
    };
    assert!(setup.create_outbound(Some(bad)).await.is_err());
    let headers = [("Call-ID".to_owned(), "x".to_owned())].into();
    assert!(
        setup
            .create_outbound(Some(Outbound { headers, ..trunk }))
            .await
            .is_err()
    );
    assert_eq!(
        setup.list_legacy(Default::default()).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_rule_lives_from_create_to_delete() {
    let setup = setup().await;
    let rule = setup
        .create_rule(create(direct("lobby", "")))
        .await
        .unwrap();
    assert!(rule.sip_dispatch_rule_id.starts_with("SDR_"));
    let listed = setup.list_rules(Default::default()).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&rule));
    let gone = setup.delete_rule(&rule.sip_dispatch_rule_id).await.unwrap();
    assert_eq!(gone, rule);
    let again = setup
        .delete_rule(&rule.sip_dispatch_rule_id)
        .await
        .unwrap_err();
    assert_eq!(
        again.to_string(),
        "requested sip dispatch rule does not exist"
    );
}

#[tokio::test]
async fn rules_that_cannot_be_told_apart_conflict() {
    let setup = setup().await;
    setup
        .create_rule(create(direct("lobby", "")))
        .await
        .unwrap();
    let clash = setup
        .create_rule(create(direct("other", "")))
        .await
        .unwrap_err();
    assert_eq!(clash.class(), Class::Invalid);
    setup
        .create_rule(create(direct("other", "1234")))
        .await
        .expect("a pin tells them apart");
    let own = Rule {
        trunk_ids: words(&["ST_1"]),
        ..direct("own", "")
    };
    setup
        .create_rule(create(own))
        .await
        .expect("a trunk of its own tells them apart");
    let none = setup
        .create_rule(create(Rule::default()))
        .await
        .unwrap_err();
    assert_eq!(none.to_string(), "missing rule");
}

#[tokio::test]
#[expect(deprecated, reason = "what older SDKs send")]
async fn the_flat_form_of_older_clients_is_read() {
    let setup = setup().await;
    let request = proto::CreateSipDispatchRuleRequest {
        rule: direct("lobby", "").rule,
        name: "old".to_owned(),
        ..Default::default()
    };
    assert_eq!(setup.create_rule(request).await.unwrap().name, "old");
}

#[tokio::test]
async fn a_partial_update_of_a_rule_changes_what_it_names() {
    let setup = setup().await;
    let attributes = [("a".to_owned(), "1".to_owned())].into();
    let rule = Rule {
        attributes,
        ..direct("lobby", "")
    };
    let rule = setup.create_rule(create(rule)).await.unwrap();
    let update = proto::SipDispatchRuleUpdate {
        name: Some("new".to_owned()),
        attributes: [
            ("a".to_owned(), String::new()),
            ("b".to_owned(), "2".to_owned()),
        ]
        .into(),
        ..Default::default()
    };
    let request = proto::UpdateSipDispatchRuleRequest {
        sip_dispatch_rule_id: rule.sip_dispatch_rule_id.clone(),
        action: Some(proto::update_sip_dispatch_rule_request::Action::Update(
            update,
        )),
    };
    let updated = setup.update_rule(request).await.unwrap();
    assert_eq!((updated.name.as_str(), updated.rule), ("new", rule.rule));
    assert_eq!(
        updated.attributes,
        [("b".to_owned(), "2".to_owned())].into()
    );
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let path = path.to_str().unwrap();
    let store = Store::open(path).await.unwrap();
    let trunk = SipSetup::new(store, Limits::default())
        .create_inbound(Some(inbound(&["1"])))
        .await
        .unwrap();
    let again = SipSetup::new(Store::open(path).await.unwrap(), Limits::default());
    assert_eq!(again.inbound(&trunk.sip_trunk_id).await.unwrap(), trunk);
}
