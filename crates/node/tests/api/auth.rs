//! Every row of the table of tokens, over HTTP.

use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, VideoGrant, sign};

use crate::support::{Server, joiner, now, token, with_video};

const VALIDATE: &str = "/rtc/validate";

async fn with_header(server: &Server, value: &str) -> (u16, String) {
    let request = server
        .client
        .get(server.url(VALIDATE))
        .header("authorization", value);
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn with_token(server: &Server, token: &str) -> (u16, String) {
    with_header(server, &format!("Bearer {token}")).await
}

fn said(status: u16, text: &str) -> (u16, String) {
    (status, text.to_owned())
}

#[tokio::test]
async fn a_good_token_is_accepted_from_header_and_query() {
    let server = Server::start().await;
    let token = joiner("alice", "lobby");
    assert_eq!(with_token(&server, &token).await, said(200, "success"));
    let path = format!("{VALIDATE}?access_token={token}");
    let response = server.client.get(server.url(&path)).send().await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn the_header_wins_over_the_query() {
    let server = Server::start().await;
    let path = format!("{VALIDATE}?access_token={}", joiner("alice", "lobby"));
    let (status, text) = server.get(&path, "nonsense").await;
    assert_eq!(
        (status.as_u16(), text.as_str()),
        (401, "invalid authorization token")
    );
}

#[tokio::test]
async fn each_flaw_has_livekits_status_and_text() {
    let server = Server::start().await;
    let text = "invalid authorization header. Must start with Bearer ";
    assert_eq!(with_header(&server, "Basic abc").await, said(401, text));
    assert_eq!(
        with_token(&server, "nonsense").await,
        said(401, "invalid authorization token")
    );
    let claims = Claims::new("alice", now(), 600).with_video(VideoGrant::join("lobby"));
    let foreign = sign(&claims, &ApiKey::new("other", "secret")).unwrap();
    assert_eq!(
        with_token(&server, &foreign).await,
        said(401, "invalid API key")
    );
    let forged = sign(&claims, &ApiKey::new("devkey", "a guess")).unwrap();
    let past = UnixTime::from_secs(1_500_000_000);
    let old = token(&Claims::new("alice", past, 60).with_video(VideoGrant::join("lobby")));
    let early = token(&Claims {
        nbf: Some(now().secs() + 3600),
        ..claims
    });
    for token in [forged, old, early] {
        let (status, text) = with_token(&server, &token).await;
        assert_eq!(status, 401);
        assert!(text.starts_with("invalid authorization token: "), "{text}");
    }
}

#[tokio::test]
async fn a_token_that_does_not_allow_joining_is_denied() {
    let server = Server::start().await;
    let none = server
        .client
        .get(server.url(VALIDATE))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (none.status().as_u16(), none.text().await.unwrap()),
        said(401, "no permissions to access the room")
    );
    let admin = with_video(VideoGrant::admin("lobby"));
    assert_eq!(
        with_token(&server, &admin).await,
        said(401, "permissions denied")
    );
}

#[tokio::test]
async fn names_are_required_and_bounded() {
    let server = Server::start().await;
    let long = "x".repeat(257);
    assert_eq!(
        with_token(&server, &joiner("", "lobby")).await,
        said(400, "identity cannot be empty")
    );
    assert_eq!(
        with_token(&server, &joiner("alice", "")).await,
        said(400, "no room name")
    );
    let (status, text) = with_token(&server, &joiner(&long, "lobby")).await;
    assert!(
        status == 400 && text.starts_with("participant identity length exceeds"),
        "{text}"
    );
    let (status, text) = with_token(&server, &joiner("alice", &long)).await;
    assert!(
        status == 400 && text.starts_with("room name length exceeds limits"),
        "{text}"
    );
}

#[tokio::test]
async fn the_second_path_wants_a_join_request() {
    let server = Server::start().await;
    let (status, text) = server
        .get("/rtc/v1/validate", &joiner("alice", "lobby"))
        .await;
    assert_eq!(
        (status.as_u16(), text),
        said(400, "join_request is required")
    );
    let path = "/rtc/v1/validate?join_request=!!!";
    let (status, text) = server.get(path, &joiner("alice", "lobby")).await;
    assert_eq!(
        (status.as_u16(), text),
        said(400, "cannot base64 decode wrapped join request")
    );
}

#[tokio::test]
async fn without_automatic_rooms_a_missing_one_is_not_found() {
    let mut config = trunkline_node::NodeConfig::dev().with_free_ports();
    config.rooms.auto_create = false;
    let server = Server::start_with(config).await;
    let (status, text) = with_token(&server, &joiner("alice", "lobby")).await;
    assert_eq!(status, 404);
    assert!(text.contains("requested room does not exist"), "{text}");
    server.room("lobby").await;
    assert_eq!(with_token(&server, &joiner("alice", "lobby")).await.0, 200);
}
