//! `sip participant create | transfer`: calls.

use std::time::Duration;

use clap::{Args, Subcommand};
use livekit_protocol as proto;
use trunkline_base::class::Class;
use trunkline_client::api::table;
use trunkline_service::config::parse_duration;

use super::media::Media;
use super::shared::made;
use crate::failure::Failure;
use crate::global::Global;
use crate::output::{self, plain};
use crate::server::Server;
use crate::verbs::pairs::pairs;
use crate::verbs::trunk;
use crate::{request, template};

#[derive(Debug, Subcommand)]
pub(crate) enum Participant {
    /// Call a number; who answers is in the room
    #[command(
        after_help = "Example:\n  trunkline sip participant create --trunk ST_abc --call +15105550123 --room lobby --wait"
    )]
    Create(Create),
    /// Transfer a call to another number
    #[command(
        after_help = "Example:\n  trunkline sip participant transfer --room lobby --identity caller --to tel:+15105550199"
    )]
    Transfer(Transfer),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The room; %t, %x and others are filled in
    #[arg(long, short, value_parser = template::parse)]
    room: Option<String>,
    /// The participant's identity
    #[arg(long, short, value_parser = template::parse)]
    identity: Option<String>,
    /// The outbound trunk, by its id, its key in the file or its name
    #[arg(long, value_name = "TRUNK")]
    trunk: Option<String>,
    /// The number that calls
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// The number that is called
    #[arg(long, value_name = "NUMBER")]
    call: Option<String>,
    /// The participant's name
    #[arg(long)]
    name: Option<String>,
    /// The name shown to who is called
    #[arg(long, value_name = "NAME", conflicts_with = "no_display_name")]
    display_name: Option<String>,
    /// Show no name to who is called
    #[arg(long)]
    no_display_name: bool,
    /// Wait until somebody answers
    #[arg(long)]
    wait: bool,
    /// How long it rings; 80s without it
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
    /// SIP header, as 'Key: value'; may be repeated
    #[arg(long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    #[command(flatten)]
    media: Media,
    /// CreateSIPParticipantRequest as JSON: files, - for standard input, or itself
    #[arg(value_name = "JSON")]
    files: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Transfer {
    /// The room
    #[arg(long, short, value_parser = template::parse)]
    room: String,
    /// The call's participant
    #[arg(long, short, value_parser = template::parse)]
    identity: String,
    /// Where to: a SIP address, tel: and a number, or participant: and the identity of who else is on
    /// the phone in the room
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    /// Let the caller hear a dial tone meanwhile
    #[arg(long)]
    play_dialtone: bool,
    /// SIP header, as 'Key: value'; may be repeated
    #[arg(long = "header", value_name = "HEADER")]
    headers: Vec<String>,
}

/// LiveKit's own limit for ringing.
const RINGING: Duration = Duration::from_secs(80);

pub(super) async fn run(verb: Participant, global: &Global) -> Result<(), Failure> {
    match verb {
        Participant::Create(typed) => create(&typed, global).await,
        Participant::Transfer(typed) => transfer(typed, &Server::open(global)?).await,
    }
}

async fn create(typed: &Create, global: &Global) -> Result<(), Failure> {
    let mut requests: Vec<proto::CreateSipParticipantRequest> = typed
        .files
        .iter()
        .map(|file| request::read(file))
        .collect::<Result<_, _>>()?;
    if requests.is_empty() {
        requests.push(proto::CreateSipParticipantRequest::default());
    }
    for request in &mut requests {
        typed.put(request)?;
        check(request)?;
    }
    let server = Server::open(global)?;
    let mut calls = Vec::new();
    for mut request in requests {
        if let Some(typed) = &typed.trunk {
            request.sip_trunk_id = trunk::id(typed, &server).await?;
        }
        calls.extend(server.call(&table::CREATE_SIP_PARTICIPANT, request).await?);
    }
    if global.json {
        made(&calls, |call| call.sip_call_id.clone(), "", global);
        return Ok(());
    }
    for call in &calls {
        output::line(&format!("SIPCallID: {}", call.sip_call_id));
        output::line(&format!("ParticipantID: {}", call.participant_id));
        let identity = plain(&call.participant_identity);
        output::line(&format!("ParticipantIdentity: {identity}"));
        output::line(&format!("RoomName: {}", plain(&call.room_name)));
    }
    Ok(())
}

impl Create {
    /// What was typed, on top of what is there.
    #[expect(
        deprecated,
        reason = "servers before the media setting read the old field"
    )]
    fn put(&self, request: &mut proto::CreateSipParticipantRequest) -> Result<(), Failure> {
        let texts = [
            (&self.room, &mut request.room_name),
            (&self.identity, &mut request.participant_identity),
            (&self.trunk, &mut request.sip_trunk_id),
            (&self.number, &mut request.sip_number),
            (&self.call, &mut request.sip_call_to),
            (&self.name, &mut request.participant_name),
        ];
        for (typed, field) in texts {
            if let Some(typed) = typed {
                field.clone_from(typed);
            }
        }
        if self.no_display_name {
            request.display_name = Some(String::new());
        } else if let Some(name) = &self.display_name {
            request.display_name = Some(name.clone());
        }
        request.wait_until_answered |= self.wait;
        request
            .headers
            .extend(pairs(&self.headers, ':', "--header")?);
        if let Some(media) = self.media.config()? {
            request.media = Some(media);
        }
        if let Some(encryption) = self.media.encryption() {
            request.media_encryption = encryption;
        }
        if self.timeout.is_some() || request.ringing_timeout.is_none() {
            request.ringing_timeout = Some(self.ringing()?);
        }
        Ok(())
    }

    fn ringing(&self) -> Result<pbjson_types::Duration, Failure> {
        let ringing = match &self.timeout {
            None => RINGING,
            Some(typed) => parse_duration(typed).map_err(|error| {
                let text = format!("--timeout: {error}");
                Failure::new(Class::Invalid, "cli.timeout", text)
            })?,
        };
        Ok(pbjson_types::Duration {
            seconds: i64::try_from(ringing.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(ringing.subsec_nanos()).unwrap_or(0),
        })
    }
}

/// What cannot be a call is refused before anything is dialled.
fn check(request: &proto::CreateSipParticipantRequest) -> Result<(), Failure> {
    let lacks = [
        (
            "a trunk: pass --trunk",
            request.sip_trunk_id.is_empty() && request.trunk.is_none(),
        ),
        (
            "a number to call: pass --call",
            request.sip_call_to.is_empty() && request.sip_request_uri.is_none(),
        ),
        ("a room: pass --room", request.room_name.is_empty()),
    ];
    match lacks.into_iter().find(|(_, lacks)| *lacks) {
        None => Ok(()),
        Some((what, _)) => {
            let text = format!("the call lacks {what}, or write it into the JSON");
            Err(Failure::new(Class::Invalid, "cli.request", text))
        }
    }
}

async fn transfer(typed: Transfer, server: &Server<'_>) -> Result<(), Failure> {
    let words = format!(
        "{} is transferred to {}",
        plain(&typed.identity),
        plain(&typed.to)
    );
    let request = proto::TransferSipParticipantRequest {
        participant_identity: typed.identity,
        room_name: typed.room,
        transfer_to: typed.to,
        play_dialtone: typed.play_dialtone,
        headers: pairs(&typed.headers, ':', "--header")?,
        ..proto::TransferSipParticipantRequest::default()
    };
    let Some(answer) = server
        .call(&table::TRANSFER_SIP_PARTICIPANT, request)
        .await?
    else {
        return Ok(());
    };
    output::answer(server.global().json, &answer, || words);
    Ok(())
}
