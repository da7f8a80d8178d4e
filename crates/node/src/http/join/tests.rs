use super::*;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use std::io::Write;
use trunkline_base::time::UnixTime;
use trunkline_base::token::VideoGrant;

fn claims() -> Claims {
    Claims::new("alice", UnixTime::from_secs(1_800_000_000), 60)
        .with_video(VideoGrant::join("lobby"))
}

fn ask(claims: Claims, path: Path, query: &str) -> Result<JoinParams, RequestError> {
    let caller = Caller::with(claims);
    let query = Query::parse(query);
    let asked = Asked {
        caller: &caller,
        query,
        path,
        address: "192.0.2.1".to_owned(),
        user_agent: "",
    };
    read(&asked, Strictness::Strict)
}

fn wrap(request: &proto::JoinRequest, compression: Compression) -> String {
    let bytes = request.encode_to_vec();
    let join_request = match compression {
        Compression::None => bytes,
        Compression::Gzip => {
            let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            zip.write_all(&bytes).unwrap();
            zip.finish().unwrap()
        }
    };
    let wrapped = proto::WrappedJoinRequest {
        compression: i32::from(compression),
        join_request,
    };
    URL_SAFE.encode(wrapped.encode_to_vec())
}

#[test]
fn v0_defaults_are_the_official_ones() {
    let params = ask(claims(), Path::V0, "sdk=go&protocol=9").unwrap();
    assert_eq!(params.room.as_str(), "lobby");
    assert_eq!(params.topology, Topology::Dual);
    assert!(params.auto_subscribe && !params.adaptive_stream && !params.reconnect);
    let params = ask(claims(), Path::V0, "auto_subscribe=0&reconnect=1").unwrap();
    assert!(!params.auto_subscribe && params.reconnect);
}

#[test]
fn a_join_request_is_read_packed_and_unpacked_and_absent_flags_are_false() {
    let settings = proto::ConnectionSettings {
        adaptive_stream: true,
        ..Default::default()
    };
    let request = proto::JoinRequest {
        connection_settings: Some(settings),
        reconnect: true,
        ..Default::default()
    };
    for compression in [Compression::None, Compression::Gzip] {
        for path in [Path::V0, Path::V1] {
            let wrapped = wrap(&request, compression);
            for text in [wrapped.clone(), wrapped.trim_end_matches('=').to_owned()] {
                let params = ask(claims(), path, &format!("join_request={text}")).unwrap();
                assert_eq!(params.topology, Topology::Single);
                assert!(params.adaptive_stream && params.reconnect && !params.auto_subscribe);
            }
        }
    }
}

#[test]
fn each_broken_join_request_has_its_own_text() {
    let broken = |query: &str| ask(claims(), Path::V1, query).unwrap_err();
    assert_eq!(broken(""), RequestError::Required);
    assert_eq!(broken("join_request=%21%21"), RequestError::Base64);
    assert_eq!(broken("join_request=____"), RequestError::Wrapper);
    let inner = |compression: Compression, join_request: &[u8]| {
        let wrapped = proto::WrappedJoinRequest {
            compression: i32::from(compression),
            join_request: join_request.to_vec(),
        };
        broken(&format!(
            "join_request={}",
            URL_SAFE.encode(wrapped.encode_to_vec())
        ))
    };
    assert_eq!(
        inner(Compression::None, b"\xff\xff"),
        RequestError::Unreadable
    );
    assert_eq!(
        inner(Compression::Gzip, b"not gzip"),
        RequestError::Compressed
    );
    assert_eq!(
        inner(Compression::None, &vec![0; MAX_REQUEST + 1]),
        RequestError::TooLarge
    );
    let bomb = proto::JoinRequest {
        metadata: "x".repeat(MAX_REQUEST + 1),
        ..Default::default()
    };
    let bomb = wrap(&bomb, Compression::Gzip);
    assert_eq!(
        broken(&format!("join_request={bomb}")),
        RequestError::TooLarge
    );
}

#[test]
fn a_token_that_may_not_join_is_denied() {
    let no_video = Claims {
        video: None,
        ..claims()
    };
    let no_join = claims().with_video(VideoGrant::admin("lobby"));
    for (claims, text) in [
        (no_video, "no permissions to access the room"),
        (no_join, "permissions denied"),
    ] {
        let error = ask(claims, Path::V0, "").unwrap_err();
        assert_eq!(
            (error.status().as_u16(), error.to_string().as_str()),
            (401, text)
        );
    }
}

#[test]
fn names_are_required_and_bounded() {
    let nobody = Claims {
        sub: String::new(),
        jti: String::new(),
        ..claims()
    };
    assert_eq!(
        ask(nobody, Path::V0, "").unwrap_err(),
        RequestError::NoIdentity
    );
    let long = Claims {
        sub: "x".repeat(257),
        ..claims()
    };
    assert_eq!(
        ask(long, Path::V0, "").unwrap_err(),
        RequestError::IdentityTooLong
    );
    let nowhere = claims().with_video(VideoGrant::join(""));
    assert_eq!(
        ask(nowhere.clone(), Path::V0, "").unwrap_err(),
        RequestError::NoRoom
    );
    assert_eq!(
        ask(nowhere, Path::V0, "room=hall").unwrap().room.as_str(),
        "hall"
    );
    let far = claims().with_video(VideoGrant::join("x".repeat(257)));
    assert_eq!(
        ask(far, Path::V0, "").unwrap_err(),
        RequestError::RoomTooLong
    );
}

#[test]
fn bringing_attributes_needs_the_right_to() {
    let query = format!("attributes={}", URL_SAFE.encode(r#"{"a":"b"}"#));
    assert_eq!(
        ask(claims(), Path::V0, &query).unwrap_err(),
        RequestError::NotGranted
    );
    let grant = VideoGrant {
        can_update_own_metadata: Some(true),
        ..VideoGrant::join("lobby")
    };
    let params = ask(claims().with_video(grant), Path::V0, &query).unwrap();
    assert_eq!(params.attributes["a"], "b");
    let bad = format!("attributes={}", STANDARD.encode("[]"));
    assert_eq!(
        ask(claims(), Path::V0, &bad).unwrap_err(),
        RequestError::Attributes
    );
}

#[test]
fn the_publish_only_connection_gets_its_own_identity() {
    let params = ask(claims(), Path::V0, "publish=cam").unwrap();
    assert_eq!(params.claims.identity(), "alice#cam");
    assert_eq!(params.claims.video.unwrap().can_subscribe, Some(false));
}
