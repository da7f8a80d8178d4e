//! SIP as code: a file, a server, and what lies between.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::desk::{Desk, Said, at, said};

/// A desk with a configuration of its own.
struct Code {
    desk: Desk,
}

const SIP: &str = "livekit-sip-correct.yaml";

const TWO: &str = "\
trunks:
  - {key: one, name: One, numbers: ['+15550001'], allowed_addresses: [192.0.2.1]}
  - key: two
    name: Two
    numbers: ['+15550002']
    auth: {username: me, password: \"${SIP_PASSWORD}\"}
outbound:
  - {key: out, name: Out, address: sip.example.com, transport: tcp, numbers: ['+15550001']}
rules:
  - {key: desk, name: Desk, trunks: [one, two], individual: {room_prefix: desk}, agents: [a], metadata: gold}
";

impl Code {
    fn new() -> Self {
        let code = Self { desk: Desk::new() };
        let store = code.dir().join("trunkline.db");
        std::fs::create_dir(code.dir()).unwrap();
        let livekit = format!("store: {{path: {}}}\n", store.display());
        std::fs::write(code.dir().join("livekit.yaml"), livekit).unwrap();
        code
    }

    fn dir(&self) -> PathBuf {
        self.desk.home.path().join("config")
    }

    fn file(&self, text: &str) {
        std::fs::write(self.dir().join(SIP), text).unwrap();
    }

    fn say(&self, args: &[&str]) -> Said {
        let config = self.dir().display().to_string();
        let all = [&["--config", &config, "sip"], args].concat();
        said(self.desk.command(&all).env("SIP_PASSWORD", "a-long-secret"))
    }

    /// A verb's exit code, and its one document.
    fn json(&self, args: &[&str]) -> (Option<i32>, Value) {
        let said = self.say(&[args, &["--json", "--yes"]].concat());
        let read = serde_json::from_str(&said.out);
        (
            said.code,
            read.unwrap_or_else(|error| panic!("{error}: {}\n{}", said.out, said.err)),
        )
    }

    /// Those of this file: one more was made by the daemon's own, and stays.
    fn trunks(&self) -> Vec<(String, String)> {
        let listed = self.desk.json(&["sip", "inbound", "list"]);
        let mut all: Vec<(String, String)> = listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let numbers = one["numbers"].as_array().cloned().unwrap_or_default();
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                (
                    text(&one["name"]),
                    numbers.first().map(text).unwrap_or_default(),
                )
            })
            .collect();
        all.sort();
        let others = all.len();
        all.retain(|(name, _)| name != "Phones on this machine");
        assert_eq!(all.len() + 1, others, "nothing of another file is removed");
        all
    }
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, number): &(&str, &str)| ((*name).to_owned(), (*number).to_owned());
    all.iter().map(owned).collect()
}

#[test]
fn a_file_is_planned_applied_watched_and_rolled_back() {
    let code = Code::new();
    code.file(TWO);
    let (exit, plan) = code.json(&["plan"]);
    assert_eq!(exit, Some(2));
    let made = plan["changes"].as_array().unwrap();
    let created = made.iter().filter(|one| one["act"] == "create").count();
    assert_eq!(created, 4, "{plan}");
    assert!(!plan.to_string().contains("a-long-secret"));
    // Nobody can be asked, and nothing was said to be right.
    assert_eq!(code.say(&["apply"]).code, Some(64));

    let (exit, applied) = code.json(&["apply"]);
    assert_eq!((exit, &applied["left"]["changes"]), (Some(0), &json!([])));
    assert_eq!(code.json(&["plan"]).0, Some(0));
    assert_eq!(code.json(&["drift"]).0, Some(0));
    assert_eq!(
        code.trunks(),
        pairs(&[("One", "+15550001"), ("Two", "+15550002")])
    );

    // Numbers change places, and ids stay.
    let before = code.desk.json(&["sip", "dispatch", "list"]);
    code.file(
        &TWO.replace("+15550001'], allowed", "+15550009'], allowed")
            .replace("+15550002", "+15550001")
            .replace("+15550009", "+15550002"),
    );
    let words = code.say(&["apply", "--yes"]);
    assert_eq!(words.code, Some(0), "{}", words.err);
    assert!(words.out.contains("steps aside"), "{}", words.out);
    assert_eq!(
        code.trunks(),
        pairs(&[("One", "+15550002"), ("Two", "+15550001")])
    );
    let after = code.desk.json(&["sip", "dispatch", "list"]);
    assert_eq!(
        after["items"][0]["trunkIds"],
        before["items"][0]["trunkIds"]
    );

    // Somebody edits by hand.
    let listed = code.desk.json(&["sip", "inbound", "list"]);
    let ours = |one: &&Value| one["name"] == "One";
    let one = listed["items"].as_array().unwrap().iter().find(ours);
    let id = one.unwrap()["sipTrunkId"].as_str().unwrap();
    let edit = ["sip", "inbound", "update", "--id", id, "--name", "Edited"];
    code.desk.words(&edit);
    let (exit, drift) = code.json(&["drift"]);
    assert_eq!(exit, Some(2));
    assert_eq!(drift["drift"][0]["fields"][0]["to"], "Edited", "{drift}");
    assert_eq!(code.json(&["plan"]).0, Some(2));

    // The way back to before the numbers changed places: the second newest that is kept.
    let (_, kept) = code.json(&["rollback", "--list"]);
    let newest = kept["kept"][0]["id"].as_str().unwrap().to_owned();
    let (exit, back) = code.json(&["rollback", "--to", &newest]);
    assert_eq!(exit, Some(0), "{back}");
    assert_eq!(
        code.trunks(),
        pairs(&[("One", "+15550001"), ("Two", "+15550002")])
    );
}

