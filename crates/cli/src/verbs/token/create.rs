//! `token create`: a role, or single rights in `lk`'s words, becomes a signed token.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use trunkline_base::class::Classified as _;
use trunkline_base::id::{IdError, ParticipantIdentity, RoomName};
use trunkline_base::token::{Claims, InferenceGrant};
use trunkline_client::auth::{AuthError, Fault, LiveKitAuthManager, Role, TokenSpec};
use trunkline_service::config::parse_duration;

use super::grants::Rights;
use super::refusal::invalid;
use crate::clock::{now, utc};
use crate::failure::Failure;
use crate::global::Global;
use crate::output;
use crate::verbs::keys;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RoleName {
    /// Joins, publishes, subscribes
    Participant,
    /// Calls the whole of the server's API
    Admin,
    /// Administers one room
    RoomAdmin,
    /// Joins and watches
    ViewOnly,
    /// An agent, or an agent worker without --room
    Agent,
    /// A phone call's participant
    Sip,
    /// A recorder
    #[value(alias = "egress")]
    Recorder,
    /// Media imported from outside
    Ingress,
    /// Reads participants' metrics
    Metrics,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Participant => Self::Participant,
            RoleName::Admin => Self::Admin,
            RoleName::RoomAdmin => Self::RoomAdmin,
            RoleName::ViewOnly => Self::ViewOnly,
            RoleName::Agent => Self::Agent,
            RoleName::Sip => Self::Sip,
            RoleName::Recorder => Self::Recorder,
            RoleName::Ingress => Self::Ingress,
            RoleName::Metrics => Self::Metrics,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What it is for; the rights below are added to it, or stand alone without it
    #[arg(long, value_enum)]
    role: Option<RoleName>,
    #[command(flatten)]
    rights: Rights,
    /// The bearer; made up when absent
    #[arg(long, short)]
    identity: Option<String>,
    /// The room
    #[arg(long, short)]
    room: Option<String>,
    /// Display name
    #[arg(long, short)]
    name: Option<String>,
    /// Metadata
    #[arg(long)]
    metadata: Option<String>,
    /// Attribute, as key=value; may be repeated
    #[arg(long = "attribute", value_name = "KEY=VALUE")]
    attributes: Vec<String>,
    /// Attributes from a JSON file
    #[arg(long, value_name = "FILE")]
    attribute_file: Option<PathBuf>,
    /// Dispatch this agent when the join creates the room; empty for the unnamed one
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Which deployment of the agent
    #[arg(long, short, value_name = "NAME", requires = "agent")]
    deployment: Option<String>,
    /// Metadata for the agent's job
    #[arg(long, value_name = "TEXT", requires = "agent")]
    job_metadata: Option<String>,
    /// A room configuration that the server knows by this name
    #[arg(long, value_name = "NAME")]
    room_preset: Option<String>,
    /// How long it is valid, such as 10m or 6h
    #[arg(long, default_value = "5m", value_name = "TIME")]
    valid_for: String,
    /// Sign rights or a life beyond what such a token is for
    #[arg(long)]
    wide: bool,
    /// Print the token and nothing beside it
    #[arg(long)]
    token_only: bool,
}

pub(super) fn run(typed: &Create, global: &Global) -> Result<(), Failure> {
    let life = parse_duration(&typed.valid_for)
        .map_err(|error| invalid(format!("--valid-for: {error}")))?;
    let spec = spec(typed)?;
    let keys = keys(global)?;
    let key = keys.active().id().to_owned();
    let claims = spec.claims(now(), life).map_err(refused)?;
    let token = LiveKitAuthManager::new(keys).mint_for(&spec, life)?;
    if global.json {
        output::json(&json!({
            "token": token.expose(), "api_key": key, "identity": spec.identity,
            "room": spec.room, "valid_seconds": life.as_secs(), "grants": granted(&claims),
        }));
        return Ok(());
    }
    output::line(token.expose());
    if !typed.token_only {
        let until = utc(now().plus(life));
        let who = spec.identity.as_str();
        output::note(&format!("for {who}, signed by {key}, valid until {until}"));
        output::note(&format!("allows {}", granted(&claims)));
    }
    Ok(())
}

/// Why, and the flag that allows it where one does.
fn refused(error: AuthError) -> Failure {
    let wide = |fault: &Fault| matches!(fault, Fault::OverWide { .. } | Fault::LivesTooLong { .. });
    match &error {
        AuthError::Refused(faults) if faults.iter().any(wide) => {
            Failure::new(error.class(), error.code(), format!("{error} (--wide)"))
        }
        _ => error.into(),
    }
}

