//! `token create | verify`.

use std::collections::BTreeMap;
use std::io::Read as _;

use serde_json::json;
use trunkline_base::class::Class;
use trunkline_base::id::{IdError, ParticipantIdentity, RoomName};
use trunkline_client::auth::{LiveKitAuthManager, Role, TokenSpec};
use trunkline_service::config::parse_duration;

use super::{keys, now};
use crate::args::{Global, Token, TokenCreate, TokenRole};
use crate::failure::Failure;
use crate::output;

/// Longest token read from standard input.
const TOKEN_LIMIT: u64 = 64 * 1024;

pub(crate) fn run(verb: Token, global: &Global) -> Result<(), Failure> {
    match verb {
        Token::Create(create) => mint(&create, global),
        Token::Verify { token } => verify(&token, global),
    }
}

fn mint(create: &TokenCreate, global: &Global) -> Result<(), Failure> {
    let spec = spec(create)?;
    let life = parse_duration(&create.valid_for).map_err(|error| invalid(error.to_string()))?;
    let keys = keys(global)?;
    let key = keys.active().id().to_owned();
    let token = LiveKitAuthManager::new(keys).mint_for(&spec, life)?;
    if global.json {
        output::json(&json!({
            "token": token.expose(), "api_key": key, "identity": create.identity,
            "room": create.room, "valid_seconds": life.as_secs(),
        }));
    } else {
        output::line(token.expose());
    }
    Ok(())
}

fn spec(create: &TokenCreate) -> Result<TokenSpec, Failure> {
    let id = |error: IdError| invalid(error.to_string());
    let role = match create.role {
        TokenRole::Participant => Role::Participant,
        TokenRole::Admin => Role::Admin,
        TokenRole::ViewOnly => Role::ViewOnly,
        TokenRole::Agent => Role::Agent,
        TokenRole::Sip => Role::Sip,
    };
    let identity = ParticipantIdentity::parse(create.identity.clone()).map_err(id)?;
    let mut spec = TokenSpec::new(role, identity)
        .named(create.name.clone().unwrap_or_default())
        .with_metadata(create.metadata.clone().unwrap_or_default())
        .with_attributes(attributes(&create.attributes)?);
    if let Some(room) = &create.room {
        spec = spec.in_room(RoomName::parse(room.clone()).map_err(id)?);
    }
    if let Some(agent) = &create.agent {
        spec = spec.with_room_config(json!({ "agents": [{ "agentName": agent }] }));
    }
    Ok(spec)
}

fn attributes(pairs: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    pairs
        .iter()
        .map(|pair| {
            let split = pair.split_once('=').filter(|(key, _)| !key.is_empty());
            let (key, value) =
                split.ok_or_else(|| invalid(format!("--attribute `{pair}` is not key=value")))?;
            Ok((key.to_owned(), value.to_owned()))
        })
        .collect()
}

fn verify(token: &str, global: &Global) -> Result<(), Failure> {
    let mut typed = token.to_owned();
    if token == "-" {
        typed.clear();
        let read = std::io::stdin()
            .lock()
            .take(TOKEN_LIMIT)
            .read_to_string(&mut typed);
        read.map_err(|error| invalid(format!("standard input cannot be read: {error}")))?;
    }
    let claims = keys(global)?.verify(typed.trim(), now())?;
    if global.json {
        output::json(&claims);
        return Ok(());
    }
    let left = claims.exp.saturating_sub(now().secs());
    output::line(&format!("valid: signed by {}, {left} s left", claims.iss));
    output::json(&claims);
    Ok(())
}

fn invalid(text: String) -> Failure {
    Failure::new(Class::Invalid, "token.invalid", text)
}
