//! Every method of the server API: what it takes, what it gives, and the right it needs.

use livekit_protocol as proto;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::rights;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    Protobuf,
}

impl Encoding {
    pub(crate) const ALL: [Self; 2] = [Self::Json, Self::Protobuf];

    /// Its content type.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/protobuf",
        }
    }
}

/// One method.
#[derive(Clone, Copy)]
pub(crate) struct Rpc {
    /// `Service/Method`, without `livekit.`.
    pub(crate) path: &'static str,
    /// The claims it needs.
    pub(crate) right: fn() -> Value,
    /// The least request that gets as far as the check of the right.
    pub(crate) least: fn() -> Value,
    request: fn(&Value) -> Vec<u8>,
    reply: fn(Encoding, &[u8]) -> Result<Value, String>,
}

impl Rpc {
    /// The method of a path.
    pub(crate) fn named(path: &str) -> Self {
        let found = ALL.iter().find(|rpc| rpc.path == path);
        *found.unwrap_or_else(|| panic!("{path} is not in the list of methods"))
    }

    /// The request as it goes over the wire.
    pub(crate) fn body(&self, encoding: Encoding, request: &Value) -> Vec<u8> {
        match encoding {
            Encoding::Json => request.to_string().into_bytes(),
            Encoding::Protobuf => (self.request)(request),
        }
    }

    /// The reply in one spelling: camelCase, without defaults.
    pub(crate) fn reply(&self, encoding: Encoding, body: &[u8]) -> Result<Value, String> {
        (self.reply)(encoding, body)
    }
}

fn request<M: Message + DeserializeOwned>(request: &Value) -> Vec<u8> {
    let message: M = serde_json::from_value(request.clone())
        .unwrap_or_else(|error| panic!("{request} is no request: {error}"));
    message.encode_to_vec()
}

fn reply<M: Message + Default + Serialize + DeserializeOwned>(
    encoding: Encoding,
    body: &[u8],
) -> Result<Value, String> {
    let message: M = match encoding {
        Encoding::Json => serde_json::from_slice(body).map_err(|error| error.to_string())?,
        Encoding::Protobuf => M::decode(body).map_err(|error| error.to_string())?,
    };
    serde_json::to_value(&message).map_err(|error| error.to_string())
}

fn nothing() -> Value {
    json!({})
}

fn in_room() -> Value {
    json!({"room": "{room}"})
}

fn to_room() -> Value {
    json!({"room": "{room}", "destinationRoom": "{room}-2"})
}

fn to_right() -> Value {
    rights::send_to("{room}-2")
}

fn in_call() -> Value {
    json!({"roomName": "{room}", "participantIdentity": "caller", "transferTo": "tel:+15550100"})
}

macro_rules! rpcs {
    ($($path:literal $right:path, $least:path: $request:ident => $reply:ident;)+) => {
        /// All of them.
        pub(crate) const ALL: &[Rpc] = &[$(Rpc {
            path: $path,
            right: $right,
            least: $least,
            request: request::<proto::$request>,
            reply: reply::<proto::$reply>,
        }),+];
    };
}

