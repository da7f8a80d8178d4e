use super::super::called::{ATTRIBUTE, Told};
use super::*;
use crate::message::Headers;
use crate::routing::{DigestLogin, Numbers, RuleKind};
use trunkline_base::id::{RuleId, TrunkId};
use trunkline_base::secret::Secret;

fn trunk(id: &str, numbers: &[&str]) -> InboundTrunk {
    let mut trunk = InboundTrunk::new(TrunkId::parse(id).unwrap());
    let written: Vec<String> = numbers.iter().map(|n| (*n).to_owned()).collect();
    trunk.numbers = written.into();
    trunk
}

fn direct(id: &str, room: &str, pin: &str) -> DispatchRule {
    let kind = RuleKind::Direct {
        room_name: room.to_owned(),
        pin: pin.to_owned(),
    };
    DispatchRule::new(RuleId::parse(id).unwrap(), kind)
}

fn facts(caller: &str, called: &str) -> CallFacts {
    CallFacts {
        source: "192.0.2.1".parse().unwrap(),
        caller: Personal::new(caller.to_owned()),
        called: vec![Personal::new(called.to_owned())],
        told: Told::default(),
        bound: None,
        authenticated: false,
        pin: Pin::NotAsked,
        hostname: "192.0.2.1".to_owned(),
        suffix: "abc".to_owned(),
        hide_key: [7; 16],
    }
}

fn accepted(outcome: Outcome) -> Accepted {
    match outcome {
        Outcome::Accept(accepted) => *accepted,
        Outcome::Refused(refusal) => panic!("refused: {refusal:?}"),
        _ => panic!("not accepted"),
    }
}

fn refused(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Refused(refusal) => refusal,
        _ => panic!("not refused"),
    }
}

#[test]
fn a_listed_number_wins_over_an_open_trunk_in_any_spelling() {
    let trunks = [
        trunk("ST_open", &[]),
        trunk("ST_listed", &["+1 510 555 0100"]),
    ];
    let call = match_call(
        &trunks,
        &[direct("SDR_1", "lobby", "")],
        &facts("200", "15105550100"),
    );
    let call = accepted(call);
    assert_eq!(call.trunk.id.as_str(), "ST_listed");
    assert_eq!(call.room, "lobby");
    assert_eq!(call.identity, "sip_200");
    assert_eq!(call.attributes["sip.phoneNumber"], "200");
    assert_eq!(call.attributes["sip.trunkPhoneNumber"], "15105550100");
}

#[test]
fn a_number_only_in_to_is_still_found() {
    let mut call = facts("200", "proxy-contact");
    call.called.push(Personal::new("100".to_owned()));
    let call = accepted(match_call(
        &[trunk("ST_1", &["100"])],
        &[direct("SDR_1", "a", "")],
        &call,
    ));
    assert_eq!(call.called.expose(), "100");
}

#[test]
fn without_a_trunk_nothing_is_dispatched() {
    let call = match_call(&[], &[direct("SDR_1", "lobby", "")], &facts("200", "100"));
    assert_eq!(refused(call).reason, Verdict::NoTrunks);
    let call = match_call(
        &[trunk("ST_1", &["999"])],
        &[direct("SDR_1", "lobby", "")],
        &facts("200", "100"),
    );
    let refusal = refused(call);
    assert_eq!(
        (refusal.reason, refusal.status()),
        (Verdict::NumberNotListed, 404)
    );
    assert_eq!(refusal.considered.len(), 1);
}

#[test]
fn the_from_host_never_opens_an_address_list() {
    let mut only = trunk("ST_1", &["100"]);
    only.allowed_addresses = vec!["203.0.113.9".to_owned()];
    let mut call = facts("200", "100");
    call.hostname = "203.0.113.9".to_owned();
    let refusal = refused(match_call(&[only], &[direct("SDR_1", "a", "")], &call));
    assert_eq!(
        (refusal.reason, refusal.status()),
        (Verdict::AddressNotAllowed, 403)
    );
}

#[test]
fn a_refusal_copies_no_name_of_a_megabyte() {
    let mut named = trunk("ST_1", &["100"]);
    named.name = "\u{e9}".repeat(1 << 20);
    let refusal = refused(match_call(&[named], &[], &facts("200", "999")));
    assert!(
        refusal
            .considered
            .iter()
            .all(|one| one.name.chars().count() <= 128)
    );
    assert!(!refusal.considered.is_empty());
}

