//! What a client asks for when it joins: the v0 query or the v1 `join_request`, checked and made
//! into one [`JoinParams`].

use std::collections::BTreeMap;
use std::io::Read;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use http::StatusCode;
use livekit_protocol as proto;
use prost::Message;
use proto::wrapped_join_request::Compression;
use trunkline_base::id::RoomName;
use trunkline_base::token::Claims;

use super::client_info;
use crate::caller::{Caller, NOT_GRANTED};
use crate::query::Query;
use crate::room::{JoinParams, Topology};

mod probe;

pub use probe::reads_query;

/// Which join path was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// `/rtc`: query parameters, or a `join_request`.
    V0,
    /// `/rtc/v1`: a `join_request` is required.
    V1,
}

/// Whether malformed extras are refused (validation) or ignored (joining), as upstream does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    Strict,
    Lenient,
}

/// Why a join request is refused, in LiveKit's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("permissions denied")]
    Denied,
    /// Nothing in the token is about joining, or not about what else is asked.
    #[error("{NOT_GRANTED}")]
    NotGranted,
    #[error("identity cannot be empty")]
    NoIdentity,
    #[error("participant identity length exceeds limits: max length {MAX_NAME}")]
    IdentityTooLong,
    #[error("no room name")]
    NoRoom,
    #[error("room name length exceeds limits: max length {MAX_NAME}")]
    RoomTooLong,
    #[error("cannot decode attributes")]
    Attributes,
    #[error("join_request is required")]
    Required,
    #[error("cannot base64 decode wrapped join request")]
    Base64,
    #[error("cannot unmarshal wrapped join request")]
    Wrapper,
    #[error("cannot unmarshal join request")]
    Unreadable,
    #[error("cannot read decompressed join request")]
    Compressed,
    #[error("join request too large")]
    TooLarge,
}

impl RequestError {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Denied | Self::NotGranted => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// The request around the parameters.
pub(crate) struct Asked<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) query: Query,
    pub(crate) path: Path,
    pub(crate) address: String,
    pub(crate) user_agent: &'a str,
}

/// Checks token and parameters and makes them one [`JoinParams`].
pub(crate) fn read(asked: &Asked<'_>, strictness: Strictness) -> Result<JoinParams, RequestError> {
    if asked
        .caller
        .claims()
        .is_none_or(|claims| claims.video.is_none())
    {
        return Err(RequestError::NotGranted);
    }
    let wrapped = asked.query.text("join_request");
    if wrapped.is_none() && asked.path == Path::V1 {
        return Err(RequestError::Required);
    }
    let request = wrapped.map(unwrap_request).transpose()?;
    let attributes = match &request {
        Some(request) => request.participant_attributes.clone().into_iter().collect(),
        None => query_attributes(&asked.query, strictness)?,
    };
    let metadata = request.as_ref().map(|request| request.metadata.clone());
    let metadata = metadata.filter(|metadata| !metadata.is_empty());

    let (claims, room) = check(asked, metadata.is_some() || !attributes.is_empty())?;
    Ok(match request {
        Some(request) => from_request(asked, claims, room, request, metadata, attributes),
        None => from_query(asked, claims, room, attributes),
    })
}

/// The token's part: roomJoin, identity, room, and the right to bring metadata.
fn check(asked: &Asked<'_>, brings_metadata: bool) -> Result<(Claims, RoomName), RequestError> {
    let (claims, video) = asked.caller.may_join().map_err(|_| RequestError::Denied)?;
    let mut claims = claims.clone();
    if claims.identity().is_empty() {
        return Err(RequestError::NoIdentity);
    }
    if claims.identity().len() > MAX_NAME {
        return Err(RequestError::IdentityTooLong);
    }
    let name = if video.room.is_empty() {
        asked.query.owned("room")
    } else {
        video.room.clone()
    };
    if name.is_empty() {
        return Err(RequestError::NoRoom);
    }
    let room = RoomName::parse(name).map_err(|_| RequestError::RoomTooLong)?;
    if brings_metadata && !video.may_update_own_metadata() {
        return Err(RequestError::NotGranted);
    }
    if let Some(suffix) = asked.query.text("publish") {
        publish_only(&mut claims, suffix)?;
    }
    Ok((claims, room))
}

