//! `sip dispatch list | create | update | delete`: which room a call goes to.

use clap::{Args, Subcommand};
use livekit_protocol as proto;
use livekit_protocol::sip_dispatch_rule::Rule;
use livekit_protocol::update_sip_dispatch_rule_request::Action;
use trunkline_base::class::Class;
use trunkline_client::api::table;

use super::media::Media;
use super::shared::{
    Ids, create_each, headers, id_of, list, list_update, made, one_file, said_deleted, told_deleted,
};
use crate::failure::Failure;
use crate::global::Global;
use crate::output::{self, plain};
use crate::server::Server;
use crate::{ask, request};

#[derive(Debug, Subcommand)]
pub(crate) enum Rules {
    /// List the rules
    #[command(after_help = "Example:\n  trunkline sip dispatch list")]
    List,
    /// Create rules
    #[command(
        after_help = "Examples:\n  trunkline sip dispatch create --name sales --direct sales-room\n  trunkline sip dispatch create --individual call- --trunks ST_abc"
    )]
    Create(Create),
    /// Change a rule by flags, or replace it by a JSON file
    #[command(
        after_help = "Example:\n  trunkline sip dispatch update --id SDR_abc --callee number- --randomize"
    )]
    Update(Update),
    /// Delete rules
    #[command(after_help = "Example:\n  trunkline sip dispatch delete SDR_abc --yes")]
    Delete(Ids),
}

#[derive(Debug, Args)]
pub(crate) struct Fields {
    /// The rule's name
    #[arg(long)]
    name: Option<String>,
    /// The trunks it is for; without any it is for all
    #[arg(long, value_name = "TRUNK", value_delimiter = ',')]
    trunks: Option<Vec<String>>,
    #[command(flatten)]
    way: Way,
    #[command(flatten)]
    media: Media,
}

/// Which room.
#[derive(Clone, Debug, Args)]
#[group(id = "way", multiple = false)]
pub(crate) struct Way {
    /// Every call to this room
    #[arg(long, value_name = "ROOM")]
    direct: Option<String>,
    /// Each caller to a room of their own, whose name starts with this
    #[arg(long, value_name = "PREFIX", visible_alias = "individual")]
    caller: Option<String>,
    /// Each number called to a room of its own, whose name starts with this
    #[arg(long, value_name = "PREFIX")]
    callee: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    #[command(flatten)]
    fields: Fields,
    /// A made-up end to the name of a --callee room
    #[arg(long, requires = "callee")]
    randomize: bool,
    /// CreateSIPDispatchRuleRequest as JSON: files, - for standard input, or itself
    #[arg(value_name = "JSON")]
    files: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// The rule
    #[arg(long)]
    id: Option<String>,
    #[command(flatten)]
    fields: Fields,
    /// A made-up end to the name of a --callee room
    #[arg(long, requires = "callee")]
    randomize: bool,
    /// SIPDispatchRuleInfo as JSON, which replaces the rule
    #[arg(value_name = "JSON")]
    files: Vec<String>,
}

pub(super) async fn run(verb: Rules, global: &Global) -> Result<(), Failure> {
    match verb {
        Rules::List => show(&Server::open(global)?).await,
        Rules::Create(typed) => Box::pin(create(typed, global)).await,
        Rules::Update(typed) => update(typed, global).await,
        Rules::Delete(ids) => delete(ids.ids, &Server::open(global)?).await,
    }
}

async fn show(server: &Server<'_>) -> Result<(), Failure> {
    let list = Box::pin(server.api().list_dispatch_rules());
    let listed = server.every(&table::LIST_SIP_DISPATCH_RULE, list).await?;
    let Some(rules) = listed else {
        return Ok(());
    };
    let list = output::List {
        key: "items",
        header: &[
            "SipDispatchRuleID",
            "Name",
            "SipTrunks",
            "Type",
            "RoomName",
            "Pin",
            "Attributes",
            "Agents",
        ],
        empty: "there is no dispatch rule",
    };
    list.show(server.global().json, &rules, row);
    Ok(())
}

fn row(info: &proto::SipDispatchRuleInfo) -> Vec<String> {
    let rule = info.rule.as_ref().and_then(|rule| rule.rule.as_ref());
    let (kind, room, pin) = match rule {
        Some(Rule::DispatchRuleDirect(direct)) => {
            ("Direct", direct.room_name.clone(), &*direct.pin)
        }
        Some(Rule::DispatchRuleIndividual(own)) => {
            let room = format!("{}_<caller>_<random>", own.room_prefix);
            ("Individual (Caller)", room, &*own.pin)
        }
        Some(Rule::DispatchRuleCallee(callee)) => {
            let end = if callee.randomize { "_<random>" } else { "" };
            let room = format!("{}<callee>{end}", callee.room_prefix);
            ("Callee", room, &*callee.pin)
        }
        None => ("", String::new(), ""),
    };
    let trunks = match info.trunk_ids.as_slice() {
        [] => "<any>".to_owned(),
        some => some.join(","),
    };
    let agents = info.room_config.iter().flat_map(|config| &config.agents);
    let agents: Vec<&str> = agents.map(|agent| agent.agent_name.as_str()).collect();
    vec![
        info.sip_dispatch_rule_id.clone(),
        info.name.clone(),
        trunks,
        kind.to_owned(),
        room,
        if pin.is_empty() { "" } else { "****" }.to_owned(),
        headers(&[&info.attributes]),
        agents.join(","),
    ]
}