#[test]
fn a_login_is_asked_for_and_then_honoured() {
    let mut locked = trunk("ST_1", &["100"]);
    locked.auth = Some(DigestLogin {
        username: "u".to_owned(),
        password: Secret::from("p"),
        realm: "LiveKit".to_owned(),
    });
    let rules = [direct("SDR_1", "a", "")];
    let mut call = facts("200", "100");
    assert!(matches!(
        match_call(std::slice::from_ref(&locked), &rules, &call),
        Outcome::Challenge(_)
    ));
    call.authenticated = true;
    assert!(matches!(
        match_call(&[locked], &rules, &call),
        Outcome::Accept(_)
    ));
}

#[test]
fn the_trunk_that_asks_for_a_password_wins_a_tie() {
    let mut locked = trunk("ST_z", &["100"]);
    locked.auth = Some(DigestLogin {
        username: "u".to_owned(),
        password: Secret::from("p"),
        realm: "LiveKit".to_owned(),
    });
    let trunks = [trunk("ST_a", &["100"]), locked];
    let call = match_call(&trunks, &[direct("SDR_1", "a", "")], &facts("200", "100"));
    assert!(matches!(call, Outcome::Challenge(t) if t.id.as_str() == "ST_z"));
}

#[test]
fn rules_for_the_trunk_beat_rules_for_all() {
    let mut own = direct("SDR_2", "own", "");
    own.trunk_ids = vec![TrunkId::parse("ST_1").unwrap()];
    let mut other = direct("SDR_3", "other", "");
    other.trunk_ids = vec![TrunkId::parse("ST_9").unwrap()];
    let rules = [direct("SDR_1", "any", ""), other, own];
    let call = accepted(match_call(
        &[trunk("ST_1", &["100"])],
        &rules,
        &facts("200", "100"),
    ));
    assert_eq!(call.room, "own");
}

#[test]
fn rule_numbers_are_compared_in_normal_form() {
    let mut rule = direct("SDR_1", "a", "");
    rule.numbers = vec!["+1 (510) 555-0100".to_owned()].into();
    rule.inbound_numbers = vec!["0044 20 7946 0000".to_owned()].into();
    let call = facts("+442079460000", "15105550100");
    assert_eq!(
        accepted(match_call(&[trunk("ST_1", &[])], &[rule.clone()], &call)).room,
        "a"
    );
    let refusal = refused(match_call(
        &[trunk("ST_1", &[])],
        &[rule],
        &facts("200", "15105550100"),
    ));
    assert_eq!(refusal.reason, Verdict::RuleCaller);
}

#[test]
fn pins_choose_rules() {
    let rules = [
        direct("SDR_1", "open", ""),
        direct("SDR_2", "locked", "123456"),
    ];
    let trunks = [trunk("ST_1", &["100"])];
    let mut call = facts("200", "100");
    let Outcome::AskPin(question) = match_call(&trunks, &rules, &call) else {
        panic!("nobody is asked");
    };
    assert_eq!(question.first.room, "locked");
    let typed = |digits: &str| match_pin(&question, Pin::Typed(Personal::new(digits.to_owned())));
    assert_eq!(accepted(typed("123456")).room, "locked");
    assert_eq!(refused(typed("1234567")).reason, Verdict::PinWrong);
    assert_eq!(refused(typed("12345")).reason, Verdict::PinWrong);
    assert_eq!(refused(typed("")).reason, Verdict::PinWrong);
    assert_eq!(accepted(match_pin(&question, Pin::None)).room, "open");
    call.pin = Pin::Typed(Personal::new("123456".to_owned()));
    assert_eq!(accepted(match_call(&trunks, &rules, &call)).room, "locked");
    call.pin = Pin::None;
    assert_eq!(accepted(match_call(&trunks, &rules, &call)).room, "open");
    call.pin = Pin::Typed(Personal::new("1".to_owned()));
    let refusal = refused(match_call(&trunks, &rules, &call));
    assert_eq!((refusal.reason, refusal.status()), (Verdict::PinWrong, 403));
}

#[test]
fn room_names_follow_the_kind() {
    let trunks = [trunk("ST_1", &["100"])];
    let id = RuleId::parse("SDR_1").unwrap();
    let room = |kind: RuleKind| {
        let rule = DispatchRule::new(id.clone(), kind);
        accepted(match_call(&trunks, &[rule], &facts("200", "100"))).room
    };
    let (prefix, pin) = ("call".to_owned(), String::new());
    let individual = |no_randomness| RuleKind::Individual {
        room_prefix: prefix.clone(),
        pin: pin.clone(),
        no_randomness,
    };
    let callee = |randomize| RuleKind::Callee {
        room_prefix: String::new(),
        pin: pin.clone(),
        randomize,
    };
    assert_eq!(room(individual(false)), "call_200_abc");
    assert_eq!(room(individual(true)), "call_200");
    assert_eq!(room(callee(false)), "100");
    assert_eq!(room(callee(true)), "100_abc");
}