fn granted(claims: &Claims) -> Value {
    let all = serde_json::to_value(claims).unwrap_or_default();
    let kept = ["video", "sip", "agent", "inference", "observability"];
    kept.iter()
        .filter_map(|name| Some(((*name).to_owned(), all.get(name)?.clone())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn spec(typed: &Create) -> Result<TokenSpec, Failure> {
    let id = |error: IdError| invalid(error.to_string());
    let room = typed
        .room
        .clone()
        .map(RoomName::parse)
        .transpose()
        .map_err(id)?;
    let role = typed.role.map(Role::from);
    let (role, grant) = typed.rights.resolve(role, room.as_ref())?;
    let identity = match &typed.identity {
        Some(identity) => identity.clone(),
        None => format!("{role}-{:08x}", rand::random::<u32>()),
    };
    let identity = ParticipantIdentity::parse(identity).map_err(id)?;
    let attributes = attributes(typed)?;
    let mut spec = TokenSpec::new(role, identity).saying(|mut claims| {
        claims.video = grant;
        claims.sip = typed.rights.sip();
        claims.inference = typed
            .rights
            .inference
            .then_some(InferenceGrant { perform: true });
        claims.room_config = agents(typed);
        claims
            .with_name(typed.name.clone().unwrap_or_default())
            .with_metadata(typed.metadata.clone().unwrap_or_default())
            .with_room_preset(typed.room_preset.clone().unwrap_or_default())
            .with_attributes(attributes)
    });
    if let Some(room) = room {
        spec = spec.in_room(room);
    }
    if typed.wide {
        spec = spec.deliberately_wide();
    }
    Ok(spec)
}

fn agents(typed: &Create) -> Option<Value> {
    let mut agent = json!({ "agentName": typed.agent.as_ref()? });
    let more = [
        ("metadata", &typed.job_metadata),
        ("deployment", &typed.deployment),
    ];
    for (name, value) in more {
        if let (Some(value), Some(fields)) = (value, agent.as_object_mut()) {
            fields.insert(name.to_owned(), value.clone().into());
        }
    }
    Some(json!({ "agents": [agent] }))
}

fn attributes(typed: &Create) -> Result<BTreeMap<String, String>, Failure> {
    let mut all = BTreeMap::new();
    for pair in &typed.attributes {
        let split = pair.split_once('=').filter(|(key, _)| !key.is_empty());
        let (key, value) =
            split.ok_or_else(|| invalid(format!("--attribute `{pair}` is not key=value")))?;
        all.insert(key.to_owned(), value.to_owned());
    }
    if let Some(path) = &typed.attribute_file {
        let wrong = |what: String| invalid(format!("--attribute-file {}: {what}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let more: BTreeMap<String, String> = serde_json::from_str(&text)
            .map_err(|error| wrong(format!("not a JSON object of texts: {error}")))?;
        all.extend(more);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        create: Create,
    }

    fn typed(line: &str) -> Create {
        Line::parse_from(std::iter::once("create").chain(line.split(' '))).create
    }

    fn claims(line: &str) -> Result<Claims, Failure> {
        let typed = typed(line);
        let life = parse_duration(&typed.valid_for).unwrap_or_default();
        Ok(spec(&typed)?.claims(now(), life)?)
    }

    #[test]
    fn lk_words_become_exactly_those_rights() {
        let claims =
            claims("--join --admin -r lobby -i ann --allow-source camera,microphone").unwrap();
        let video = claims.video.unwrap();
        assert!(video.room_join && video.room_admin && !video.room_create);
        assert_eq!(video.can_publish_sources, ["camera", "microphone"]);
        assert_eq!((video.room.as_str(), claims.sub.as_str()), ("lobby", "ann"));
        assert_eq!(claims.exp - claims.nbf.unwrap(), 300);
    }

    #[test]
    fn server_rights_stand_alone_and_bring_no_telephony() {
        let claims = claims("--create --list --egress --ingress").unwrap();
        let video = claims.video.unwrap();
        assert!(video.room_create && video.room_list && video.room_record && video.ingress_admin);
        assert!(claims.sip.is_none() && !video.room_join);
        assert!(claims.sub.starts_with("admin-"));
    }

    #[test]
    fn telephony_rights_stand_alone_too() {
        let claims = claims("--sip-call --admin -r lobby -i curl").unwrap();
        let (video, sip) = (claims.video.unwrap(), claims.sip.unwrap());
        assert!(sip.call && !sip.admin);
        assert!(video.room_admin && !video.room_create && !video.room_join);
    }

    #[test]
    fn rights_that_do_not_fit_together_are_refused_unless_meant() {
        let refused = claims("--join --create -r lobby -i ann")
            .unwrap_err()
            .to_string();
        assert!(refused.contains("roomCreate"), "{refused}");
        assert!(claims("--join --create -r lobby -i ann --wide").is_ok());
        let homeless = claims("--join -i ann").unwrap_err().to_string();
        assert!(homeless.contains("room"), "{homeless}");
    }

    #[test]
    fn a_grant_in_json_is_merged_and_misspellings_are_named() {
        let merged = claims(r#"--join -r lobby --grant {"canPublish":false,"hidden":true} --wide"#);
        let video = merged.unwrap().video.unwrap();
        assert!(video.room_join && video.hidden && video.can_publish == Some(false));
        let wrong = claims(r#"--join -r lobby --grant {"canPublsh":false}"#).unwrap_err();
        assert!(
            wrong.to_string().contains("did you mean `canPublish`?"),
            "{wrong}"
        );
        assert!(claims("--join -r lobby --grant nonsense").is_err());
    }

    #[test]
    fn an_agent_is_dispatched_with_its_metadata() {
        let claims =
            claims("--join -r lobby --agent desk --job-metadata m --deployment blue").unwrap();
        let config = claims.room_config.unwrap();
        assert_eq!(config["agents"][0]["agentName"], "desk");
        assert_eq!(config["agents"][0]["metadata"], "m");
        assert_eq!(config["agents"][0]["deployment"], "blue");
    }
}
