//! The whole server API on one page: every RPC of LiveKit's protocol, the grant it needs, whether
//! it may be repeated. The methods of [`LiveKitApiClient`](super::LiveKitApiClient) send these;
//! [`LiveKitApiClient::call`](super::LiveKitApiClient::call) sends any of them.

use std::time::Duration;

use rand::RngCore as _;

use super::proto;
use super::rpc::{Repeat, Rpc, RpcInfo};
use crate::auth::{ApiGrant, Scope};

macro_rules! rpcs {
    ($($name:ident = $service:ident . $method:ident ($req:ident) -> $res:ident,
       $grant:ident, $repeat:ident $(, $step:ident $arg:expr)*;)+) => {
        $(
            #[doc = concat!("`", stringify!($service), "/", stringify!($method), "`")]
            pub const $name: Rpc<proto::$req, proto::$res> = Rpc::<proto::$req, proto::$res>::new(RpcInfo {
                service: stringify!($service),
                method: stringify!($method),
                name: concat!(stringify!($service), "/", stringify!($method)),
                path: concat!("/twirp/livekit.", stringify!($service), "/", stringify!($method)),
                grant: ApiGrant::$grant,
                repeat: Repeat::$repeat,
            })$(.$step($arg))*;
        )+

        /// Every RPC there is.
        pub const RPCS: &[RpcInfo] = &[$(*$name.info()),+];
    };
}

