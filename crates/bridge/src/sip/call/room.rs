//! The room side of a call.

use std::time::Duration;

use tokio::sync::mpsc;
use tracing::warn;
use trunkline_client::auth::AuthError;
use trunkline_client::room::{
    AudioOptions, AudioTrack, ConnectError, DisconnectReason, PublishError, Room, RoomEvent,
    RoomEvents, RoomOptions, TrackSource,
};

use super::super::load::Setup;
use super::super::media::MediaCommand;
use super::setup::{Plan, Shared};
use trunkline_sip::routing::Accepted;

/// A joined room with the caller's track in it.
pub(super) struct Joined {
    pub(super) room: Room,
    pub(super) events: RoomEvents,
    pub(super) track: AudioTrack,
    /// Until it is connected.
    pub(super) setup: Setup,
}

/// Why a room could not be joined.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// There is no token for it.
    #[error(transparent)]
    Token(#[from] AuthError),
    /// The server does not let us in.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It does not take the phone's sound.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Joins as a SIP participant and publishes the caller's track, once it is this call's turn.
pub(super) async fn join(
    shared: Shared,
    spec: trunkline_client::auth::TokenSpec,
    mut setup: Setup,
) -> Result<Joined, JoinError> {
    setup.take_turn().await;
    let token = shared.auth.keep(spec)?;
    let options = RoomOptions {
        wire: shared.config.wire.clone(),
        ..RoomOptions::default()
    };
    let server = (shared.config.url.as_str(), &shared.config.transport);
    let (room, events) = Room::connect(server, token, options).await?;
    let audio = AudioOptions {
        name: "phone".to_owned(),
        source: TrackSource::Microphone,
    };
    let track = room.publish_audio(audio).await?;
    Ok(Joined {
        room,
        events,
        track,
        setup,
    })
}

/// Joins, with patience: the server may be starting too.
pub(super) async fn rejoin(
    shared: Shared,
    spec: trunkline_client::auth::TokenSpec,
) -> Result<Joined, JoinError> {
    let mut tries = 0;
    loop {
        let setup = shared.admission.admit_again();
        match join(shared.clone(), spec.clone(), setup).await {
            Err(error) if tries < TRIES => {
                warn!(%error, "the room of a call that goes on cannot be joined yet");
                tries += 1;
                tokio::time::sleep(BETWEEN).await;
            }
            joined => return joined,
        }
    }
}

/// The spec for [`join`].
pub(super) fn spec(plan: &Plan, accepted: &Accepted) -> trunkline_client::auth::TokenSpec {
    plan.token(accepted)
}

/// What the call must know of a room's event.
pub(super) enum RoomNews {
    /// A voice can be heard.
    Voice,
    /// Its sound goes to and fro, or is sought once more: others need not wait for it.
    SetUp,
    /// Keys for the phone were passed on, or nothing of interest.
    Nothing,
    /// It is over.
    Over(DisconnectReason),
}

/// Passes on what media needs and tells what the call needs.
pub(super) fn on_event(event: Option<RoomEvent>, media: &mpsc::Sender<MediaCommand>) -> RoomNews {
    let (command, news) = match event {
        Some(RoomEvent::TrackSubscribed(track)) => {
            let opus = track.mime_type.is_empty() || track.mime_type.ends_with("opus");
            if !opus {
                return RoomNews::Nothing;
            }
            (MediaCommand::Hear(track), RoomNews::Voice)
        }
        Some(RoomEvent::TrackUnsubscribed { sid, .. }) => {
            (MediaCommand::Forget(sid), RoomNews::Nothing)
        }
        Some(RoomEvent::Dtmf { digit, .. }) => (MediaCommand::Press(digit), RoomNews::Nothing),
        Some(RoomEvent::Connected | RoomEvent::Reconnecting) => return RoomNews::SetUp,
        Some(RoomEvent::Disconnected { reason }) => return RoomNews::Over(reason),
        Some(_) => return RoomNews::Nothing,
        None => return RoomNews::Over(DisconnectReason::Unknown),
    };
    if media.try_send(command).is_err() {
        warn!("media does not take its commands");
    }
    news
}

/// A caller who hears nothing waits no longer than this.
const TRIES: u32 = 10;
const BETWEEN: Duration = Duration::from_secs(1);
