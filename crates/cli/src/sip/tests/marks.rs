//! What is the file's by its mark alone, and what a server does not tell.

use super::*;

#[test]
fn what_an_older_version_made_is_known_by_its_mark() {
    let entry = |id: &str, key: &str, updated: i64| Inbound {
        sip_trunk_id: id.to_owned(),
        metadata: mark::mark(key, ""),
        created_at: Some(Default::default()),
        updated_at: Some(pbjson_types::Timestamp {
            seconds: updated,
            nanos: 0,
        }),
        ..Default::default()
    };
    let present = vec![entry("ST_1", "a", 0), entry("ST_2", "b", 7)];
    let made = Sorted::<Inbound>::sort(present, &BTreeMap::new());
    assert!(made.by_key["a"].is_untouched && !made.by_key["b"].is_untouched);
}

/// Two files may be applied to one server, and neither knows what the other wrote.
#[test]
fn what_only_bears_a_mark_is_told_and_never_removed() {
    let mut server = Server::default();
    server.there.trunks.push(Inbound {
        sip_trunk_id: "ST_other".to_owned(),
        metadata: mark::mark("other", ""),
        numbers: vec!["+1555009".to_owned()],
        created_at: Some(Default::default()),
        updated_at: Some(Default::default()),
        ..Inbound::default()
    });
    let notes = server.plan(&file(TWO)).notes;
    assert!(notes[0].contains("ST_other"), "{notes:?}");
    let acts = server.apply(TWO);
    assert_eq!(acts, [Act::Create, Act::Create, Act::Create]);
    let nothing = Kept::of(&There::default(), &Written::default());
    let (wanted, written) = back(&nothing, &server.there, &server.written);
    let plan = Plan::make(&wanted, server.there.clone(), &written);
    server.go(&plan);
    let left: Vec<&str> = server.there.trunks.iter().map(Entry::id).collect();
    assert_eq!(left, ["ST_other"]);
}

/// `Replace` writes the whole trunk: what a server does not tell would be lost with it.
#[test]
fn a_password_that_the_server_keeps_to_itself_is_written_again() {
    let text = |one: &str, two: &str| {
        format!(
            "trunks:\n  - {{key: a, numbers: ['{one}'], auth: {{username: u, password: '${{PASSWORD}}'}}}}\n  \
             - {{key: b, numbers: ['{two}'], auth: {{username: v, password: '${{PASSWORD}}'}}}}\n"
        )
    };
    let mut server = Server::default();
    server.apply(&text("+1555001", "+1555002"));
    let keeps = |server: &mut Server| {
        for trunk in &mut server.there.trunks {
            trunk.auth_password.clear();
        }
    };
    keeps(&mut server);
    assert_eq!(drift(&server.written, &server.there), []);
    let kept = Kept::of(&server.there, &server.written);
    let mut unknown = kept.clone();
    unknown.there = server.there.clone();
    let whole = |plan: &Plan| {
        assert!(!plan.steps.is_empty());
        for step in &plan.steps {
            let Step::Trunk(change) = step else { continue };
            let after = change.after.as_ref().unwrap();
            assert_eq!(after.auth_password, "a-long-secret", "{step}");
            let fields = change.fields();
            assert!(
                fields.iter().all(|one| one.field != "authPassword"),
                "{fields:?}"
            );
        }
    };
    let swapped = server.plan(&file(&text("+1555002", "+1555001")));
    assert_eq!(swapped.steps.len(), 3);
    whole(&swapped);
    server.go(&swapped);
    keeps(&mut server);
    let (wanted, written) = back(&kept, &server.there, &server.written);
    whole(&Plan::make(&wanted, server.there.clone(), &written));
    // Nobody remembers it: better no way back than one without it.
    for record in server.written.trunks.values_mut() {
        record.said = None;
    }
    let (wanted, written) = back(&unknown, &server.there, &server.written);
    let plan = Plan::make(&wanted, server.there.clone(), &written);
    assert!(plan.blocked[0].contains("password"), "{:?}", plan.blocked);
}
