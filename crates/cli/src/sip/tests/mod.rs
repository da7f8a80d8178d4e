//! Plans against a server in memory that refuses what LiveKit refuses.

use std::collections::BTreeMap;

use trunkline_service::config::{Environment, Report};
use trunkline_sip::routing::mark;

use super::back::{Kept, back};
use super::drift::drift;
use super::entry::{Entry, Inbound, Outbound, Rule};
use super::export::export;
use super::lint::{Weight, lint};
use super::plan::{Act, Change, Plan, Step, There, Wanted, Written, named};
use super::sorted::{Record, Sorted};
use crate::global::Global;
use crate::settings::{SipSetup, sip_file};

/// The file's set-up.
fn file(text: &str) -> SipSetup {
    let env = Environment::from([("PASSWORD", "a-long-secret")]);
    file_with(text, env)
}

fn file_with(text: &str, env: Environment) -> SipSetup {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sip.yaml");
    std::fs::write(&path, text).unwrap();
    let global = Global {
        env,
        ..Global::default()
    };
    let mut report = Report::new();
    let setup = sip_file(Some(&path), &global, &mut report);
    assert!(report.is_empty(), "{report}\n{text}");
    setup.unwrap()
}

/// A LiveKit server, as far as trunks and rules go, and what was written there.
#[derive(Default)]
struct Server {
    there: There,
    written: Written,
    ids: usize,
}

impl Server {
    fn plan(&self, setup: &SipSetup) -> Plan {
        Plan::make(&Wanted::from(setup), self.there.clone(), &self.written)
    }

    /// Applies a file, and says what was done.
    fn apply(&mut self, text: &str) -> Vec<Act> {
        let setup = file(text);
        let plan = self.plan(&setup);
        assert_eq!(plan.blocked, Vec::<String>::new());
        let acts = self.go(&plan);
        let left = self.plan(&setup);
        assert!(left.is_empty(), "left:\n{}", left.text());
        acts
    }

    fn go(&mut self, plan: &Plan) -> Vec<Act> {
        let mut made = BTreeMap::new();
        let mut acts = Vec::new();
        for step in plan.steps.iter().chain(&plan.settled) {
            let is_settled = plan.settled.contains(step);
            self.ids += 1;
            let id = format!("ID_{}", self.ids);
            match step {
                Step::Trunk(change) => {
                    let (there, written) = (&mut self.there.trunks, &mut self.written.trunks);
                    take(there, written, change, id.clone(), &made);
                    made.insert(named(&change.key), id);
                    acts.extend((!is_settled).then_some(change.act));
                }
                Step::Outbound(change) => {
                    let (there, written) = (&mut self.there.outbound, &mut self.written.outbound);
                    take(there, written, change, id, &made);
                    acts.extend((!is_settled).then_some(change.act));
                }
                Step::Rule(change) => {
                    let (there, written) = (&mut self.there.rules, &mut self.written.rules);
                    take(there, written, change, id, &made);
                    acts.extend((!is_settled).then_some(change.act));
                }
            }
        }
        acts
    }

    fn numbers(&self) -> Vec<(&str, String)> {
        let pair = |trunk: &'_ Inbound| trunk.numbers.join(" ");
        let all = self.there.trunks.iter();
        all.map(|trunk| (trunk.name.as_str(), pair(trunk)))
            .collect()
    }
}

/// One writing, refused where it would take another's calls.
fn take<E: Entry>(
    there: &mut Vec<E>,
    written: &mut BTreeMap<String, Record<E>>,
    change: &Change<E>,
    new: String,
    made: &BTreeMap<String, String>,
) {
    let id = change.id().to_owned();
    there.retain(|one| one.id() != id);
    written.retain(|_, record| record.stored.id() != id);
    let Some(after) = &change.after else {
        return;
    };
    let id = if id.is_empty() { new } else { id };
    let mut stored = after.clone().with_id(id);
    for id in stored.trunk_ids().into_iter().flatten() {
        if let Some(made) = made.get(id) {
            id.clone_from(made);
        }
        assert!(
            !id.starts_with("key:"),
            "a rule names a trunk that is not there"
        );
    }
    let other = there.iter().find(|one| one.conflicts(&stored));
    assert!(other.is_none(), "refused: {}", change.key);
    let record = Record {
        stored: stored.clone(),
        said: change.said.clone(),
    };
    written.insert(change.key.clone(), record);
    there.push(stored);
}

const TWO: &str = "trunks:\n  - {key: a, name: A, numbers: ['+1555001'], allowed_addresses: [192.0.2.1]}\n  \
                   - {key: b, name: B, numbers: ['+1555002'], allowed_addresses: [192.0.2.2]}\n\
                   rules:\n  - {key: r, trunks: [a, b], direct: {room: lobby}}\n";

