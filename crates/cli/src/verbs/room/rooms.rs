//! `room create | list | update | delete`.

use clap::Args;
use livekit_protocol as proto;
use trunkline_client::api::table;

use crate::failure::Failure;
use crate::output::{self, plain};
use crate::server::Server;
use crate::verbs::pairs::pairs;
use crate::{ask, clock, request, template};

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The room; %t, %x and others are filled in
    #[arg(value_name = "ROOM", value_parser = template::parse, required_unless_present = "named")]
    room: Option<String>,
    #[arg(long = "name", hide = true, value_parser = template::parse, conflicts_with = "room", id = "named")]
    named: Option<String>,
    /// Seconds it stays open before anybody joins
    #[arg(
        long,
        value_name = "SECS",
        default_value_t = 0,
        hide_default_value = true
    )]
    empty_timeout: u32,
    /// Seconds it stays open after the last one left
    #[arg(
        long,
        value_name = "SECS",
        default_value_t = 0,
        hide_default_value = true
    )]
    departure_timeout: u32,
    /// How many may be in it
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 0,
        hide_default_value = true
    )]
    max_participants: u32,
    /// Metadata
    #[arg(long, default_value = "", hide_default_value = true)]
    metadata: String,
    /// Tag, as key=value; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    tags: Vec<String>,
    /// Record the room: a RoomCompositeEgressRequest as JSON file
    #[arg(long, value_name = "FILE")]
    room_egress_file: Option<String>,
    /// Record each participant: an AutoParticipantEgress as JSON file
    #[arg(long, value_name = "FILE")]
    participant_egress_file: Option<String>,
    /// Record each track: an AutoTrackEgress as JSON file
    #[arg(long, value_name = "FILE")]
    track_egress_file: Option<String>,
    /// Send agents: a RoomAgent as JSON file
    #[arg(long, value_name = "FILE")]
    agents_file: Option<String>,
    /// A preset of the server's configuration
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    room_preset: String,
    /// Least playout delay of video
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 0,
        hide_default_value = true
    )]
    min_playout_delay: u32,
    /// Most playout delay of video
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 0,
        hide_default_value = true
    )]
    max_playout_delay: u32,
    /// Keep sound and picture together
    #[arg(long)]
    sync_streams: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only these
    #[arg(value_name = "ROOM")]
    names: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// The room
    #[arg(value_name = "ROOM", required_unless_present = "named")]
    room: Option<String>,
    #[arg(
        long = "room",
        short = 'r',
        hide = true,
        conflicts_with = "room",
        id = "named"
    )]
    named: Option<String>,
    /// Its new metadata
    #[arg(long)]
    metadata: String,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The rooms
    #[arg(value_name = "ROOM", required = true)]
    rooms: Vec<String>,
}

pub(super) async fn create(typed: Create, server: &Server<'_>) -> Result<(), Failure> {
    let request = create_request(typed)?;
    let Some(room) = server.call(&table::CREATE_ROOM, request).await? else {
        return Ok(());
    };
    output::answer(server.global().json, &room, || {
        format!("room {} is open ({})", plain(&room.name), room.sid)
    });
    Ok(())
}

fn create_request(typed: Create) -> Result<proto::CreateRoomRequest, Failure> {
    let egress = proto::RoomEgress {
        room: read(typed.room_egress_file.as_deref())?,
        participant: read(typed.participant_egress_file.as_deref())?,
        tracks: read(typed.track_egress_file.as_deref())?,
    };
    let agents: Option<proto::RoomAgent> = read(typed.agents_file.as_deref())?;
    Ok(proto::CreateRoomRequest {
        name: typed.room.or(typed.named).unwrap_or_default(),
        room_preset: typed.room_preset,
        empty_timeout: typed.empty_timeout,
        departure_timeout: typed.departure_timeout,
        max_participants: typed.max_participants,
        metadata: typed.metadata,
        tags: pairs(&typed.tags, '=', "--tag")?,
        egress: (egress != proto::RoomEgress::default()).then_some(egress),
        min_playout_delay: typed.min_playout_delay,
        max_playout_delay: typed.max_playout_delay,
        sync_streams: typed.sync_streams,
        agents: agents.map(|agents| agents.dispatches).unwrap_or_default(),
        ..proto::CreateRoomRequest::default()
    })
}

fn read<T: serde::de::DeserializeOwned>(file: Option<&str>) -> Result<Option<T>, Failure> {
    file.map(request::read).transpose()
}

pub(super) async fn list(typed: List, server: &Server<'_>) -> Result<(), Failure> {
    let request = proto::ListRoomsRequest { names: typed.names };
    let Some(answer) = server.call(&table::LIST_ROOMS, request).await? else {
        return Ok(());
    };
    let list = output::List {
        key: "rooms",
        header: &[
            "RoomID",
            "Name",
            "Participants",
            "Publishers",
            "Recording",
            "Created",
        ],
        empty: "no room is open",
    };
    list.show(server.global().json, &answer.rooms, |room| {
        vec![
            room.sid.clone(),
            room.name.clone(),
            room.num_participants.to_string(),
            room.num_publishers.to_string(),
            if room.active_recording { "yes" } else { "no" }.to_owned(),
            clock::local_secs(room.creation_time),
        ]
    });
    Ok(())
}

pub(super) async fn update(typed: Update, server: &Server<'_>) -> Result<(), Failure> {
    let request = proto::UpdateRoomMetadataRequest {
        room: typed.room.or(typed.named).unwrap_or_default(),
        metadata: typed.metadata,
    };
    let Some(room) = server.call(&table::UPDATE_ROOM_METADATA, request).await? else {
        return Ok(());
    };
    output::answer(server.global().json, &room, || {
        format!("room {} has its new metadata", plain(&room.name))
    });
    Ok(())
}

pub(super) async fn delete(typed: Delete, server: &Server<'_>) -> Result<(), Failure> {
    let global = server.global();
    let names = typed.rooms.join(", ");
    ask::sure(
        &format!("Delete {names}? Everybody in there is disconnected."),
        global,
    )?;
    let mut gone = Vec::new();
    for room in typed.rooms {
        let request = proto::DeleteRoomRequest { room: room.clone() };
        let Some(_done) = server.call(&table::DELETE_ROOM, request).await? else {
            continue;
        };
        if !global.json {
            output::line(&format!("room {} is deleted", plain(&room)));
        }
        gone.push(room);
    }
    if global.json && !global.curl {
        output::json(&serde_json::json!({ "deleted": gone }));
    }
    Ok(())
}
