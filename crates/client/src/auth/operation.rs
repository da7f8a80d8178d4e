//! The least right for each operation of the server's API, in one table.
//!
//! [`ApiGrant`] is what a call needs; [`OPERATIONS`] says which RPC needs which;
//! [`super::LiveKitAuthManager::mint_api`] makes a token with exactly that right, for one call.

use std::time::Duration;

use trunkline_base::id::RoomName;
use trunkline_base::token::{Claims, SipGrant, VideoGrant};

use super::check::Fault;
use super::{AuthError, LIFE};

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

/// The rooms that an operation is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    /// The room.
    pub room: Option<&'a RoomName>,
    /// Where somebody is sent.
    pub destination: Option<&'a RoomName>,
}

impl<'a> Scope<'a> {
    /// The whole server.
    pub const SERVER: Self = Self {
        room: None,
        destination: None,
    };

    /// One room.
    pub const fn room(room: &'a RoomName) -> Self {
        Self {
            room: Some(room),
            destination: None,
        }
    }

    /// From one room to another.
    pub const fn between(room: &'a RoomName, destination: &'a RoomName) -> Self {
        Self {
            room: Some(room),
            destination: Some(destination),
        }
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

    /// What `Service/Method` needs; nothing for a method that LiveKit does not have.
    pub fn of(rpc: &str) -> Option<Self> {
        OPERATIONS
            .iter()
            .find(|(name, _)| *name == rpc)
            .map(|(_, grant)| *grant)
    }

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
            Self::SipAdmin => claims.with_sip(SipGrant {
                admin: true,
                call: false,
            }),
            Self::SipCall => claims.with_sip(call),
            Self::SipCallInRoom => claims.with_sip(call).with_video(admin()?),
        })
    }
}

fn room(name: Option<&RoomName>, right: &'static str) -> Result<String, AuthError> {
    name.map(ToString::to_string)
        .ok_or_else(|| AuthError::Refused(Fault::RoomMissing { right }.into()))
}

/// Every RPC of the server's API and the least right that it needs.
pub const OPERATIONS: &[(&str, ApiGrant)] = &[
    ("RoomService/CreateRoom", ApiGrant::RoomCreate),
    ("RoomService/ListRooms", ApiGrant::RoomList),
    ("RoomService/DeleteRoom", ApiGrant::RoomCreate),
    ("RoomService/ListParticipants", ApiGrant::RoomAdmin),
    ("RoomService/GetParticipant", ApiGrant::RoomAdmin),
    ("RoomService/RemoveParticipant", ApiGrant::RoomAdmin),
    ("RoomService/MutePublishedTrack", ApiGrant::RoomAdmin),
    ("RoomService/UpdateParticipant", ApiGrant::RoomAdmin),
    ("RoomService/UpdateSubscriptions", ApiGrant::RoomAdmin),
    ("RoomService/SendData", ApiGrant::RoomAdmin),
    ("RoomService/UpdateRoomMetadata", ApiGrant::RoomAdmin),
    ("RoomService/ForwardParticipant", ApiGrant::RoomAdminTo),
    ("RoomService/MoveParticipant", ApiGrant::RoomAdminTo),
    ("RoomService/PerformRpc", ApiGrant::RoomAdmin),
    ("AgentDispatchService/CreateDispatch", ApiGrant::RoomAdmin),
    ("AgentDispatchService/DeleteDispatch", ApiGrant::RoomAdmin),
    ("AgentDispatchService/ListDispatch", ApiGrant::RoomAdmin),
    ("Egress/StartEgress", ApiGrant::RoomRecord),
    ("Egress/StartRoomCompositeEgress", ApiGrant::RoomRecord),
    ("Egress/StartWebEgress", ApiGrant::RoomRecord),
    ("Egress/StartParticipantEgress", ApiGrant::RoomRecord),
    ("Egress/StartTrackCompositeEgress", ApiGrant::RoomRecord),
    ("Egress/StartTrackEgress", ApiGrant::RoomRecord),
    ("Egress/UpdateLayout", ApiGrant::RoomRecord),
    ("Egress/UpdateStream", ApiGrant::RoomRecord),
    ("Egress/ListEgress", ApiGrant::RoomRecord),
    ("Egress/StopEgress", ApiGrant::RoomRecord),
    ("Ingress/CreateIngress", ApiGrant::IngressAdmin),
    ("Ingress/UpdateIngress", ApiGrant::IngressAdmin),
    ("Ingress/ListIngress", ApiGrant::IngressAdmin),
    ("Ingress/DeleteIngress", ApiGrant::IngressAdmin),
    ("SIP/ListSIPTrunk", ApiGrant::SipAdmin),
    ("SIP/CreateSIPInboundTrunk", ApiGrant::SipAdmin),
    ("SIP/CreateSIPOutboundTrunk", ApiGrant::SipAdmin),
    ("SIP/UpdateSIPInboundTrunk", ApiGrant::SipAdmin),
    ("SIP/UpdateSIPOutboundTrunk", ApiGrant::SipAdmin),
    ("SIP/GetSIPInboundTrunk", ApiGrant::SipAdmin),
    ("SIP/GetSIPOutboundTrunk", ApiGrant::SipAdmin),
    ("SIP/ListSIPInboundTrunk", ApiGrant::SipAdmin),
    ("SIP/ListSIPOutboundTrunk", ApiGrant::SipAdmin),
    ("SIP/DeleteSIPTrunk", ApiGrant::SipAdmin),
    ("SIP/CreateSIPDispatchRule", ApiGrant::SipAdmin),
    ("SIP/UpdateSIPDispatchRule", ApiGrant::SipAdmin),
    ("SIP/ListSIPDispatchRule", ApiGrant::SipAdmin),
    ("SIP/DeleteSIPDispatchRule", ApiGrant::SipAdmin),
    ("SIP/CreateSIPParticipant", ApiGrant::SipCall),
    ("SIP/TransferSIPParticipant", ApiGrant::SipCallInRoom),
    ("Connector/DialWhatsAppCall", ApiGrant::RoomCreate),
    ("Connector/DisconnectWhatsAppCall", ApiGrant::RoomCreate),
    ("Connector/ConnectWhatsAppCall", ApiGrant::RoomCreate),
    ("Connector/AcceptWhatsAppCall", ApiGrant::RoomCreate),
    ("Connector/ConnectTwilioCall", ApiGrant::RoomCreate),
];