#[test]
fn an_export_is_valid_and_makes_the_same() {
    let code = Code::new();
    code.file(TWO);
    assert_eq!(code.json(&["apply"]).0, Some(0));
    let variables = code.desk.home.path().join("variables");
    let (exit, export) = code.json(&["export", "--env", &variables.display().to_string()]);
    assert_eq!(exit, Some(0));
    let text = export["file"].as_str().unwrap();
    assert!(!text.contains("a-long-secret"), "{text}");
    code.file(text);
    let with_variables = |args: &[&str]| {
        let config = code.dir().display().to_string();
        let all = [&["--config", &config, "sip"], args].concat();
        said(
            code.desk
                .command(&all)
                .env("TRUNKLINE_ENV_FILE", &variables),
        )
    };
    let valid = with_variables(&["validate"]);
    assert_eq!(valid.code, Some(0), "{}{}", valid.out, valid.err);
    let plan = with_variables(&["plan"]);
    assert_eq!(plan.code, Some(0), "{}{}", plan.out, plan.err);
}

#[test]
fn a_file_is_checked_offline_with_everything_at_once() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("sip.yaml");
    let path_text = path.display().to_string();
    let check = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let said = said(&mut at(
            home.path(),
            &["sip", "validate", &path_text, "--json"],
        ));
        let read: Value = serde_json::from_str(&said.out).unwrap();
        (said.code, read)
    };
    let (exit, clean) = check(
        "trunks:\n  - {key: a, allowed_addresses: [192.0.2.1]}\nrules:\n  - {key: r, trunks: [a], direct: {room: x}}\n",
    );
    assert_eq!((exit, &clean["warnings"]), (Some(0), &json!([])));
    let (exit, odd) = check("trunks:\n  - {key: a, allowed_addresses: [192.0.2.1]}\n");
    assert_eq!(
        (exit, odd["warnings"].as_array().unwrap().len()),
        (Some(1), 1)
    );
    let (exit, wrong) = check(
        "gateway: {codecs: [PCMX]}\ntrunks:\n  - {key: a, numbers: ['+1555O100'], allowed_addresses: [192.0.2.1], headers: {Via: x}}\n  \
         - {key: b, allowed_addresses: [192.0.2.0/24]}\n  - {key: c, allowed_addresses: [192.0.2.2]}\n\
         outbound:\n  - {key: o, address: 'sip:example.com', numbers: ['1']}\n\
         rules:\n  - {key: r, trunks: [a, b, c], direct: {room: x, pin: '12ab'}, media: {codecs: [opus]}}\n",
    );
    assert_eq!(exit, Some(2));
    let told = wrong["problems"].to_string();
    for part in [
        "codec `PCMX`",
        "`+1555O100` is no number",
        "`Via` is the gateway's own header",
        "trunks `b` and `c` both take calls to any number",
        "`sip:example.com` is not a host",
        "a PIN is typed on a telephone",
        "`opus` needs its rate",
    ] {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
    assert_eq!(wrong["problems"].as_array().unwrap().len(), 7, "{told}");
}