#[test]
fn what_is_applied_leaves_nothing_to_plan() {
    let mut server = Server::default();
    let acts = server.apply(TWO);
    assert_eq!(acts, [Act::Create, Act::Create, Act::Create]);
    assert_eq!(server.there.rules[0].trunk_ids.len(), 2);
    assert_eq!(server.apply(TWO), []);
}

#[test]
fn numbers_that_change_places_step_aside_and_keep_their_ids() {
    let mut server = Server::default();
    server.apply(TWO);
    let ids: Vec<String> = server.there.rules[0].trunk_ids.clone();
    let swapped = TWO
        .replace("+1555001", "x")
        .replace("+1555002", "+1555001")
        .replace("'x'", "'+1555002'");
    let acts = server.apply(&swapped);
    assert_eq!(acts, [Act::StepAside, Act::Update, Act::Update]);
    let mut numbers = server.numbers();
    numbers.sort();
    let expected = [("A", "+1555002".to_owned()), ("B", "+1555001".to_owned())];
    assert_eq!(numbers, expected);
    assert_eq!(server.there.rules[0].trunk_ids, ids);
}

#[test]
fn a_number_moves_once_it_is_free_and_nobody_steps_aside_for_that() {
    let mut server = Server::default();
    server.apply(TWO);
    let moved = TWO
        .replace("['+1555001']", "['+1555001', '+1555002']")
        .replace(
            "name: B, numbers: ['+1555002']",
            "name: B, numbers: ['+1555003']",
        );
    assert_eq!(server.apply(&moved), [Act::Update, Act::Update]);
    // Rules that change places, too.
    let rules = |one: &str, two: &str| {
        format!(
            "{TWO}  - {{key: s, trunks: [a], numbers: ['{one}'], direct: {{room: s}}}}\n  \
             - {{key: t, trunks: [a], numbers: ['{two}'], direct: {{room: t}}}}\n"
        )
    };
    server.apply(&rules("+1", "+2"));
    server.apply(&rules("+2", "+1"));
}

#[test]
fn what_the_file_does_not_speak_of_stays_and_what_it_spoke_of_goes() {
    let mut server = Server::default();
    let more = TWO.replace(
        "name: A,",
        "name: A, ringing_timeout: 20s, headers: {X-Tier: gold},",
    );
    server.apply(&more);
    // Somebody else turns a knob that the file has no word on, and one that it has.
    server.there.trunks[0].krisp_enabled = true;
    server.there.trunks[0].auth_realm = "theirs".to_owned();
    server.there.trunks[0].name = "edited".to_owned();
    let plan = server.plan(&file(&more));
    assert!(
        plan.text().contains("name: \"edited\" → \"A\""),
        "{}",
        plan.text()
    );
    assert!(!plan.text().contains("krisp"), "{}", plan.text());
    let found = drift(&server.written, &server.there);
    let fields: Vec<&str> = found[0]
        .fields
        .iter()
        .map(|field| field.field.as_str())
        .collect();
    assert_eq!(fields, ["authRealm", "krispEnabled", "name"]);
    server.apply(&more);
    server.apply(TWO);
    let trunk = &server
        .there
        .trunks
        .iter()
        .find(|trunk| trunk.name == "A")
        .unwrap();
    assert!(trunk.krisp_enabled && trunk.auth_realm == "theirs");
    assert!(trunk.ringing_timeout.is_none() && trunk.headers.is_empty());
    assert_eq!(drift(&server.written, &server.there), []);
}

#[test]
fn secrets_are_in_no_plan() {
    let text = "trunks:\n  - {key: a, auth: {username: u, password: '${PASSWORD}'}}\n\
                rules:\n  - {key: r, trunks: [a], direct: {room: x, pin: '493817'}}\n";
    let mut server = Server::default();
    let plan = server.plan(&file(text));
    let told = format!("{}{}", plan.text(), plan.json());
    assert!(
        told.contains("authPassword") && told.contains("(secret)"),
        "{told}"
    );
    assert!(
        !told.contains("a-long-secret") && !told.contains("493817"),
        "{told}"
    );
    server.apply(text);
    // A server that keeps passwords to itself has the one it was given.
    server.there.trunks[0].auth_password.clear();
    assert!(server.plan(&file(text)).is_empty());
    let other = file_with(text, Environment::from([("PASSWORD", "another")]));
    assert_eq!(server.plan(&other).steps.len(), 1);
}

#[test]
fn what_stands_in_the_way_of_others_is_told_and_not_begun() {
    let mut server = Server::default();
    server.there.trunks.push(Inbound {
        sip_trunk_id: "ST_theirs".to_owned(),
        numbers: vec!["1 555 001".to_owned()],
        ..Inbound::default()
    });
    let plan = server.plan(&file(TWO));
    assert_eq!(plan.blocked.len(), 1);
    assert!(plan.blocked[0].contains("ST_theirs"), "{:?}", plan.blocked);
    assert!(!plan.is_empty());
}

