//! Plans against a server in memory that refuses what LiveKit refuses.

mod exports;
mod marks;

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
