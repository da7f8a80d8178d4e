//! SIP as code against a stand-in for LiveKit Cloud. It is a stand-in: it answers as Cloud documents
//! (lists come in pages, requests are limited, entries get fields that nobody asked for, passwords are
//! not told, two entries that collide are refused), and nobody has compared it with Cloud itself.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use livekit_protocol as proto;
use prost::Message;
use proto::{
    SipDispatchRuleInfo as Rule, SipInboundTrunkInfo as Inbound, SipOutboundTrunkInfo as Outbound,
};
use serde_json::Value;
use tempfile::TempDir;
use trunkline_sip::routing::{RuleClaims, TrunkClaims};

use crate::desk::{Said, at, said};
use crate::http::{self, Asked, serve};

/// What the project holds, and how it behaves.
#[derive(Default)]
struct Project {
    trunks: Vec<Inbound>,
    outbound: Vec<Outbound>,
    rules: Vec<Rule>,
    ids: usize,
    /// Writes so far, refused ones too.
    writes: usize,
    /// Requests that were over the limit.
    limited: usize,
    /// The write that ends in a failure of Cloud's own.
    fails_at: Option<usize>,
}

type Answer = Result<Vec<u8>, (u16, &'static str, String)>;

/// Entries on one page.
const PAGE: usize = 50;

fn page<T: Clone>(
    all: &[T],
    page: Option<&proto::Pagination>,
    id: impl Fn(&T) -> String,
) -> Vec<T> {
    let mut all = all.to_vec();
    all.sort_by_key(&id);
    let after = page.map(|page| page.after_id.clone()).unwrap_or_default();
    let behind = all.into_iter().filter(|item| id(item) > after);
    behind.take(PAGE).collect()
}

fn read<M: Message + Default>(body: &[u8]) -> M {
    M::decode(body).unwrap()
}

fn stamp(at: usize) -> Option<pbjson_types::Timestamp> {
    Some(pbjson_types::Timestamp {
        seconds: 1_800_000_000 + i64::try_from(at).unwrap(),
        nanos: 0,
    })
}

impl Project {
    fn answer(&mut self, rpc: &str, body: &[u8]) -> Answer {
        if !rpc.starts_with("List") {
            self.writes += 1;
            // One in four is over the project's limit, and is to come again.
            if self.writes % 4 == 2 && rpc.starts_with("Update") {
                self.limited += 1;
                return Err((429, "resource_exhausted", "rate limit exceeded".to_owned()));
            }
            if self.fails_at == Some(self.writes) {
                return Err((503, "unavailable", "upstream is away".to_owned()));
            }
        }
        match rpc {
            "ListSIPInboundTrunk" => {
                let request: proto::ListSipInboundTrunkRequest = read(body);
                let mut items = page(&self.trunks, request.page.as_ref(), |t| {
                    t.sip_trunk_id.clone()
                });
                // A password is taken and never told.
                items
                    .iter_mut()
                    .for_each(|trunk| trunk.auth_password.clear());
                Ok(proto::ListSipInboundTrunkResponse { items }.encode_to_vec())
            }
            "ListSIPOutboundTrunk" => {
                let request: proto::ListSipOutboundTrunkRequest = read(body);
                let mut items = page(&self.outbound, request.page.as_ref(), |t| {
                    t.sip_trunk_id.clone()
                });
                items
                    .iter_mut()
                    .for_each(|trunk| trunk.auth_password.clear());
                Ok(proto::ListSipOutboundTrunkResponse { items }.encode_to_vec())
            }
            "ListSIPDispatchRule" => {
                let request: proto::ListSipDispatchRuleRequest = read(body);
                let id = |rule: &Rule| rule.sip_dispatch_rule_id.clone();
                let items = page(&self.rules, request.page.as_ref(), id);
                Ok(proto::ListSipDispatchRuleResponse { items }.encode_to_vec())
            }
            "DeleteSIPTrunk" => {
                let id = read::<proto::DeleteSipTrunkRequest>(body).sip_trunk_id;
                let before = self.trunks.len() + self.outbound.len();
                self.trunks.retain(|trunk| trunk.sip_trunk_id != id);
                self.outbound.retain(|trunk| trunk.sip_trunk_id != id);
                if self.trunks.len() + self.outbound.len() == before {
                    return Err(missing("trunk"));
                }
                Ok(proto::SipTrunkInfo::default().encode_to_vec())
            }
            "DeleteSIPDispatchRule" => {
                let id = read::<proto::DeleteSipDispatchRuleRequest>(body).sip_dispatch_rule_id;
                let before = self.rules.len();
                self.rules.retain(|rule| rule.sip_dispatch_rule_id != id);
                if self.rules.len() == before {
                    return Err(missing("dispatch rule"));
                }
                Ok(Rule::default().encode_to_vec())
            }
            _ => self.write(rpc, body),
        }
    }

    fn write(&mut self, rpc: &str, body: &[u8]) -> Answer {
        use proto::update_sip_dispatch_rule_request::Action as OfRule;
        use proto::update_sip_inbound_trunk_request::Action as OfInbound;
        use proto::update_sip_outbound_trunk_request::Action as OfOutbound;
        match rpc {
            "CreateSIPInboundTrunk" => {
                let request: proto::CreateSipInboundTrunkRequest = read(body);
                self.inbound(String::new(), request.trunk.unwrap())
            }
            "UpdateSIPInboundTrunk" => {
                let request: proto::UpdateSipInboundTrunkRequest = read(body);
                match request.action {
                    Some(OfInbound::Replace(trunk)) => self.inbound(request.sip_trunk_id, trunk),
                    other => panic!("{other:?}"),
                }
            }
            "CreateSIPOutboundTrunk" => {
                let request: proto::CreateSipOutboundTrunkRequest = read(body);
                self.outbound(String::new(), request.trunk.unwrap())
            }
            "UpdateSIPOutboundTrunk" => {
                let request: proto::UpdateSipOutboundTrunkRequest = read(body);
                match request.action {
                    Some(OfOutbound::Replace(trunk)) => self.outbound(request.sip_trunk_id, trunk),
                    other => panic!("{other:?}"),
                }
            }
            "CreateSIPDispatchRule" => {
                let request: proto::CreateSipDispatchRuleRequest = read(body);
                self.rule(String::new(), request.dispatch_rule.unwrap())
            }
            "UpdateSIPDispatchRule" => {
                let request: proto::UpdateSipDispatchRuleRequest = read(body);
                match request.action {
                    Some(OfRule::Replace(rule)) => self.rule(request.sip_dispatch_rule_id, rule),
                    other => panic!("{other:?}"),
                }
            }
            other => Err((404, "bad_route", format!("no handler for {other}"))),
        }
    }

    fn id(&mut self, kind: &str, given: String) -> String {
        self.ids += 1;
        if given.is_empty() {
            format!("{kind}_{:04}", self.ids)
        } else {
            given
        }
    }

    fn inbound(&mut self, given: String, mut trunk: Inbound) -> Answer {
        let ours = trunk_claims(&trunk);
        let collides = |other: &Inbound| ours.collide(trunk_claims(other));
        let mut others = self
            .trunks
            .iter()
            .filter(|other| other.sip_trunk_id != given);
        if others.any(collides) {
            let text = "Conflicting inbound SIP Trunks: using the same number(s)";
            return Err((400, "invalid_argument", text.to_owned()));
        }
        let known = self.trunks.iter().find(|other| other.sip_trunk_id == given);
        trunk.created_at = known.map_or_else(|| stamp(self.ids), |known| known.created_at);
        // Cloud's own wishes, which nobody asked for.
        trunk.krisp_enabled = true;
        trunk.updated_at = stamp(self.ids);
        trunk.sip_trunk_id = self.id("ST", given);
        self.trunks
            .retain(|other| other.sip_trunk_id != trunk.sip_trunk_id);
        self.trunks.push(trunk.clone());
        trunk.auth_password.clear();
        Ok(trunk.encode_to_vec())
    }

    fn outbound(&mut self, given: String, mut trunk: Outbound) -> Answer {
        trunk.created_at = stamp(self.ids);
        trunk.updated_at = stamp(self.ids);
        trunk.sip_trunk_id = self.id("ST", given);
        self.outbound
            .retain(|other| other.sip_trunk_id != trunk.sip_trunk_id);
        self.outbound.push(trunk.clone());
        trunk.auth_password.clear();
        Ok(trunk.encode_to_vec())
    }

    fn rule(&mut self, given: String, mut rule: Rule) -> Answer {
        let known = |id: &String| self.trunks.iter().any(|trunk| trunk.sip_trunk_id == *id);
        if !rule.trunk_ids.iter().all(known) {
            return Err(missing("trunk"));
        }
        let ours = rule_claims(&rule);
        let collides = |other: &Rule| ours.collide(rule_claims(other));
        let mut others = self
            .rules
            .iter()
            .filter(|other| other.sip_dispatch_rule_id != given);
        if others.any(collides) {
            let text = "Dispatch rule for the same trunk, inbound number, number, and PIN \
                        combination already exists";
            return Err((400, "invalid_argument", text.to_owned()));
        }
        rule.room_preset = "cloud-default".to_owned();
        rule.krisp_enabled = true;
        rule.created_at = stamp(self.ids);
        rule.updated_at = stamp(self.ids);
        rule.sip_dispatch_rule_id = self.id("SDR", given);
        self.rules
            .retain(|other| other.sip_dispatch_rule_id != rule.sip_dispatch_rule_id);
        self.rules.push(rule.clone());
        Ok(rule.encode_to_vec())
    }
}

fn missing(what: &str) -> (u16, &'static str, String) {
    (
        404,
        "not_found",
        format!("requested sip {what} does not exist"),
    )
}

fn trunk_claims(trunk: &Inbound) -> TrunkClaims<'_> {
    TrunkClaims {
        numbers: &trunk.numbers,
        callers: &trunk.allowed_numbers,
    }
}

