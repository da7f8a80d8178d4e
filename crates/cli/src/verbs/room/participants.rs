//! `room participants list | get | remove | forward | move | update`.

use clap::{Args, Subcommand};
use livekit_protocol as proto;
use livekit_protocol::participant_info::{Kind, State};
use trunkline_base::class::Class;
use trunkline_client::api::table;

use crate::failure::Failure;
use crate::global::Global;
use crate::output::{self, plain};
use crate::server::Server;
use crate::verbs::pairs::pairs;
use crate::{ask, clock, request, template};

#[derive(Debug, Subcommand)]
pub(crate) enum Participants {
    /// List who is in a room
    #[command(after_help = "Example:\n  trunkline room participants list lobby")]
    List {
        /// The room
        #[arg(value_name = "ROOM", value_parser = template::parse)]
        room: String,
    },
    /// Show one participant with their tracks
    #[command(after_help = "Example:\n  trunkline room participants get --room lobby alice")]
    Get(Who),
    /// Remove a participant
    #[command(
        after_help = "Example:\n  trunkline room participants remove --room lobby alice --yes"
    )]
    Remove(Who),
    /// Let a participant be seen and heard in another room too
    #[command(
        after_help = "Example:\n  trunkline room participants forward --room lobby --identity alice --destination-room stage"
    )]
    Forward(Whither),
    /// Move a participant to another room
    #[command(
        after_help = "Example:\n  trunkline room participants move --room lobby --identity alice --destination-room stage"
    )]
    Move(Whither),
    /// Change a participant's name, metadata, attributes or permissions
    #[command(
        after_help = "Example:\n  trunkline room participants update --room lobby alice --permissions '{\"canPublish\":false}'"
    )]
    Update(Update),
}

