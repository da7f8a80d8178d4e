//! A session outlives its token: what it comes back with.

use std::sync::Arc;
use std::time::SystemTime;

use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, KeyRing, sign};

use super::*;
use crate::auth::{LiveKitAuthManager, Role, TokenSpec};

fn key(id: &str) -> ApiKey {
    ApiKey::new(id, format!("the secret of {id}, long enough for anybody"))
}

fn now() -> UnixTime {
    UnixTime::from_system(SystemTime::now())
}

fn spec() -> TokenSpec {
    let agents = serde_json::json!({"agents": [{"agentName": "desk"}], "departureTimeout": 2});
    TokenSpec::new(Role::Sip, ParticipantIdentity::parse("me").unwrap())
        .in_room(RoomName::parse("lobby").unwrap())
        .saying(|claims| claims.with_name("Phone").with_room_config(agents))
}

/// What a session's token says, by a key that the server knows.
fn read(session: &Session, known: &ApiKey) -> Claims {
    let ring = KeyRing::from(known.clone());
    ring.verify(&session.token, now()).unwrap()
}

async fn join_with(server: &Server, ring: &KeyRing) -> (Room, RoomEvents, Session) {
    let kept = LiveKitAuthManager::new(ring.clone()).keep(spec()).unwrap();
    let connecting = server.connecting_with(kept.into(), RoomOptions::default());
    let mut session = server.accept().await;
    session.send(ToClient::Join(join())).await;
    let (room, events) = connecting.await.unwrap().unwrap();
    (room, events, session)
}

/// A key is rotated while a call is up, and the old one is retired: whoever comes back with the
/// last token the server sent is refused.
#[tokio::test]
async fn who_comes_back_brings_what_the_server_last_said_signed_by_the_key_of_today() {
    let server = Server::bind().await;
    let ring = KeyRing::from(key("old"));
    let (_room, mut events, mut session) = join_with(&server, &ring).await;
    let first = read(&session, &key("old"));
    let config = first.room_config.clone().unwrap();
    assert_eq!(config["agents"][0]["agentName"], "desk");

    let told = Claims {
        attributes: [("sip.callStatus".to_owned(), "active".to_owned())].into(),
        ..first
    };
    let told = sign(&told, &key("old")).unwrap();
    session.send(ToClient::RefreshToken(told)).await;
    session
        .send(ToClient::SpeakersChanged(proto::SpeakersChanged::default()))
        .await;
    wait_for(&mut events, |event| {
        matches!(event, RoomEvent::Speakers(_)).then_some(())
    })
    .await;
    ring.replace(&KeyRing::from(key("new")));
    drop(session);

    let session = server.accept().await;
    let claims = read(&session, &key("new"));
    assert_eq!(claims.iss, "new");
    assert_eq!(claims.attributes["sip.callStatus"], "active");
    assert_eq!((claims.identity(), claims.name.as_str()), ("me", "Phone"));
    assert!(claims.video.unwrap().room_join);
    // The agents were for the first join: they are on their way back as well.
    let config = claims.room_config.unwrap();
    assert!(config.get("agents").is_none(), "{config}");
    assert_eq!(config["departureTimeout"], 2);
}

/// The server has read its new keys and we have not, or the other way round.
#[tokio::test]
async fn a_refusal_while_keys_change_does_not_end_the_session() {
    let server = Server::bind().await;
    let ring = KeyRing::from(key("old"));
    let (_room, _events, session) = join_with(&server, &ring).await;
    drop(session);
    server.refuse(None).await;
    server.refuse(None).await;
    ring.replace(&KeyRing::from(key("new")));
    let session = server.accept().await;
    assert_eq!(read(&session, &key("new")).iss, "new");
}

#[tokio::test]
async fn a_room_on_a_server_whose_clock_is_off_is_joined_all_the_same() {
    for off in [-7200_i64, 7200] {
        let server = Server::bind().await;
        let theirs = move || UnixTime(now().millis().saturating_add_signed(off * 1000));
        let ring = KeyRing::from(key("old"));
        let auth = LiveKitAuthManager::with_clock(ring, Arc::new(now));
        let kept = auth.keep(spec()).unwrap();
        let _connecting = server.connecting_with(kept.into(), RoomOptions::default());
        let clock = std::time::UNIX_EPOCH + Duration::from_secs(theirs().secs());
        server.refuse(Some(clock)).await;
        let session = server.accept().await;
        let ring = KeyRing::from(key("old"));
        ring.verify(&session.token, theirs()).unwrap();
    }
}
