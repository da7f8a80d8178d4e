//! The server API in both encodings: what it does, who may, and how it refuses.

use livekit_protocol as proto;
use trunkline_base::token::VideoGrant;

use crate::support::{Encoding, Refusal, Server, admin, creator, sip, with_video};

fn refused(status: u16, code: &str, msg: &str) -> Refusal {
    Refusal {
        status,
        code: code.to_owned(),
        msg: msg.to_owned(),
    }
}

fn denied() -> Refusal {
    refused(401, "unauthenticated", "permissions denied")
}

#[tokio::test]
async fn rooms_are_created_listed_changed_and_deleted_in_both_encodings() {
    let server = Server::start().await;
    for encoding in [Encoding::Json, Encoding::Protobuf] {
        let request = proto::CreateRoomRequest {
            name: "lobby".to_owned(),
            metadata: "one".to_owned(),
            empty_timeout: 60,
            ..Default::default()
        };
        let method = "RoomService/CreateRoom";
        let room: proto::Room = server
            .call_in(encoding, method, &creator(), &request)
            .await
            .unwrap();
        assert!(room.sid.starts_with("RM_") && room.creation_time > 0);
        assert_eq!((room.metadata.as_str(), room.empty_timeout), ("one", 60));
        let again: proto::Room = server
            .call_in(encoding, method, &creator(), &request)
            .await
            .unwrap();
        assert_eq!(again.sid, room.sid, "creating twice gives the same room");

        let request = proto::UpdateRoomMetadataRequest {
            room: "lobby".to_owned(),
            metadata: "two".to_owned(),
        };
        let method = "RoomService/UpdateRoomMetadata";
        let room: proto::Room = server
            .call_in(encoding, method, &admin("lobby"), &request)
            .await
            .unwrap();
        assert_eq!(room.metadata, "two");

        let request = proto::ListRoomsRequest {
            names: vec!["lobby".to_owned(), "none".to_owned()],
        };
        let method = "RoomService/ListRooms";
        let list: proto::ListRoomsResponse = server
            .call_in(encoding, method, &creator(), &request)
            .await
            .unwrap();
        assert_eq!(list.rooms.len(), 1);

        let request = proto::DeleteRoomRequest {
            room: "lobby".to_owned(),
        };
        let method = "RoomService/DeleteRoom";
        let gone: Result<proto::DeleteRoomResponse, _> =
            server.call_in(encoding, method, &creator(), &request).await;
        gone.unwrap();
        let again: Result<proto::DeleteRoomResponse, _> =
            server.call_in(encoding, method, &creator(), &request).await;
        let missing = refused(404, "not_found", "requested room does not exist");
        assert_eq!(again.unwrap_err(), missing);
    }
}

#[tokio::test]
async fn each_call_needs_its_grant() {
    let server = Server::start().await;
    server.room("lobby").await;
    let other = admin("other");
    let nothing = with_video(VideoGrant::join("lobby"));
    for method in ["CreateRoom", "ListRooms", "DeleteRoom"] {
        let answer: Result<proto::Room, _> = server
            .call(
                &format!("RoomService/{method}"),
                &other,
                &proto::DeleteRoomResponse {},
            )
            .await;
        assert_eq!(answer.unwrap_err(), denied(), "{method}");
    }
    let request = proto::RoomParticipantIdentity {
        room: "lobby".to_owned(),
        ..Default::default()
    };
    for token in [&other, &nothing] {
        let answer: Result<proto::ParticipantInfo, _> = server
            .call("RoomService/GetParticipant", token, &request)
            .await;
        assert_eq!(answer.unwrap_err(), denied());
    }
    let request = proto::ListAgentDispatchRequest {
        room: "lobby".to_owned(),
        ..Default::default()
    };
    let answer: Result<proto::ListAgentDispatchResponse, _> = server
        .call("AgentDispatchService/ListDispatch", &other, &request)
        .await;
    assert_eq!(answer.unwrap_err(), denied());
    for method in [
        "ListSIPInboundTrunk",
        "CreateSIPDispatchRule",
        "CreateSIPParticipant",
    ] {
        let answer: Result<proto::SipTrunkInfo, _> = server
            .call(
                &format!("SIP/{method}"),
                &sip(false, false),
                &proto::DeleteRoomResponse {},
            )
            .await;
        assert_eq!(answer.unwrap_err(), denied(), "{method}");
    }
}

