//! `room mute-track | update-subscriptions | send-data`.

use clap::Args;
use livekit_protocol as proto;
use trunkline_base::class::Class;
use trunkline_client::api::table;

use crate::failure::Failure;
use crate::output::{self, plain};
use crate::server::Server;
use crate::template;

#[derive(Debug, Args)]
pub(crate) struct Of {
    /// The room
    #[arg(long, short, value_parser = template::parse)]
    room: String,
    /// The participant
    #[arg(long, short, value_parser = template::parse)]
    identity: String,
}

#[derive(Debug, Args)]
pub(crate) struct MuteTrack {
    #[command(flatten)]
    of: Of,
    /// Mute it, which is what happens without a flag too
    #[arg(long, short, alias = "muted", conflicts_with = "unmute")]
    mute: bool,
    /// Unmute it, where the server allows that
    #[arg(long, short)]
    unmute: bool,
    /// The track
    #[arg(value_name = "TRACK_SID", required_unless_present = "named")]
    track: Option<String>,
    #[arg(long = "track", hide = true, conflicts_with = "track", id = "named")]
    named: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateSubscriptions {
    #[command(flatten)]
    of: Of,
    /// Subscribe, which is what happens without a flag too
    #[arg(long, short, conflicts_with = "unsubscribe")]
    subscribe: bool,
    /// Unsubscribe
    #[arg(long, short = 'S')]
    unsubscribe: bool,
    /// The tracks
    #[arg(value_name = "TRACK_SID", required_unless_present = "named")]
    tracks: Vec<String>,
    #[arg(long = "track", hide = true, id = "named")]
    named: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SendData {
    /// The room
    #[arg(long, short, value_parser = template::parse)]
    room: String,
    /// The topic
    #[arg(long)]
    topic: Option<String>,
    /// Only to this participant; may be repeated
    #[arg(long, short, value_delimiter = ',')]
    identity: Vec<String>,
    /// Let packets overtake each other and be lost, for speed
    #[arg(long)]
    lossy: bool,
    /// What is sent
    #[arg(value_name = "DATA", required_unless_present = "named")]
    data: Option<String>,
    #[arg(long = "data", hide = true, conflicts_with = "data", id = "named")]
    named: Option<String>,
}

pub(super) async fn mute(typed: MuteTrack, server: &Server<'_>) -> Result<(), Failure> {
    let request = proto::MuteRoomTrackRequest {
        room: typed.of.room,
        identity: typed.of.identity,
        track_sid: typed.track.or(typed.named).unwrap_or_default(),
        muted: !typed.unmute,
    };
    let word = if request.muted { "muted" } else { "unmuted" };
    let words = format!("track {} is {word}", plain(&request.track_sid));
    let Some(answer) = server.call(&table::MUTE_PUBLISHED_TRACK, request).await? else {
        return Ok(());
    };
    output::answer(server.global().json, &answer, || words);
    Ok(())
}

pub(super) async fn subscribe(
    typed: UpdateSubscriptions,
    server: &Server<'_>,
) -> Result<(), Failure> {
    let mut tracks = typed.tracks;
    tracks.extend(typed.named);
    let request = proto::UpdateSubscriptionsRequest {
        room: typed.of.room,
        identity: typed.of.identity,
        track_sids: tracks,
        subscribe: !typed.unsubscribe,
        ..proto::UpdateSubscriptionsRequest::default()
    };
    let word = if request.subscribe {
        "subscribed to"
    } else {
        "unsubscribed from"
    };
    let tracks = plain(&request.track_sids.join(", "));
    let words = format!("{} is {word} {tracks}", plain(&request.identity));
    let Some(answer) = server.call(&table::UPDATE_SUBSCRIPTIONS, request).await? else {
        return Ok(());
    };
    output::answer(server.global().json, &answer, || words);
    Ok(())
}

pub(super) async fn send_data(typed: SendData, server: &Server<'_>) -> Result<(), Failure> {
    let data = typed.data.or(typed.named).unwrap_or_default();
    if data.is_empty() {
        let text = "there is nothing to send";
        return Err(Failure::new(Class::Invalid, "cli.data", text));
    }
    let kind = if typed.lossy {
        proto::data_packet::Kind::Lossy
    } else {
        proto::data_packet::Kind::Reliable
    };
    let to = match typed.identity.as_slice() {
        [] => "everybody".to_owned(),
        some => plain(&some.join(", ")),
    };
    let words = format!(
        "{} bytes are sent to {to} in {}",
        data.len(),
        plain(&typed.room)
    );
    let request = proto::SendDataRequest {
        room: typed.room,
        data: data.into_bytes(),
        kind: kind.into(),
        destination_identities: typed.identity,
        topic: typed.topic,
        ..proto::SendDataRequest::default()
    };
    let Some(answer) = server.call(&table::SEND_DATA, request).await? else {
        return Ok(());
    };
    output::answer(server.global().json, &answer, || words);
    Ok(())
}