/// No rule here asks for a PIN.
fn rule_claims(rule: &Rule) -> RuleClaims<'_> {
    RuleClaims {
        pin: "",
        trunks: &rule.trunk_ids,
        callers: &rule.inbound_numbers,
        numbers: &rule.numbers,
    }
}

/// The stand-in, and somebody with a file for it.
struct Cloud {
    url: String,
    project: Arc<Mutex<Project>>,
    home: TempDir,
}

impl Cloud {
    fn start(file: &str) -> Self {
        let project = Arc::new(Mutex::new(Project::default()));
        let shared = Arc::clone(&project);
        let addr = serve(move |asked| answer(&asked, &shared));
        let cloud = Self {
            url: format!("http://{addr}"),
            project,
            home: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(cloud.config()).unwrap();
        let store = cloud.home.path().join("trunkline.db");
        let livekit = format!(
            "livekit: {{server: remote}}\nstore: {{path: {}}}\n",
            store.display()
        );
        std::fs::write(cloud.config().join("livekit.yaml"), livekit).unwrap();
        cloud.file(file);
        cloud
    }

    fn config(&self) -> PathBuf {
        self.home.path().join("config")
    }

    fn file(&self, text: &str) {
        std::fs::write(self.config().join("livekit-sip-correct.yaml"), text).unwrap();
    }

    fn say(&self, args: &[&str]) -> Said {
        let config = self.config().display().to_string();
        let mut command = at(
            self.home.path(),
            &[&["--config", &config, "sip"], args].concat(),
        );
        command.env("SIP_PASSWORD", "a-long-secret");
        said(command.args(["--url", &self.url, "--dev", "--json", "--yes"]))
    }

    /// A verb's exit code, and its one document.
    fn json(&self, args: &[&str]) -> (Option<i32>, Value) {
        let said = self.say(args);
        let read = serde_json::from_str(&said.out);
        (
            said.code,
            read.unwrap_or_else(|error| panic!("{error}: {}\n{}", said.out, said.err)),
        )
    }

    /// How many changes a plan has.
    fn planned(&self) -> usize {
        let (_, plan) = self.json(&["plan"]);
        plan["changes"].as_array().unwrap().len()
    }

    fn project<T>(&self, look: impl FnOnce(&mut Project) -> T) -> T {
        look(&mut self.project.lock().unwrap())
    }
}

/// Tokens are whatever they are.
fn answer(asked: &Asked, project: &Mutex<Project>) -> http::Answer {
    let rpc = asked.rpc.trim_start_matches("SIP/");
    let answered = if asked.has_token {
        project.lock().unwrap().answer(rpc, &asked.body)
    } else {
        Err((
            401,
            "unauthenticated",
            "no permissions to access the room".to_owned(),
        ))
    };
    answered.map_or_else(
        |(status, code, msg)| http::Answer {
            wait: (status == 429).then_some(1),
            ..http::Answer::new(
                status,
                serde_json::json!({ "code": code, "msg": msg })
                    .to_string()
                    .into_bytes(),
            )
        },
        |body| http::Answer::new(200, body),
    )
}

const FILE: &str = "\
trunks:
  - {key: a, name: A, numbers: ['+15550001'], allowed_addresses: [192.0.2.1]}
  - {key: b, name: B, numbers: ['+15550002'], auth: {username: me, password: '${SIP_PASSWORD}'}}
  - {key: c, name: C, numbers: ['+15550003'], allowed_addresses: [192.0.2.3]}
outbound:
  - {key: out, name: Out, address: sip.example.com, numbers: ['+15550001'], auth: {username: me, password: '${SIP_PASSWORD}'}}
rules:
  - {key: r, name: R, trunks: [a, b, c], individual: {room_prefix: call}}
";

/// More trunks, which are nothing but many.
fn filled(file: &str) -> String {
    let more = (0..PAGE).map(|at| {
        format!(
            "  - {{key: m{at}, name: M{at}, numbers: ['+155501{at:02}'], allowed_addresses: [192.0.2.9]}}\n"
        )
    });
    file.replace(
        "outbound:\n",
        &format!("{}outbound:\n", more.collect::<String>()),
    )
}

/// The trunks come in two pages; what stands on the second was made again at each apply.
#[test]
fn a_project_whose_lists_come_in_pages_is_applied_once() {
    let cloud = Cloud::start(&filled(FILE));
    let (exit, applied) = cloud.json(&["apply"]);
    assert_eq!((exit, cloud.planned()), (Some(0), 0), "{applied}");
    let (exit, again) = cloud.json(&["apply"]);
    assert_eq!(exit, Some(0), "{again}");
    let counts = cloud.project(|all| {
        (
            all.trunks.len(),
            all.outbound.len(),
            all.rules.len(),
            all.writes,
        )
    });
    let wanted = (3 + PAGE, 1, 1, 5 + PAGE);
    assert_eq!(counts, wanted, "nothing was written twice");
    assert_eq!(cloud.json(&["drift"]).0, Some(0));
    let password = cloud.project(|all| {
        let b = all.trunks.iter().find(|trunk| trunk.name == "B").unwrap();
        b.auth_password.clone()
    });
    assert_eq!(password, "a-long-secret");
    // A person sees the second page too.
    let listed = cloud.json(&["inbound", "list"]).1;
    assert_eq!(listed["items"].as_array().unwrap().len(), 3 + PAGE);
}

#[test]
fn what_cloud_adds_of_its_own_stays_and_a_limit_is_waited_for() {
    let cloud = Cloud::start(FILE);
    assert_eq!(cloud.json(&["apply"]).0, Some(0));
    // Two numbers change places, which takes a step aside.
    let swapped = FILE
        .replace("+15550003", "+9")
        .replace("['+15550002'], auth", "['+15550003'], auth");
    cloud.file(&swapped.replace("+9", "+15550002"));
    let (exit, applied) = cloud.json(&["apply"]);
    assert_eq!((exit, cloud.planned()), (Some(0), 0), "{applied}");
    let (limited, krisp, preset) = cloud.project(|all| {
        let preset = all.rules[0].room_preset.clone();
        (
            all.limited,
            all.trunks.iter().all(|trunk| trunk.krisp_enabled),
            preset,
        )
    });
    assert!(limited > 0, "no request was over the limit");
    assert!(krisp && preset == "cloud-default");
    let password = cloud.project(|all| {
        let b = all.trunks.iter().find(|trunk| trunk.name == "B").unwrap();
        b.auth_password.clone()
    });
    assert_eq!(
        password, "a-long-secret",
        "a password that is not told goes along"
    );
}

#[test]
fn an_apply_that_failed_in_the_middle_goes_on_from_there() {
    let cloud = Cloud::start(FILE);
    cloud.project(|all| all.fails_at = Some(3));
    let stopped = cloud.say(&["apply"]);
    assert_eq!(stopped.code, Some(69), "{}{}", stopped.out, stopped.err);
    assert_eq!(cloud.planned(), 3);
    assert_eq!(cloud.json(&["apply"]).0, Some(0));
    assert_eq!(cloud.planned(), 0);
    assert_eq!(
        cloud.project(|all| (all.trunks.len(), all.rules.len())),
        (3, 1)
    );
}

#[test]
fn what_others_made_is_exported_and_what_collides_is_refused_before_it_is_begun() {
    let cloud = Cloud::start("trunks: []\nrules: []\n");
    let theirs = |numbers: &[&str]| Inbound {
        name: "Theirs".to_owned(),
        numbers: numbers.iter().map(|&n| n.to_owned()).collect(),
        allowed_addresses: vec!["198.51.100.1".to_owned()],
        ..Inbound::default()
    };
    for number in ["+15550007", "+15550008", "+15550001"] {
        cloud.project(|all| all.inbound(String::new(), theirs(&[number])).unwrap());
    }
    let export = cloud.say(&["export"]);
    assert_eq!(export.code, Some(0), "{}", export.err);
    for number in ["+15550007", "+15550008", "+15550001"] {
        assert!(
            export.out.contains(number),
            "{number} is not in {}",
            export.out
        );
    }
    cloud.file(FILE);
    let writes = cloud.project(|all| all.writes);
    let refused = cloud.say(&["apply"]);
    assert_ne!(refused.code, Some(0), "{}", refused.out);
    assert_eq!(
        cloud.project(|all| all.writes),
        writes,
        "something was written"
    );
    let said = format!("{}{}", refused.out, refused.err);
    assert!(said.contains("the same calls as ST_"), "{said}");
}