#[rustfmt::skip]
rpcs! {
    CREATE_ROOM = RoomService.CreateRoom(CreateRoomRequest) -> Room, RoomCreate, Safe;
    LIST_ROOMS = RoomService.ListRooms(ListRoomsRequest) -> ListRoomsResponse, RoomList, Safe;
    DELETE_ROOM = RoomService.DeleteRoom(DeleteRoomRequest) -> DeleteRoomResponse, RoomCreate, GoneIsDone;
    LIST_PARTICIPANTS = RoomService.ListParticipants(ListParticipantsRequest) -> ListParticipantsResponse, RoomAdmin, Safe, about |r| room(&r.room);
    GET_PARTICIPANT = RoomService.GetParticipant(RoomParticipantIdentity) -> ParticipantInfo, RoomAdmin, Safe, about |r| room(&r.room);
    REMOVE_PARTICIPANT = RoomService.RemoveParticipant(RoomParticipantIdentity) -> RemoveParticipantResponse, RoomAdmin, GoneIsDone, about |r| room(&r.room);
    MUTE_PUBLISHED_TRACK = RoomService.MutePublishedTrack(MuteRoomTrackRequest) -> MuteRoomTrackResponse, RoomAdmin, Safe, about |r| room(&r.room);
    UPDATE_PARTICIPANT = RoomService.UpdateParticipant(UpdateParticipantRequest) -> ParticipantInfo, RoomAdmin, Safe, about |r| room(&r.room);
    UPDATE_SUBSCRIPTIONS = RoomService.UpdateSubscriptions(UpdateSubscriptionsRequest) -> UpdateSubscriptionsResponse, RoomAdmin, Safe, about |r| room(&r.room);
    SEND_DATA = RoomService.SendData(SendDataRequest) -> SendDataResponse, RoomAdmin, AtOnce, about |r| room(&r.room), filled nonce;
    UPDATE_ROOM_METADATA = RoomService.UpdateRoomMetadata(UpdateRoomMetadataRequest) -> Room, RoomAdmin, Safe, about |r| room(&r.room);
    FORWARD_PARTICIPANT = RoomService.ForwardParticipant(ForwardParticipantRequest) -> ForwardParticipantResponse, RoomAdminTo, Never, about |r| to(&r.room, &r.destination_room);
    MOVE_PARTICIPANT = RoomService.MoveParticipant(MoveParticipantRequest) -> MoveParticipantResponse, RoomAdminTo, Never, about |r| to(&r.room, &r.destination_room);
    PERFORM_RPC = RoomService.PerformRpc(PerformRpcRequest) -> PerformRpcResponse, RoomAdmin, Never, about |r| room(&r.room), taking answering;

    START_EGRESS = Egress.StartEgress(StartEgressRequest) -> EgressInfo, RoomRecord, Never;
    START_ROOM_COMPOSITE_EGRESS = Egress.StartRoomCompositeEgress(RoomCompositeEgressRequest) -> EgressInfo, RoomRecord, Never;
    START_WEB_EGRESS = Egress.StartWebEgress(WebEgressRequest) -> EgressInfo, RoomRecord, Never;
    START_PARTICIPANT_EGRESS = Egress.StartParticipantEgress(ParticipantEgressRequest) -> EgressInfo, RoomRecord, Never;
    START_TRACK_COMPOSITE_EGRESS = Egress.StartTrackCompositeEgress(TrackCompositeEgressRequest) -> EgressInfo, RoomRecord, Never;
    START_TRACK_EGRESS = Egress.StartTrackEgress(TrackEgressRequest) -> EgressInfo, RoomRecord, Never;
    UPDATE_LAYOUT = Egress.UpdateLayout(UpdateLayoutRequest) -> EgressInfo, RoomRecord, Safe;
    UPDATE_STREAM = Egress.UpdateStream(UpdateStreamRequest) -> EgressInfo, RoomRecord, Never;
    LIST_EGRESS = Egress.ListEgress(ListEgressRequest) -> ListEgressResponse, RoomRecord, Safe;
    STOP_EGRESS = Egress.StopEgress(StopEgressRequest) -> EgressInfo, RoomRecord, EndedIsDone;

    CREATE_INGRESS = Ingress.CreateIngress(CreateIngressRequest) -> IngressInfo, IngressAdmin, Never;
    UPDATE_INGRESS = Ingress.UpdateIngress(UpdateIngressRequest) -> IngressInfo, IngressAdmin, Safe;
    LIST_INGRESS = Ingress.ListIngress(ListIngressRequest) -> ListIngressResponse, IngressAdmin, Safe;
    DELETE_INGRESS = Ingress.DeleteIngress(DeleteIngressRequest) -> IngressInfo, IngressAdmin, GoneIsDone;

    LIST_SIP_TRUNK = SIP.ListSIPTrunk(ListSipTrunkRequest) -> ListSipTrunkResponse, SipAdmin, Safe;
    CREATE_SIP_INBOUND_TRUNK = SIP.CreateSIPInboundTrunk(CreateSipInboundTrunkRequest) -> SipInboundTrunkInfo, SipAdmin, Never;
    CREATE_SIP_OUTBOUND_TRUNK = SIP.CreateSIPOutboundTrunk(CreateSipOutboundTrunkRequest) -> SipOutboundTrunkInfo, SipAdmin, Never;
    UPDATE_SIP_INBOUND_TRUNK = SIP.UpdateSIPInboundTrunk(UpdateSipInboundTrunkRequest) -> SipInboundTrunkInfo, SipAdmin, Safe;
    UPDATE_SIP_OUTBOUND_TRUNK = SIP.UpdateSIPOutboundTrunk(UpdateSipOutboundTrunkRequest) -> SipOutboundTrunkInfo, SipAdmin, Safe;
    GET_SIP_INBOUND_TRUNK = SIP.GetSIPInboundTrunk(GetSipInboundTrunkRequest) -> GetSipInboundTrunkResponse, SipAdmin, Safe;
    GET_SIP_OUTBOUND_TRUNK = SIP.GetSIPOutboundTrunk(GetSipOutboundTrunkRequest) -> GetSipOutboundTrunkResponse, SipAdmin, Safe;
    LIST_SIP_INBOUND_TRUNK = SIP.ListSIPInboundTrunk(ListSipInboundTrunkRequest) -> ListSipInboundTrunkResponse, SipAdmin, Safe;
    LIST_SIP_OUTBOUND_TRUNK = SIP.ListSIPOutboundTrunk(ListSipOutboundTrunkRequest) -> ListSipOutboundTrunkResponse, SipAdmin, Safe;
    DELETE_SIP_TRUNK = SIP.DeleteSIPTrunk(DeleteSipTrunkRequest) -> SipTrunkInfo, SipAdmin, GoneIsDone;
    CREATE_SIP_DISPATCH_RULE = SIP.CreateSIPDispatchRule(CreateSipDispatchRuleRequest) -> SipDispatchRuleInfo, SipAdmin, Never;
    UPDATE_SIP_DISPATCH_RULE = SIP.UpdateSIPDispatchRule(UpdateSipDispatchRuleRequest) -> SipDispatchRuleInfo, SipAdmin, Safe;
    LIST_SIP_DISPATCH_RULE = SIP.ListSIPDispatchRule(ListSipDispatchRuleRequest) -> ListSipDispatchRuleResponse, SipAdmin, Safe;
    DELETE_SIP_DISPATCH_RULE = SIP.DeleteSIPDispatchRule(DeleteSipDispatchRuleRequest) -> SipDispatchRuleInfo, SipAdmin, GoneIsDone;
    CREATE_SIP_PARTICIPANT = SIP.CreateSIPParticipant(CreateSipParticipantRequest) -> SipParticipantInfo, SipCall, Never, taking |r| dialling(r.ringing_timeout.as_ref(), r.wait_until_answered);
    TRANSFER_SIP_PARTICIPANT = SIP.TransferSIPParticipant(TransferSipParticipantRequest) -> TransferSipParticipantResponse, SipCallInRoom, Never, about |r| room(&r.room_name), taking |r| dialling(r.ringing_timeout.as_ref(), false);

    CREATE_DISPATCH = AgentDispatchService.CreateDispatch(CreateAgentDispatchRequest) -> AgentDispatch, RoomAdmin, Never, about |r| room(&r.room);
    LIST_DISPATCH = AgentDispatchService.ListDispatch(ListAgentDispatchRequest) -> ListAgentDispatchResponse, RoomAdmin, Safe, about |r| room(&r.room);
    DELETE_DISPATCH = AgentDispatchService.DeleteDispatch(DeleteAgentDispatchRequest) -> AgentDispatch, RoomAdmin, GoneIsDone, about |r| room(&r.room);

    DIAL_WHATSAPP_CALL = Connector.DialWhatsAppCall(DialWhatsAppCallRequest) -> DialWhatsAppCallResponse, RoomCreate, Never, taking |r| dialling(r.ringing_timeout.as_ref(), false);
    DISCONNECT_WHATSAPP_CALL = Connector.DisconnectWhatsAppCall(DisconnectWhatsAppCallRequest) -> DisconnectWhatsAppCallResponse, RoomCreate, GoneIsDone;
    CONNECT_WHATSAPP_CALL = Connector.ConnectWhatsAppCall(ConnectWhatsAppCallRequest) -> ConnectWhatsAppCallResponse, RoomCreate, Never, taking |r| dialling(None, r.wait_until_answered);
    ACCEPT_WHATSAPP_CALL = Connector.AcceptWhatsAppCall(AcceptWhatsAppCallRequest) -> AcceptWhatsAppCallResponse, RoomCreate, Never, taking |r| dialling(r.ringing_timeout.as_ref(), r.wait_until_answered);
    CONNECT_TWILIO_CALL = Connector.ConnectTwilioCall(ConnectTwilioCallRequest) -> ConnectTwilioCallResponse, RoomCreate, Never;
}

