//! `room …`: rooms, who is in them, what they hear, and joining them.

mod join;
mod participants;
mod rooms;
mod tracks;

use clap::Subcommand;

use crate::failure::Failure;
use crate::global::Global;
use crate::server::Server;

#[derive(Debug, Subcommand)]
pub(crate) enum Room {
    /// Create a room, or change the one there is
    #[command(after_help = "Example:\n  trunkline room create lobby --empty-timeout 600")]
    Create(rooms::Create),
    /// List the open rooms: those named, or all
    #[command(after_help = "Example:\n  trunkline room list lobby --json")]
    List(rooms::List),
    /// Set a room's metadata
    #[command(
        after_help = "Example:\n  trunkline room update lobby --metadata '{\"topic\":\"sales\"}'"
    )]
    Update(rooms::Update),
    /// Delete rooms; everybody in them is disconnected
    #[command(after_help = "Example:\n  trunkline room delete lobby --yes")]
    Delete(rooms::Delete),
    /// Join a room, say what happens there, and publish sound, data or keys
    #[command(
        after_help = "Example:\n  trunkline room join lobby --identity alice --publish hello.wav --exit-after-publish"
    )]
    Join(join::Join),
    /// Who is in a room
    #[command(subcommand)]
    Participants(participants::Participants),
    /// Mute or unmute a track
    #[command(
        after_help = "Example:\n  trunkline room mute-track --room lobby --identity alice TR_AMabc"
    )]
    MuteTrack(tracks::MuteTrack),
    /// Subscribe a participant to tracks, or unsubscribe it
    #[command(
        after_help = "Example:\n  trunkline room update-subscriptions --room lobby --identity bob --unsubscribe TR_AMabc"
    )]
    UpdateSubscriptions(tracks::UpdateSubscriptions),
    /// Send data to everybody in a room, or to some
    #[command(
        after_help = "Example:\n  trunkline room send-data --room lobby --topic chat '{\"text\":\"hello\"}'"
    )]
    SendData(tracks::SendData),
}

pub(crate) async fn run(verb: Room, global: &Global) -> Result<(), Failure> {
    match verb {
        Room::Join(typed) => join::run(typed, global).await,
        Room::Create(typed) => rooms::create(typed, &Server::open(global)?).await,
        Room::List(typed) => rooms::list(typed, &Server::open(global)?).await,
        Room::Update(typed) => rooms::update(typed, &Server::open(global)?).await,
        Room::Delete(typed) => rooms::delete(typed, &Server::open(global)?).await,
        Room::Participants(verb) => participants::run(verb, global).await,
        Room::MuteTrack(typed) => tracks::mute(typed, &Server::open(global)?).await,
        Room::UpdateSubscriptions(typed) => tracks::subscribe(typed, &Server::open(global)?).await,
        Room::SendData(typed) => tracks::send_data(typed, &Server::open(global)?).await,
    }
}
