//! Who is in a room with a phone.

use std::pin::pin;

use tokio::time::{MissedTickBehavior, interval};
use trunkline_base::id::{IdError, ParticipantIdentity, RoomName};
use trunkline_benches::phone::FRAME;
use trunkline_client::auth::{AuthError, LiveKitAuthManager, Role, TokenSpec};
use trunkline_client::room::{
    AudioOptions, AudioTrack, ConnectError, MediaReceiver, OpusFrame, PublishError, Room,
    RoomEvent, RoomEvents, RoomOptions,
};

use super::stack;

/// A participant with a track of its own.
pub(crate) struct Peer {
    room: Room,
    events: RoomEvents,
    pub(crate) track: AudioTrack,
    /// The track of the phone, which is the only other one.
    pub(crate) caller: Option<MediaReceiver>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeerError {
    #[error(transparent)]
    Name(#[from] IdError),
    #[error(transparent)]
    Token(#[from] AuthError),
    #[error(transparent)]
    Room(#[from] ConnectError),
    #[error(transparent)]
    Track(#[from] PublishError),
}

impl Peer {
    /// Joins the room of a number.
    pub(crate) async fn join(url: &str, number: usize) -> Result<Self, PeerError> {
        let auth = LiveKitAuthManager::new(stack::keys());
        let identity = ParticipantIdentity::parse("peer")?;
        let name = RoomName::parse(stack::room(number))?;
        let token = auth.mint(&TokenSpec::new(Role::Agent, identity).in_room(name))?;
        let (room, events) = Room::connect(url, token, RoomOptions::default()).await?;
        let track = room.publish_audio(AudioOptions::default()).await?;
        Ok(Self {
            room,
            events,
            track,
            caller: None,
        })
    }

    /// Sends silence until something is done: livekit-server tells nobody of a track that has
    /// carried nothing yet, and livekit/sip answers when it knows of one.
    pub(crate) async fn sending<T>(
        &mut self,
        silence: &OpusFrame,
        done: impl Future<Output = T>,
    ) -> T {
        let mut done = pin!(done);
        let mut clock = interval(FRAME);
        clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                done = &mut done => return done,
                _ = clock.tick() => {
                    self.track.send(silence.clone());
                }
                true = self.notices() => {}
            }
        }
    }

    /// Takes the next thing that the room tells; false once the room is over.
    ///
    /// # Cancel safety
    /// Safe: nothing is lost.
    pub(crate) async fn notices(&mut self) -> bool {
        let event = self.events.next().await;
        if let Some(RoomEvent::TrackSubscribed(track)) = event {
            self.caller = Some(track.packets);
            return true;
        }
        event.is_some()
    }

    pub(crate) async fn leave(self) {
        self.room.leave().await;
    }
}