async fn create(typed: Create, global: &Global) -> Result<(), Failure> {
    let put = |request: &mut proto::CreateSipDispatchRuleRequest| {
        if older(request) && typed.fields.is_empty() {
            return Ok(());
        }
        let rule = request.dispatch_rule.get_or_insert_default();
        typed.fields.put(rule, typed.randomize)?;
        if rule.rule.is_some() {
            return Ok(());
        }
        let text = "the rule does not say which room a call goes to";
        Err(Failure::new(Class::Invalid, "cli.request", text)
            .or_else("pass --direct, --individual or --callee, or a JSON file with a rule"))
    };
    let rpc = &table::CREATE_SIP_DISPATCH_RULE;
    let rules = Box::pin(create_each(&typed.files, rpc, put, global)).await?;
    made(&rules, id, "SIPDispatchRuleID:", global);
    Ok(())
}

/// Whether a file says its rule in the older form, without `dispatchRule`.
#[expect(deprecated, reason = "files in the older form are still about")]
fn older(request: &proto::CreateSipDispatchRuleRequest) -> bool {
    request.dispatch_rule.is_none() && request.rule.is_some()
}

fn id(rule: &proto::SipDispatchRuleInfo) -> String {
    rule.sip_dispatch_rule_id.clone()
}

async fn update(typed: Update, global: &Global) -> Result<(), Failure> {
    let (rule_id, action) = if let Some(file) = one_file(&typed.files)? {
        let mut rule: proto::SipDispatchRuleInfo = request::read(file)?;
        let id = id_of(typed.id, std::mem::take(&mut rule.sip_dispatch_rule_id))?;
        typed.fields.put(&mut rule, typed.randomize)?;
        (id, Action::Replace(rule))
    } else {
        let id = id_of(typed.id, String::new())?;
        (
            id,
            Action::Update(typed.fields.into_update(typed.randomize)?),
        )
    };
    let request = proto::UpdateSipDispatchRuleRequest {
        sip_dispatch_rule_id: rule_id,
        action: Some(action),
    };
    let server = Server::open(global)?;
    let call = server.call(&table::UPDATE_SIP_DISPATCH_RULE, request);
    let rules = Vec::from_iter(call.await?);
    made(&rules, id, "SIPDispatchRuleID:", global);
    Ok(())
}

async fn delete(ids: Vec<String>, server: &Server<'_>) -> Result<(), Failure> {
    let global = server.global();
    ask::sure(&format!("Delete rule {}?", plain(&ids.join(", "))), global)?;
    let mut gone = Vec::new();
    for sip_dispatch_rule_id in ids {
        let request = proto::DeleteSipDispatchRuleRequest {
            sip_dispatch_rule_id: sip_dispatch_rule_id.clone(),
        };
        let call = server.call(&table::DELETE_SIP_DISPATCH_RULE, request);
        if call.await?.is_some() {
            said_deleted("rule", &sip_dispatch_rule_id, global);
            gone.push(sip_dispatch_rule_id);
        }
    }
    told_deleted(&gone, global);
    Ok(())
}

impl Way {
    fn rule(&self, randomize: bool) -> Option<proto::SipDispatchRule> {
        let rule = match (&self.direct, &self.caller, &self.callee) {
            (Some(room), ..) => Rule::DispatchRuleDirect(proto::SipDispatchRuleDirect {
                room_name: room.clone(),
                ..proto::SipDispatchRuleDirect::default()
            }),
            (_, Some(prefix), _) => {
                Rule::DispatchRuleIndividual(proto::SipDispatchRuleIndividual {
                    room_prefix: prefix.clone(),
                    ..proto::SipDispatchRuleIndividual::default()
                })
            }
            (.., Some(prefix)) => Rule::DispatchRuleCallee(proto::SipDispatchRuleCallee {
                room_prefix: prefix.clone(),
                randomize,
                ..proto::SipDispatchRuleCallee::default()
            }),
            (None, None, None) => return None,
        };
        Some(proto::SipDispatchRule { rule: Some(rule) })
    }
}

impl Fields {
    fn is_empty(&self) -> bool {
        self.name.is_none() && self.trunks.is_none() && self.way.rule(false).is_none()
    }

    /// What was typed, on top of what is there; a rule has one way only.
    #[expect(
        deprecated,
        reason = "servers before the media setting read the old field"
    )]
    fn put(&self, rule: &mut proto::SipDispatchRuleInfo, randomize: bool) -> Result<(), Failure> {
        if let Some(name) = &self.name {
            rule.name.clone_from(name);
        }
        if let Some(trunks) = list(self.trunks.clone()) {
            rule.trunk_ids = trunks;
        }
        if let Some(way) = self.way.rule(randomize) {
            if rule.rule.is_some() {
                let text = "the JSON has a rule already, and a flag gives another";
                return Err(Failure::new(Class::Invalid, "cli.request", text)
                    .or_else("leave --direct, --individual and --callee out"));
            }
            rule.rule = Some(way);
        }
        if let Some(media) = self.media.config()? {
            rule.media = Some(media);
        }
        if let Some(encryption) = self.media.encryption() {
            rule.media_encryption = encryption;
        }
        Ok(())
    }

    #[expect(
        deprecated,
        reason = "servers before the media setting read the old field"
    )]
    fn into_update(self, randomize: bool) -> Result<proto::SipDispatchRuleUpdate, Failure> {
        Ok(proto::SipDispatchRuleUpdate {
            media: self.media.config()?,
            media_encryption: self.media.encryption(),
            rule: self.way.rule(randomize),
            trunk_ids: list_update(self.trunks),
            name: self.name,
            ..proto::SipDispatchRuleUpdate::default()
        })
    }
}