/// Ringing, when the request names no time: LiveKit's own default.
const RINGING: Duration = Duration::from_secs(30);

/// What an answered call may take over the ringing: LiveKit allows 80 s in all.
const ANSWERED: Duration = Duration::from_secs(50);

/// A participant's answer to an RPC, when the request names no time: LiveKit's own default.
const ANSWERING: Duration = Duration::from_secs(15);

fn room(room: &str) -> Scope<'_> {
    Scope {
        room,
        destination: "",
    }
}

fn to<'a>(room: &'a str, destination: &'a str) -> Scope<'a> {
    Scope { room, destination }
}

/// A request without a nonce gets one, so that a repeat is delivered once.
fn nonce(request: &mut proto::SendDataRequest) {
    if request.nonce.is_empty() {
        request.nonce = vec![0; 16];
        rand::rng().fill_bytes(&mut request.nonce);
    }
}

fn answering(request: &proto::PerformRpcRequest) -> Duration {
    let asked = Duration::from_millis(u64::from(request.response_timeout_ms));
    if asked.is_zero() { ANSWERING } else { asked }
}

fn dialling(ringing: Option<&pbjson_types::Duration>, wait_until_answered: bool) -> Duration {
    let ringing = ringing
        .and_then(|asked| u64::try_from(asked.seconds).ok())
        .filter(|seconds| *seconds > 0)
        .map_or(RINGING, Duration::from_secs);
    let answered = if wait_until_answered {
        ANSWERED
    } else {
        Duration::ZERO
    };
    ringing + answered
}