#[tokio::test]
async fn who_is_not_there_is_not_found() {
    let server = Server::start().await;
    server.room("lobby").await;
    let list = proto::ListParticipantsRequest {
        room: "none".to_owned(),
    };
    let found: proto::ListParticipantsResponse = server
        .call("RoomService/ListParticipants", &admin("none"), &list)
        .await
        .unwrap();
    assert!(
        found.participants.is_empty(),
        "an unknown room is an empty list"
    );
    for room in ["lobby", "none"] {
        let request = proto::RoomParticipantIdentity {
            room: room.to_owned(),
            identity: "alice".to_owned(),
            ..Default::default()
        };
        for method in [
            "RoomService/GetParticipant",
            "RoomService/RemoveParticipant",
        ] {
            let answer: Result<proto::ParticipantInfo, _> =
                server.call(method, &admin(room), &request).await;
            let missing = refused(404, "not_found", "participant does not exist");
            assert_eq!(answer.unwrap_err(), missing, "{method} {room}");
        }
    }
}

#[tokio::test]
async fn limits_are_invalid_arguments() {
    let server = Server::start().await;
    let create = async |request: proto::CreateRoomRequest| -> Refusal {
        let answer: Result<proto::Room, _> = server
            .call("RoomService/CreateRoom", &creator(), &request)
            .await;
        answer.unwrap_err()
    };
    let long = proto::CreateRoomRequest {
        name: "x".repeat(257),
        ..Default::default()
    };
    let text = "room name length exceeds limits: max length 256";
    assert_eq!(create(long).await, refused(400, "invalid_argument", text));
    let big = proto::CreateRoomRequest {
        name: "lobby".to_owned(),
        metadata: "x".repeat(524_289),
        ..Default::default()
    };
    assert_eq!(create(big).await.status, 400);
    server.room("lobby").await;
    let request = proto::SendDataRequest {
        room: "lobby".to_owned(),
        nonce: vec![1, 2, 3],
        ..Default::default()
    };
    let answer: Result<proto::SendDataResponse, _> = server
        .call("RoomService/SendData", &admin("lobby"), &request)
        .await;
    let text = "nonce should be 16-bytes or not present, got: 3 bytes";
    assert_eq!(answer.unwrap_err(), refused(400, "invalid_argument", text));
}

#[tokio::test]
async fn a_wrong_route_is_told_so() {
    let server = Server::start().await;
    let post = |path: &str, kind: &'static str| {
        let request = server.client.post(server.url(path)).bearer_auth(creator());
        request.header("content-type", kind).body("{}").send()
    };
    let json = "application/json";
    let unknown = post("/twirp/livekit.RoomService/Nothing", json)
        .await
        .unwrap();
    assert_eq!(unknown.status(), 404);
    let body: serde_json::Value = unknown.json().await.unwrap();
    assert_eq!(body["code"], "bad_route");
    assert_eq!(
        body["meta"]["twirp_invalid_route"],
        "POST /twirp/livekit.RoomService/Nothing"
    );
    let kind = post("/twirp/livekit.RoomService/ListRooms", "text/plain")
        .await
        .unwrap();
    assert_eq!(
        kind.json::<serde_json::Value>().await.unwrap()["code"],
        "bad_route"
    );
    let get = server
        .client
        .get(server.url("/twirp/livekit.RoomService/ListRooms"))
        .send();
    assert_eq!(
        get.await
            .unwrap()
            .json::<serde_json::Value>()
            .await
            .unwrap()["code"],
        "bad_route"
    );
    let cloud = post("/twirp/livekit.Connector/DialWhatsAppCall", json)
        .await
        .unwrap();
    assert_eq!(
        (
            cloud.status().as_u16(),
            cloud.text().await.unwrap().as_str()
        ),
        (404, "404 page not found\n")
    );
    let broken = server
        .client
        .post(server.url("/twirp/livekit.RoomService/ListRooms"));
    let broken = broken
        .bearer_auth(creator())
        .header("content-type", json)
        .body("{")
        .send();
    let broken = broken.await.unwrap();
    assert_eq!(broken.status(), 400);
    assert_eq!(
        broken.json::<serde_json::Value>().await.unwrap()["code"],
        "malformed"
    );
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_too_large() {
    let server = Server::start().await;
    let url = server.url("/twirp/livekit.RoomService/ListRooms");
    let request = server.client.post(url).bearer_auth(creator());
    let body = "x".repeat((10 << 20) + 1);
    let response = request
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await;
    let response = response.unwrap();
    assert_eq!(response.status(), 413);
    assert_eq!(response.text().await.unwrap(), "request body too large");
}