/// The legacy second connection of a participant, which only publishes.
fn publish_only(claims: &mut Claims, suffix: &str) -> Result<(), RequestError> {
    let identity = format!("{}#{suffix}", claims.identity());
    let video = claims.video.as_mut().filter(|video| video.may_publish());
    let video = video.ok_or(RequestError::NotGranted)?;
    video.can_subscribe = Some(false);
    claims.sub = identity;
    Ok(())
}

fn from_query(
    asked: &Asked<'_>,
    claims: Claims,
    room: RoomName,
    attributes: BTreeMap<String, String>,
) -> JoinParams {
    let query = &asked.query;
    let client = client_info::from_query(query, asked.address.clone(), asked.user_agent);
    JoinParams {
        auto_subscribe: query.flag("auto_subscribe").unwrap_or(true),
        adaptive_stream: query.flag("adaptive_stream").unwrap_or(false),
        attributes,
        reconnect: query.flag("reconnect").unwrap_or(false),
        ..JoinParams::new(room, claims, client)
    }
}

fn from_request(
    asked: &Asked<'_>,
    claims: Claims,
    room: RoomName,
    request: proto::JoinRequest,
    metadata: Option<String>,
    attributes: BTreeMap<String, String>,
) -> JoinParams {
    let settings = request.connection_settings.unwrap_or_default();
    let client = request.client_info.unwrap_or_default();
    JoinParams {
        room,
        claims,
        client: client_info::complete(client, asked.address.clone(), asked.user_agent),
        topology: Topology::Single,
        auto_subscribe: settings.auto_subscribe,
        adaptive_stream: settings.adaptive_stream,
        metadata,
        attributes,
        add_tracks: request.add_track_requests,
        publisher_offer: request.publisher_offer,
        reconnect: request.reconnect,
        sync_state: request.sync_state,
    }
}

/// base64url, then the wrapper, then gzip where it says so, then the request.
fn unwrap_request(text: &str) -> Result<proto::JoinRequest, RequestError> {
    let bytes = BASE64_URL.decode(text).map_err(|_| RequestError::Base64)?;
    let wrapped =
        proto::WrappedJoinRequest::decode(bytes.as_slice()).map_err(|_| RequestError::Wrapper)?;
    let bytes = match wrapped.compression() {
        Compression::None if wrapped.join_request.len() > MAX_REQUEST => {
            return Err(RequestError::TooLarge);
        }
        Compression::None => wrapped.join_request,
        Compression::Gzip => gunzip(&wrapped.join_request)?,
    };
    proto::JoinRequest::decode(bytes.as_slice()).map_err(|_| RequestError::Unreadable)
}

fn gunzip(compressed: &[u8]) -> Result<Vec<u8>, RequestError> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_REQUEST).unwrap_or(u64::MAX);
    flate2::read::GzDecoder::new(compressed)
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|_| RequestError::Compressed)?;
    if bytes.len() > MAX_REQUEST {
        Err(RequestError::TooLarge)
    } else {
        Ok(bytes)
    }
}

fn query_attributes(
    query: &Query,
    strictness: Strictness,
) -> Result<BTreeMap<String, String>, RequestError> {
    let Some(text) = query.text("attributes") else {
        return Ok(BTreeMap::new());
    };
    let decoded = BASE64_URL.decode(text).ok();
    match decoded.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        Some(attributes) => Ok(attributes),
        None if strictness == Strictness::Strict => Err(RequestError::Attributes),
        None => Ok(BTreeMap::new()),
    }
}

/// LiveKit's limit for room names and identities, in bytes.
const MAX_NAME: usize = 256;
/// LiveKit's limit for a decompressed join request.
const MAX_REQUEST: usize = 1 << 20;
/// URL-safe, padded or not: clients differ.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests;