#[derive(Debug, Args)]
pub(crate) struct Who {
    /// The room
    #[arg(long, short, value_parser = template::parse)]
    room: String,
    /// The participant
    #[arg(value_name = "IDENTITY", value_parser = template::parse, required_unless_present = "named")]
    identity: Option<String>,
    /// The participant
    #[arg(long = "identity", short = 'i', value_name = "IDENTITY", value_parser = template::parse, conflicts_with = "identity", id = "named")]
    named: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Whither {
    #[command(flatten)]
    who: Who,
    /// The other room
    #[arg(long, value_name = "ROOM", value_parser = template::parse)]
    destination_room: String,
}

#[derive(Debug, Args)]
#[group(id = "changes", required = true, multiple = true)]
pub(crate) struct Change {
    /// New metadata
    #[arg(long)]
    metadata: Option<String>,
    /// New permissions as JSON; what is left out stays as it is
    #[arg(long, value_name = "JSON")]
    permissions: Option<String>,
    /// New display name
    #[arg(long)]
    name: Option<String>,
    /// Attribute, as key=value; an empty value removes it; may be repeated
    #[arg(long = "attribute", value_name = "KEY=VALUE")]
    attributes: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    change: Change,
}

impl Who {
    fn into_request(self) -> proto::RoomParticipantIdentity {
        proto::RoomParticipantIdentity {
            room: self.room,
            identity: self.identity.or(self.named).unwrap_or_default(),
            ..proto::RoomParticipantIdentity::default()
        }
    }
}

pub(super) async fn run(verb: Participants, global: &Global) -> Result<(), Failure> {
    match verb {
        Participants::List { room } => list(room, &Server::open(global)?).await,
        Participants::Get(who) => get(who, &Server::open(global)?).await,
        Participants::Remove(who) => remove(who, &Server::open(global)?).await,
        Participants::Forward(whither) => forward(whither, &Server::open(global)?).await,
        Participants::Move(whither) => go(whither, &Server::open(global)?).await,
        Participants::Update(typed) => update(typed, &Server::open(global)?).await,
    }
}

async fn list(room: String, server: &Server<'_>) -> Result<(), Failure> {
    let request = proto::ListParticipantsRequest { room };
    let Some(answer) = server.call(&table::LIST_PARTICIPANTS, request).await? else {
        return Ok(());
    };
    let list = output::List {
        key: "participants",
        header: &["Identity", "Name", "State", "Kind", "Tracks", "Joined"],
        empty: "nobody is in the room",
    };
    list.show(server.global().json, &answer.participants, |one| {
        vec![
            one.identity.clone(),
            one.name.clone(),
            one.state().as_str_name().to_owned(),
            one.kind().as_str_name().to_owned(),
            one.tracks.len().to_string(),
            clock::local_secs(one.joined_at),
        ]
    });
    Ok(())
}

async fn get(who: Who, server: &Server<'_>) -> Result<(), Failure> {
    let request = who.into_request();
    let Some(one) = server.call(&table::GET_PARTICIPANT, request).await? else {
        return Ok(());
    };
    output::answer(server.global().json, &one, || told(&one));
    Ok(())
}

/// A participant on a few lines.
fn told(one: &proto::ParticipantInfo) -> String {
    let state = State::try_from(one.state).unwrap_or_default();
    let kind = Kind::try_from(one.kind).unwrap_or_default();
    let mut lines = vec![
        format!("{} ({})", plain(&one.identity), one.sid),
        format!("  name      {}", plain(&one.name)),
        format!(
            "  state     {}, {}",
            state.as_str_name(),
            kind.as_str_name()
        ),
        format!("  joined    {}", clock::local_secs(one.joined_at)),
        format!("  metadata  {}", plain(&one.metadata)),
    ];
    let mut attributes: Vec<_> = one.attributes.iter().collect();
    attributes.sort();
    for (key, value) in attributes {
        lines.push(format!("  {} = {}", plain(key), plain(value)));
    }
    for track in &one.tracks {
        let muted = if track.muted { ", muted" } else { "" };
        lines.push(format!(
            "  track {}  {}, {}{muted}",
            track.sid,
            track.source().as_str_name(),
            plain(&track.mime_type)
        ));
    }
    lines.join("\n")
}

async fn remove(who: Who, server: &Server<'_>) -> Result<(), Failure> {
    let global = server.global();
    let request = who.into_request();
    let (identity, room) = (request.identity.clone(), request.room.clone());
    ask::sure(&format!("Remove {identity} from {room}?"), global)?;
    let Some(answer) = server.call(&table::REMOVE_PARTICIPANT, request).await? else {
        return Ok(());
    };
    output::answer(global.json, &answer, || {
        format!("{} is removed from {}", plain(&identity), plain(&room))
    });
    Ok(())
}

async fn forward(whither: Whither, server: &Server<'_>) -> Result<(), Failure> {
    let who = whither.who.into_request();
    let request = proto::ForwardParticipantRequest {
        room: who.room,
        identity: who.identity,
        destination_room: whither.destination_room,
    };
    let words = format!(
        "{} of {} is in {} too",
        plain(&request.identity),
        plain(&request.room),
        plain(&request.destination_room)
    );
    let Some(answer) = server.call(&table::FORWARD_PARTICIPANT, request).await? else {
        return Ok(());
    };
    output::answer(server.global().json, &answer, || words);
    Ok(())
}

async fn go(whither: Whither, server: &Server<'_>) -> Result<(), Failure> {
    let who = whither.who.into_request();
    let request = proto::MoveParticipantRequest {
        room: who.room,
        identity: who.identity,
        destination_room: whither.destination_room,
    };
    let words = format!(
        "{} went from {} to {}",
        plain(&request.identity),
        plain(&request.room),
        plain(&request.destination_room)
    );
    let Some(answer) = server.call(&table::MOVE_PARTICIPANT, request).await? else {
        return Ok(());
    };
    output::answer(server.global().json, &answer, || words);
    Ok(())
}

async fn update(typed: Update, server: &Server<'_>) -> Result<(), Failure> {
    let who = typed.who.into_request();
    let permission = match &typed.change.permissions {
        None => None,
        Some(json) => Some(permission(json, &who, server).await?),
    };
    let request = proto::UpdateParticipantRequest {
        room: who.room,
        identity: who.identity,
        metadata: typed.change.metadata.unwrap_or_default(),
        permission,
        name: typed.change.name.unwrap_or_default(),
        attributes: pairs(&typed.change.attributes, '=', "--attribute")?,
    };
    let Some(one) = server.call(&table::UPDATE_PARTICIPANT, request).await? else {
        return Ok(());
    };
    output::answer(server.global().json, &one, || told(&one));
    Ok(())
}

/// The participant's permissions with those typed on top: LiveKit replaces them as a whole.
async fn permission(
    typed: &str,
    who: &proto::RoomParticipantIdentity,
    server: &Server<'_>,
) -> Result<proto::ParticipantPermission, Failure> {
    let _known: proto::ParticipantPermission = request::parse("--permissions", typed)?;
    let global = server.global();
    let present = if global.curl {
        global.tell("permissions that --permissions leaves out are read first; here they are off");
        None
    } else {
        let call = server.call(&table::GET_PARTICIPANT, who.clone()).await?;
        call.and_then(|one| one.permission)
    };
    merged(&present.unwrap_or_default(), typed)
}

fn merged(
    present: &proto::ParticipantPermission,
    typed: &str,
) -> Result<proto::ParticipantPermission, Failure> {
    let broken = |error: serde_json::Error| {
        let text = format!("--permissions: {error}");
        Failure::new(Class::Invalid, "request.invalid", text)
    };
    // Through the message, so that both spellings of a field are one.
    let mut all = serde_json::to_value(present).map_err(broken)?;
    let keys: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(typed).map_err(broken)?;
    if let Some(fields) = all.as_object_mut() {
        for (key, value) in keys {
            fields.insert(camel(&key), value);
        }
    }
    serde_json::from_value(all).map_err(broken)
}

/// `can_publish` as `canPublish`.
fn camel(key: &str) -> String {
    let mut words = key.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.extend(letters);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_left_out_stay_and_both_spellings_count() {
        let present = proto::ParticipantPermission {
            can_publish: true,
            can_subscribe: true,
            ..proto::ParticipantPermission::default()
        };
        for typed in [r#"{"canPublish": false}"#, r#"{"can_publish": false}"#] {
            let all = merged(&present, typed).unwrap();
            assert!(!all.can_publish && all.can_subscribe, "{typed}");
        }
    }
}