#[test]
fn a_hidden_number_is_nowhere() {
    let mut rule = DispatchRule::new(
        RuleId::parse("SDR_1").unwrap(),
        RuleKind::Individual {
            room_prefix: "call".to_owned(),
            pin: String::new(),
            no_randomness: true,
        },
    );
    rule.hide_phone_number = true;
    let trunks = [trunk("ST_1", &["100"])];
    let call = accepted(match_call(
        &trunks,
        &[rule.clone()],
        &facts("+15105550100", "100"),
    ));
    let everything = format!("{} {} {:?}", call.room, call.identity, call.attributes);
    assert!(!everything.contains("5105550100"), "{everything}");
    assert_eq!(call.name.expose(), "Phone 0100");
    let nobody = accepted(match_call(&trunks, &[rule], &facts("", "100")));
    assert_eq!(nobody.name.expose(), "Phone");
}

#[test]
fn the_order_of_the_lists_does_not_matter() {
    let mut trunks = vec![trunk("ST_2", &["100"]), trunk("ST_1", &["100"])];
    let mut rules = vec![direct("SDR_2", "same", ""), direct("SDR_1", "same", "")];
    let first = accepted(match_call(&trunks, &rules, &facts("200", "100")));
    trunks.reverse();
    rules.reverse();
    let second = accepted(match_call(&trunks, &rules, &facts("200", "100")));
    assert_eq!(first.trunk.id, second.trunk.id);
    assert_eq!(first.rule.id, second.rule.id);
    assert_eq!(
        (first.trunk.id.as_str(), first.rule.id.as_str()),
        ("ST_1", "SDR_1")
    );
}

/// A carrier sends every call to one address and the number that was dialled in a header.
#[test]
fn a_trunk_says_which_header_names_the_called_number() {
    let headers = |lines: &[(&str, &str)]| {
        let mut headers = Headers::new();
        for (name, value) in lines {
            headers.push(name, *value);
        }
        headers
    };
    let history = "<sip:+15550142@h>;index=1, <sip:+15550143@h?Reason=SIP%3Bcause%3D302>;index=1.1, <sip:gw@h>;index=1.1.1";
    for (header, value, number) in [
        (
            "P-Called-Party-ID",
            "<sip:+15550142@carrier.example>",
            "+15550142",
        ),
        ("p-called-party-id", "\"Desk\" <tel:+15550142>", "+15550142"),
        (
            "Diversion",
            "<sip:+15550142@h>;reason=unconditional, <sip:+15550199@h>",
            "+15550142",
        ),
        ("History-Info", history, "+15550143"),
    ] {
        let mut trunk = trunk("ST_1", &[]);
        trunk
            .headers_to_attributes
            .insert(header.to_owned(), ATTRIBUTE.to_owned());
        trunk.numbers = vec![number.to_owned()].into();
        let mut facts = facts("+1", "gw");
        let matched = |trunk: &InboundTrunk, facts: &CallFacts| match match_trunk(
            std::slice::from_ref(trunk),
            facts,
        ) {
            TrunkOutcome::Matched { called, .. } => Some(called.expose().clone()),
            TrunkOutcome::Refused(_) => None,
        };
        assert_eq!(matched(&trunk, &facts), None, "nobody wrote it");
        facts.told = Told::read(&headers(&[(header, value)]), "gw");
        assert_eq!(matched(&trunk, &facts).as_deref(), Some(number), "{header}");
        trunk.numbers = Numbers::default();
        assert_eq!(matched(&trunk, &facts).as_deref(), Some(number), "{header}");
        trunk.headers_to_attributes.clear();
        assert_eq!(
            matched(&trunk, &facts).as_deref(),
            Some("gw"),
            "the trunk does not believe it"
        );
    }
}

/// Most Russian providers deliver calls to a registered contact only, from wherever they like to
/// register us; numbers come in their own form.
#[test]
fn a_call_to_a_registered_contact_is_that_trunks_and_nobody_elses() {
    let mut registered = trunk("ST_reg", &["8 (495) 123-45-67"]);
    registered.registers = true;
    registered.plan = crate::routing::NumberingPlan::of("RU").unwrap();
    let rules = [direct("SDR_1", "lobby", "")];
    let mut facts = facts("79161234567", "74951234567");
    let refusal = refused(match_call(
        std::slice::from_ref(&registered),
        &rules,
        &facts,
    ));
    assert_eq!(refusal.reason, Verdict::AddressNotAllowed);
    facts.bound = Some(registered.id.clone());
    let open = trunk("ST_open", &["74951234567"]);
    let call = accepted(match_call(&[open, registered.clone()], &rules, &facts));
    assert_eq!(call.trunk.id, registered.id);
}