#[tokio::test]
async fn egress_and_ingress_say_what_is_missing_after_the_grant() {
    let server = Server::start().await;
    let ask = async |method: &str, grant: VideoGrant| -> Refusal {
        let answer: Result<proto::ListEgressResponse, _> = server
            .call(
                method,
                &with_video(grant),
                &proto::ListEgressRequest::default(),
            )
            .await;
        answer.unwrap_err()
    };
    let none = VideoGrant::default;
    assert_eq!(ask("Egress/ListEgress", none()).await, denied());
    assert_eq!(ask("Ingress/ListIngress", none()).await, denied());
    let record = VideoGrant {
        room_record: true,
        ..none()
    };
    let text = "egress does not exist";
    assert_eq!(
        ask("Egress/StopEgress", record.clone()).await,
        refused(404, "not_found", text)
    );
    let url = proto::WebEgressRequest {
        url: "https://example.com".to_owned(),
        file_outputs: vec![proto::EncodedFileOutput::default()],
        ..Default::default()
    };
    let answer: Result<proto::EgressInfo, _> = server
        .call("Egress/StartWebEgress", &with_video(record), &url)
        .await;
    let text = "egress not connected (redis required)";
    assert_eq!(answer.unwrap_err(), refused(500, "internal", text));
    let ingress = VideoGrant {
        ingress_admin: true,
        ..none()
    };
    let text = "ingress not connected (redis required)";
    assert_eq!(
        ask("Ingress/CreateIngress", ingress).await,
        refused(500, "internal", text)
    );
}

#[tokio::test]
async fn trunks_and_rules_are_served_and_calls_are_not() {
    let server = Server::start().await;
    let token = sip(true, true);
    for encoding in [Encoding::Json, Encoding::Protobuf] {
        let trunk = proto::SipInboundTrunkInfo {
            name: "office".to_owned(),
            numbers: vec!["+15550100".to_owned()],
            ..Default::default()
        };
        let request = proto::CreateSipInboundTrunkRequest { trunk: Some(trunk) };
        let method = "SIP/CreateSIPInboundTrunk";
        let trunk: proto::SipInboundTrunkInfo = server
            .call_in(encoding, method, &token, &request)
            .await
            .unwrap();
        let clash: Result<proto::SipInboundTrunkInfo, _> =
            server.call_in(encoding, method, &token, &request).await;
        assert_eq!(clash.unwrap_err().code, "invalid_argument");
        let list: proto::ListSipInboundTrunkResponse = server
            .call_in(
                encoding,
                "SIP/ListSIPInboundTrunk",
                &token,
                &proto::ListSipInboundTrunkRequest::default(),
            )
            .await
            .unwrap();
        assert_eq!(list.items, std::slice::from_ref(&trunk));
        let request = proto::DeleteSipTrunkRequest {
            sip_trunk_id: trunk.sip_trunk_id.clone(),
        };
        let gone: proto::SipTrunkInfo = server
            .call_in(encoding, "SIP/DeleteSIPTrunk", &token, &request)
            .await
            .unwrap();
        assert_eq!(gone.sip_trunk_id, trunk.sip_trunk_id);
        let request = proto::GetSipInboundTrunkRequest {
            sip_trunk_id: trunk.sip_trunk_id,
        };
        let missing: Result<proto::GetSipInboundTrunkResponse, _> = server
            .call_in(encoding, "SIP/GetSIPInboundTrunk", &token, &request)
            .await;
        let text = "requested sip trunk does not exist";
        assert_eq!(missing.unwrap_err(), refused(404, "not_found", text));
    }
    let call = proto::CreateSipParticipantRequest {
        sip_number: "+15550100".to_owned(),
        sip_call_to: "+15550199".to_owned(),
        room_name: "lobby".to_owned(),
        ..Default::default()
    };
    let answer: Result<proto::SipParticipantInfo, _> =
        server.call("SIP/CreateSIPParticipant", &token, &call).await;
    let text = "sip not connected (redis required)";
    assert_eq!(answer.unwrap_err(), refused(500, "internal", text));
}
