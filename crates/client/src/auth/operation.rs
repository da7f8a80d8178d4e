//! The least right for each operation of the server's API.
//!
//! [`ApiGrant`] is what a call needs; [`crate::api::RPCS`] says which RPC needs which;
//! [`super::LiveKitAuthManager::mint_api`] makes a token with exactly that right, for one call.

use std::time::Duration;

use trunkline_base::token::{Claims, SipGrant, VideoGrant};

use super::check::Fault;
use super::error::AuthError;
use super::seal::LIFE;

/// A call that costs money has a token that is good for little more than itself.
const CALL_LIFE: Duration = Duration::from_secs(60);

/// What a call of the server's API needs to be allowed, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ApiGrant {
    /// `video.roomCreate`
    RoomCreate,
    /// `video.roomList`
    RoomList,
    /// `video.roomRecord`
    RoomRecord,
    /// `video.roomAdmin` of one room
    RoomAdmin,
    /// `video.roomAdmin` of one room, and `destinationRoom`
    RoomAdminTo,
    /// `video.ingressAdmin`
    IngressAdmin,
    /// `sip.admin`
    SipAdmin,
    /// `sip.call`
    SipCall,
    /// `sip.call`, and `video.roomAdmin` of one room
    SipCallInRoom,
}

/// Which room a call is about, and where it moves somebody to; empty when it is about none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The room.
    pub room: &'a str,
    /// The other room.
    pub destination: &'a str,
}

impl<'a> Scope<'a> {
    /// The whole server.
    pub const SERVER: Self = Self {
        room: "",
        destination: "",
    };

    /// One room.
    pub const fn room(room: &'a str) -> Self {
        Self {
            room,
            destination: "",
        }
    }

    /// From one room to another.
    pub const fn between(room: &'a str, destination: &'a str) -> Self {
        Self { room, destination }
    }
}

impl ApiGrant {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::RoomCreate,
        Self::RoomList,
        Self::RoomRecord,
        Self::RoomAdmin,
        Self::RoomAdminTo,
        Self::IngressAdmin,
        Self::SipAdmin,
        Self::SipCall,
        Self::SipCallInRoom,
    ];

    /// How long a token for one such call lives.
    pub const fn life(self) -> Duration {
        match self {
            Self::SipCall | Self::SipCallInRoom => CALL_LIFE,
            _ => LIFE,
        }
    }

    /// Claims with this right and no other; times and bearer are not said yet.
    ///
    /// # Errors
    /// [`AuthError::Refused`] when the right is for a room and the scope names none.
    pub fn claims(self, scope: Scope<'_>) -> Result<Claims, AuthError> {
        let video = VideoGrant::default();
        let call = SipGrant {
            admin: false,
            call: true,
        };
        let admin = || Ok::<_, AuthError>(VideoGrant::admin(room(scope.room, "roomAdmin")?));
        let claims = Claims::default();
        Ok(match self {
            Self::RoomCreate => claims.with_video(VideoGrant {
                room_create: true,
                ..video
            }),
            Self::RoomList => claims.with_video(VideoGrant {
                room_list: true,
                ..video
            }),
            Self::RoomRecord => claims.with_video(VideoGrant {
                room_record: true,
                ..video
            }),
            Self::IngressAdmin => claims.with_video(VideoGrant {
                ingress_admin: true,
                ..video
            }),
            Self::RoomAdmin => claims.with_video(admin()?),
            Self::RoomAdminTo => claims.with_video(VideoGrant {
                destination_room: room(scope.destination, "destinationRoom")?,
                ..admin()?
            }),
            Self::SipAdmin => claims.with_video(video).with_sip(SipGrant {
                admin: true,
                call: false,
            }),
            Self::SipCall => claims.with_video(video).with_sip(call),
            Self::SipCallInRoom => claims.with_sip(call).with_video(admin()?),
        })
    }
}

fn room(name: &str, right: &'static str) -> Result<String, AuthError> {
    if name.is_empty() {
        return Err(AuthError::Refused(Fault::RoomMissing { right }.into()));
    }
    Ok(name.to_owned())
}
