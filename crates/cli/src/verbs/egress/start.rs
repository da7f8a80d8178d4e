//! `egress start`: one request type for each sort of egress.

use clap::{Args, ValueEnum};
use trunkline_client::api::table;

use super::show::show;
use crate::failure::Failure;
use crate::global::Global;
use crate::request;
use crate::server::Server;

/// What is recorded or streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Type {
    /// A room as one picture: RoomCompositeEgressRequest
    RoomComposite,
    /// A web page: WebEgressRequest
    Web,
    /// One participant: ParticipantEgressRequest
    Participant,
    /// A sound and a picture track: TrackCompositeEgressRequest
    TrackComposite,
    /// One track as it is: TrackEgressRequest
    Track,
    /// Any source, in the newer form: StartEgressRequest
    Any,
}

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// What is recorded or streamed
    #[arg(
        long = "type",
        value_enum,
        value_name = "TYPE",
        default_value = "room-composite"
    )]
    kind: Type,
    /// The type's request as JSON: a file, - for standard input, or itself
    #[arg(value_name = "JSON")]
    request: String,
}

pub(super) async fn run(typed: &Start, global: &Global) -> Result<(), Failure> {
    let json = typed.request.as_str();
    let server = || Server::open(global);
    let info = match typed.kind {
        Type::RoomComposite => {
            let request = request::read(json)?;
            server()?
                .call(&table::START_ROOM_COMPOSITE_EGRESS, request)
                .await?
        }
        Type::Web => {
            let request = request::read(json)?;
            server()?.call(&table::START_WEB_EGRESS, request).await?
        }
        Type::Participant => {
            let request = request::read(json)?;
            server()?
                .call(&table::START_PARTICIPANT_EGRESS, request)
                .await?
        }
        Type::TrackComposite => {
            let request = request::read(json)?;
            server()?
                .call(&table::START_TRACK_COMPOSITE_EGRESS, request)
                .await?
        }
        Type::Track => {
            let request = request::read(json)?;
            server()?.call(&table::START_TRACK_EGRESS, request).await?
        }
        Type::Any => {
            let request = request::read(json)?;
            server()?.call(&table::START_EGRESS, request).await?
        }
    };
    show(info, global);
    Ok(())
}