/// Trunks and rules changed by a restart only, and a slip in the file took the calls with it.
#[test]
fn a_changed_file_is_taken_up_and_a_bad_one_leaves_the_last_good_one_in_force() {
    let desk = Desk::new();
    let file = desk.daemon.config().join(SIP);
    let write = |text: &str| {
        let new = file.with_extension("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, &file).unwrap();
    };
    let becomes = |what: &dyn Fn() -> String, wanted: &str| {
        let began = std::time::Instant::now();
        while !what().contains(wanted) {
            assert!(began.elapsed() < crate::desk::LIMIT, "{wanted}: {}", what());
        }
    };
    let trunks = || desk.words(&["sip", "inbound", "list"]);
    let ready = || {
        let url = format!("http://{}/readyz", desk.daemon.addr("console"));
        let asked = async { reqwest::get(url).await.unwrap().text().await.unwrap() };
        tokio::runtime::Runtime::new().unwrap().block_on(asked)
    };
    write(
        "trunks:\n  - {key: n, name: Fresh, numbers: ['+15550007'], allowed_addresses: [192.0.2.1]}\n",
    );
    becomes(&trunks, "Fresh");
    assert!(!trunks().contains("Phones on this machine"));
    write(
        "trunks:\n  - {key: n, name: Stale, numbers: ['+1555O007'], allowed_addresses: [192.0.2.1]}\n",
    );
    becomes(&ready, "the last good ones are in force");
    assert!(trunks().contains("Fresh"));
    write(
        "trunks:\n  - {key: n, name: Third, numbers: ['+15550007'], allowed_addresses: [192.0.2.1]}\n",
    );
    becomes(&trunks, "Third");
    // Without the rest of the file other addresses would count from the next start on.
    becomes(&ready, "\"in force");
}

/// A PIN was believed where nobody is asked for one, and asked for where it is not.
#[test]
fn a_pin_is_tried_as_the_gateway_asks_for_it() {
    let code = Code::new();
    code.file(
        "trunks:\n  - {key: a, numbers: ['+15550001'], allowed_addresses: [192.0.2.1]}\nrules:\n  \
         - {key: s, trunks: [a], direct: {room: vault, pin: '123456'}}\n  \
         - {key: t, trunks: [a], direct: {room: lobby}}\n",
    );
    let route = |more: &[&str]| {
        let call = [
            "--from",
            "+15559",
            "--to",
            "+15550001",
            "--source",
            "192.0.2.1",
        ];
        code.json(&[&["route-test"][..], &call, more].concat())
    };
    let (exit, asked) = route(&[]);
    assert_eq!((exit, &asked["outcome"]), (Some(0), &json!("pin")));
    for (pin, exit, outcome, room) in [
        ("123456", 0, "accepted", json!("vault")),
        ("123456#", 0, "accepted", json!("vault")),
        ("12345", 2, "refused", json!(null)),
        ("", 0, "accepted", json!("lobby")),
    ] {
        let (code, told) = route(&["--pin", pin]);
        let of = (code, &told["outcome"], &told["room"], &told["asks_pin"]);
        let wanted = (Some(exit), &json!(outcome), &room, &json!(true));
        assert_eq!(of, wanted, "{pin}");
        assert!(!told.to_string().contains("123456"), "{told}");
    }
    for pin in ["12a", "1#2", "12345678901234567"] {
        let said = code.say(&[
            "route-test",
            "--from",
            "1",
            "--to",
            "2",
            "--source",
            "192.0.2.1",
            "--pin",
            pin,
        ]);
        assert_ne!(said.code, Some(0), "{pin}");
        assert!(said.err.contains("PIN"), "{}", said.err);
    }
}

#[test]
fn a_call_that_nobody_makes_is_routed_and_a_refusal_is_explained() {
    let code = Code::new();
    code.file(TWO);
    let route = |to: &str, source: &str| {
        code.json(&[
            "route-test",
            "--from",
            "+15559",
            "--to",
            to,
            "--source",
            source,
        ])
    };
    let (exit, taken) = route("+15550001", "192.0.2.1");
    assert_eq!((exit, &taken["outcome"]), (Some(0), &json!("accepted")));
    assert_eq!(taken["room"], "desk_+15559_RANDOM");
    let (exit, refused) = route("+15550001", "192.0.2.9");
    assert_eq!((exit, &refused["outcome"]), (Some(2), &json!("refused")));
    let one = &refused["considered"][0];
    assert_eq!(one["verdict"], "address_not_allowed");
    assert!(
        one["remedy"]
            .as_str()
            .unwrap()
            .contains("allowed_addresses")
    );
    let (_, unasked) = code.json(&[
        "route-test",
        "--from",
        "+15559",
        "--to",
        "+15550001",
        "--source",
        "192.0.2.1",
        "--pin",
        "1",
    ]);
    assert_eq!(
        (&unasked["outcome"], &unasked["asks_pin"]),
        (&json!("accepted"), &json!(false))
    );
    // By the server, which does not have the file yet.
    let words = code.say(&[
        "route-test",
        "--from",
        "1",
        "--to",
        "+15550001",
        "--source",
        "192.0.2.1",
        "--server",
    ]);
    assert_eq!(words.code, Some(2), "{}", words.out);
    assert!(words.out.contains("refused with"), "{}", words.out);
    let said = code.say(&["explain"]);
    assert_eq!(said.code, Some(66), "{}", said.err);
}