#[test]
fn numbers_are_the_same_however_they_are_spelt_and_in_any_order() {
    let mut server = Server::default();
    let one = "trunks:\n  - {key: a, numbers: ['+1 555 001', '1555002'], allowed_addresses: [1.11.1.1, 11.1.1.2]}\n";
    server.apply(one);
    let other = "trunks:\n  - {key: a, numbers: ['+1555002', '+1555001'], allowed_addresses: [11.1.1.2, 1.11.1.1]}\n";
    assert!(server.plan(&file(other)).is_empty());
    let addresses = other.replace("1.11.1.1", "11.1.1.1");
    assert_eq!(server.plan(&file(&addresses)).steps.len(), 1);
}

#[test]
fn the_users_metadata_is_there_beside_the_mark() {
    let text = "trunks:\n  - {key: a, allowed_addresses: [192.0.2.1], metadata: gold}\n\
                rules:\n  - {key: r, trunks: [a], metadata: '{\"tier\": 1}', callee: {room_prefix: c, randomize: true}, \
                agents: [one, {name: two, metadata: m}]}\n";
    let mut server = Server::default();
    server.apply(text);
    assert_eq!(mark::unmarked(&server.there.trunks[0].metadata), "gold");
    let rule = &server.there.rules[0];
    assert_eq!(mark::unmarked(&rule.metadata), "{\"tier\": 1}");
    let config = rule.room_config.as_ref().unwrap();
    assert_eq!(
        (
            config.agents[1].agent_name.as_str(),
            config.agents[1].metadata.as_str()
        ),
        ("two", "m")
    );
    assert_eq!(config.departure_timeout, 2);
}

#[test]
fn the_way_back_is_what_was_there() {
    let mut server = Server::default();
    server.apply(TWO);
    let kept = Kept::of(&server.there, &server.written);
    server.apply("trunks:\n  - {key: b, name: B2, numbers: ['+1555001'], allowed_addresses: [192.0.2.2], ringing_timeout: 9s}\n\
                  rules:\n  - {key: n, trunks: [b], direct: {room: n}}\n");
    let (wanted, written) = back(&kept, &server.there, &server.written);
    let plan = Plan::make(&wanted, server.there.clone(), &written);
    server.go(&plan);
    let mut numbers = server.numbers();
    numbers.sort();
    assert_eq!(
        numbers,
        [("A", "+1555001".to_owned()), ("B", "+1555002".to_owned())]
    );
    assert!(
        server
            .there
            .trunks
            .iter()
            .all(|trunk| trunk.ringing_timeout.is_none())
    );
    assert_eq!(server.there.rules.len(), 1);
    let (wanted, written) = back(&kept, &server.there, &server.written);
    let again = Plan::make(&wanted, server.there.clone(), &written);
    assert!(again.is_empty(), "{}", again.text());
}

#[test]
fn an_export_is_a_file_that_makes_the_same() {
    let text = "trunks:\n  - {key: main, name: 'Main, \"one\"', numbers: ['+1555001'], auth: {username: u, password: '${PASSWORD}', realm: r}, \
                headers: {X-A: 'a: b # c'}, headers_to_attributes: {X-B: b}, include_headers: x_headers, max_call_duration: 90s, \
                media: {codecs: [PCMU, opus/48000], encryption: allow, timeout: 1500ms}, called_number_from: [Diversion]}\n\
                outbound:\n  - {key: out, address: 'sip.example.com:5061', transport: tls, numbers: ['+1555001'], from_host: example.org}\n\
                rules:\n  - {key: r, trunks: [main], metadata: 'it''s ${PASSWORD}', individual: {room_prefix: c, pin: '493817'}, agents: [a], \
                attributes: {k: v}, room_config: {empty_timeout: 7, metadata: 'pay $${PASSWORD}'}}\n";
    let mut server = Server::default();
    let plan = server.plan(&file(text));
    server.go(&plan);
    let made = export(&server.there, "wss://example.org");
    assert!(!made.text.contains("493817"), "{}", made.text);
    let env: Environment = made.secrets.clone().into_iter().collect();
    let plan = server.plan(&file_with(&made.text, env));
    assert!(plan.is_empty(), "{}\n{}", made.text, plan.text());
}

#[test]
fn an_export_of_what_others_made_has_keys_of_its_own() {
    let trunk = |id: &str| Inbound {
        sip_trunk_id: id.to_owned(),
        name: "My Provider!".to_owned(),
        allowed_addresses: vec!["192.0.2.1".to_owned()],
        ..Inbound::default()
    };
    let there = There {
        trunks: vec![trunk("ST_1"), trunk("ST_2")],
        outbound: vec![Outbound::default()],
        rules: vec![Rule::default()],
    };
    let made = export(&there, "ws://x");
    for part in ["key: \"my-provider\"\n", "key: \"my-provider-2\"\n"] {
        assert!(made.text.contains(part), "{part} is not in:\n{}", made.text);
    }
    assert_eq!(made.notes.len(), 1, "{:?}", made.notes);
}