rpcs! {
    "RoomService/CreateRoom" rights::create, nothing: CreateRoomRequest => Room;
    "RoomService/ListRooms" rights::list, nothing: ListRoomsRequest => ListRoomsResponse;
    "RoomService/DeleteRoom" rights::create, in_room: DeleteRoomRequest => DeleteRoomResponse;
    "RoomService/ListParticipants" rights::admin, in_room: ListParticipantsRequest => ListParticipantsResponse;
    "RoomService/GetParticipant" rights::admin, in_room: RoomParticipantIdentity => ParticipantInfo;
    "RoomService/RemoveParticipant" rights::admin, in_room: RoomParticipantIdentity => RemoveParticipantResponse;
    "RoomService/MutePublishedTrack" rights::admin, in_room: MuteRoomTrackRequest => MuteRoomTrackResponse;
    "RoomService/UpdateParticipant" rights::admin, in_room: UpdateParticipantRequest => ParticipantInfo;
    "RoomService/UpdateSubscriptions" rights::admin, in_room: UpdateSubscriptionsRequest => UpdateSubscriptionsResponse;
    "RoomService/SendData" rights::admin, in_room: SendDataRequest => SendDataResponse;
    "RoomService/UpdateRoomMetadata" rights::admin, in_room: UpdateRoomMetadataRequest => Room;
    "RoomService/ForwardParticipant" to_right, to_room: ForwardParticipantRequest => ForwardParticipantResponse;
    "RoomService/MoveParticipant" to_right, to_room: MoveParticipantRequest => MoveParticipantResponse;
    "RoomService/PerformRpc" rights::admin, in_room: PerformRpcRequest => PerformRpcResponse;
    "AgentDispatchService/CreateDispatch" rights::admin, in_room: CreateAgentDispatchRequest => AgentDispatch;
    "AgentDispatchService/DeleteDispatch" rights::admin, in_room: DeleteAgentDispatchRequest => AgentDispatch;
    "AgentDispatchService/ListDispatch" rights::admin, in_room: ListAgentDispatchRequest => ListAgentDispatchResponse;
    "SIP/ListSIPTrunk" rights::sip_admin, nothing: ListSipTrunkRequest => ListSipTrunkResponse;
    "SIP/CreateSIPInboundTrunk" rights::sip_admin, nothing: CreateSipInboundTrunkRequest => SipInboundTrunkInfo;
    "SIP/CreateSIPOutboundTrunk" rights::sip_admin, nothing: CreateSipOutboundTrunkRequest => SipOutboundTrunkInfo;
    "SIP/UpdateSIPInboundTrunk" rights::sip_admin, nothing: UpdateSipInboundTrunkRequest => SipInboundTrunkInfo;
    "SIP/UpdateSIPOutboundTrunk" rights::sip_admin, nothing: UpdateSipOutboundTrunkRequest => SipOutboundTrunkInfo;
    "SIP/GetSIPInboundTrunk" rights::sip_admin, nothing: GetSipInboundTrunkRequest => GetSipInboundTrunkResponse;
    "SIP/GetSIPOutboundTrunk" rights::sip_admin, nothing: GetSipOutboundTrunkRequest => GetSipOutboundTrunkResponse;
    "SIP/ListSIPInboundTrunk" rights::sip_admin, nothing: ListSipInboundTrunkRequest => ListSipInboundTrunkResponse;
    "SIP/ListSIPOutboundTrunk" rights::sip_admin, nothing: ListSipOutboundTrunkRequest => ListSipOutboundTrunkResponse;
    "SIP/DeleteSIPTrunk" rights::sip_admin, nothing: DeleteSipTrunkRequest => SipTrunkInfo;
    "SIP/CreateSIPDispatchRule" rights::sip_admin, nothing: CreateSipDispatchRuleRequest => SipDispatchRuleInfo;
    "SIP/UpdateSIPDispatchRule" rights::sip_admin, nothing: UpdateSipDispatchRuleRequest => SipDispatchRuleInfo;
    "SIP/ListSIPDispatchRule" rights::sip_admin, nothing: ListSipDispatchRuleRequest => ListSipDispatchRuleResponse;
    "SIP/DeleteSIPDispatchRule" rights::sip_admin, nothing: DeleteSipDispatchRuleRequest => SipDispatchRuleInfo;
    "SIP/CreateSIPParticipant" rights::sip_call, nothing: CreateSipParticipantRequest => SipParticipantInfo;
    "SIP/TransferSIPParticipant" rights::sip_transfer, in_call: TransferSipParticipantRequest => TrackInfo;
    "Egress/StartEgress" rights::record, nothing: StartEgressRequest => EgressInfo;
    "Egress/StartRoomCompositeEgress" rights::record, nothing: RoomCompositeEgressRequest => EgressInfo;
    "Egress/StartWebEgress" rights::record, nothing: WebEgressRequest => EgressInfo;
    "Egress/StartParticipantEgress" rights::record, nothing: ParticipantEgressRequest => EgressInfo;
    "Egress/StartTrackCompositeEgress" rights::record, nothing: TrackCompositeEgressRequest => EgressInfo;
    "Egress/StartTrackEgress" rights::record, nothing: TrackEgressRequest => EgressInfo;
    "Egress/UpdateLayout" rights::record, nothing: UpdateLayoutRequest => EgressInfo;
    "Egress/UpdateStream" rights::record, nothing: UpdateStreamRequest => EgressInfo;
    "Egress/ListEgress" rights::record, nothing: ListEgressRequest => ListEgressResponse;
    "Egress/StopEgress" rights::record, nothing: StopEgressRequest => EgressInfo;
    "Ingress/CreateIngress" rights::ingress, nothing: CreateIngressRequest => IngressInfo;
    "Ingress/UpdateIngress" rights::ingress, nothing: UpdateIngressRequest => IngressInfo;
    "Ingress/ListIngress" rights::ingress, nothing: ListIngressRequest => ListIngressResponse;
    "Ingress/DeleteIngress" rights::ingress, nothing: DeleteIngressRequest => IngressInfo;
}