#[test]
fn a_file_that_can_be_read_may_still_be_wrong() {
    let text = "trunks:\n  - {key: a, numbers: ['+15550001'], allowed_addresses: [192.0.2.1]}\n  \
                - {key: b, numbers: ['1 555 0001'], allowed_addresses: [0.0.0.0/0]}\n  \
                - {key: c, numbers: ['+15550003'], allowed_addresses: [192.0.2.3]}\n\
                rules:\n  - {key: r, trunks: [a], numbers: ['+15550009'], direct: {room: x}}\n  \
                - {key: s, direct: {room: x, pin: '12'}}\n  - {key: t, direct: {room: y, pin: '12'}}\n  \
                - {key: u, trunks: [c], individual: {room_prefix: c}}\n";
    let findings = lint(&file(text));
    let of = |weight: Weight| -> String {
        let all = findings.iter().filter(|one| one.weight == weight);
        all.map(|one| format!("{}\n", one.what)).collect()
    };
    for part in [
        "trunks `a` and `b` both take calls to",
        "trunk `b` lets everybody call in",
        "rule `r` can never match: no trunk of its own lists +15550009",
        "rules `s` and `t` are for the same calls",
    ] {
        assert!(
            of(Weight::Problem).contains(part),
            "{part} is not in:\n{}",
            of(Weight::Problem)
        );
    }
    for part in [
        "nobody is asked for the PIN of rule `s` whose call rule `r` takes",
        "spells 1 555 0001 otherwise",
        "rule `s` takes the calls of every trunk",
        "the PIN of rule `s` is soon guessed",
        "rule `u` names no agent",
    ] {
        assert!(
            of(Weight::Warning).contains(part),
            "{part} is not in:\n{}",
            of(Weight::Warning)
        );
    }
    let open = "trunks:\n  - {key: a, numbers: ['+15550001'], allowed_addresses: [192.0.2.1]}\nrules:\n  \
                - {key: s, trunks: [a], direct: {room: x, pin: '123456'}}\n  \
                - {key: t, trunks: [a], direct: {room: y}}\n";
    let beside: Vec<String> = lint(&file(open)).into_iter().map(|one| one.what).collect();
    let [only] = beside.as_slice() else {
        panic!("{beside:?}")
    };
    assert!(
        only.contains("types # alone comes in by rule `t`"),
        "{only}"
    );
    assert!(lint(&file(TWO)).is_empty());
    let shipped = crate::settings::shipped_sip();
    assert!(lint(&file(shipped)).is_empty());
}

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

#[test]
fn numbers_of_a_rule_are_compared_as_text() {
    let rules = |number: &str| {
        format!("{TWO}  - {{key: s, trunks: [a], numbers: ['{number}'], direct: {{room: s}}}}\n")
    };
    let mut server = Server::default();
    server.apply(&rules("1555001"));
    assert_eq!(server.apply(&rules("+1555001")), [Act::Update]);
    let rule = server
        .there
        .rules
        .iter()
        .find(|rule| rule.numbers == ["+1555001"]);
    assert!(rule.is_some());
}

#[test]
fn variables_of_an_export_are_one_for_each_secret_and_can_be_set() {
    let trunk = |id: &str, name: &str, password: &str| Inbound {
        sip_trunk_id: id.to_owned(),
        name: name.to_owned(),
        auth_username: "u".to_owned(),
        auth_password: password.to_owned(),
        ..Inbound::default()
    };
    let there = There {
        trunks: vec![
            trunk("ST_1", "büro", "one"),
            trunk("ST_2", "büro", ""),
            trunk("ST_3", "電話", "3"),
        ],
        outbound: vec![Outbound {
            name: "büro".to_owned(),
            address: "sip.example.com".to_owned(),
            auth_username: "u".to_owned(),
            auth_password: "two".to_owned(),
            ..Outbound::default()
        }],
        rules: Vec::new(),
    };
    let made = export(&there, "ws://x");
    let secrets: BTreeMap<&str, &str> = made
        .secrets
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let expected = [
        ("SIP_B_RO_PASSWORD", "one"),
        ("SIP_B_RO_PASSWORD_2", "two"),
        ("SIP_PASSWORD", "3"),
    ];
    assert_eq!(secrets, BTreeMap::from(expected), "{}", made.text);
    let told = made
        .notes
        .iter()
        .any(|note| note.contains("SIP_B_RO_2_PASSWORD"));
    assert!(told, "{:?}", made.notes);
}
