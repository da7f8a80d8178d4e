//! Nothing secret or personal is printed. A daemon at TRACE gets every kind of token, good and bad,
//! in headers and in queries, requests with passwords and numbers in them, webhooks, and verbs with
//! a secret on their command line; then everything that was said is searched for what was planted.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::process::Output;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, SipGrant, VideoGrant, sign};
use trunkline_bridge::sip::{Caller, CallerOptions};
use trunkline_client::room::{Room, RoomOptions};
use trunkline_tests::{Daemon, Setup, run, trunkline};

const KEY: &str = "APIplanted";
const API_SECRET: &str = "planted-api-secret-5e1f0c9a7b3d2468aa";
const WRONG_SECRET: &str = "planted-wrong-secret-9a7b3d2468aa5e1f";
const PASSWORD: &str = "planted-trunk-password-77";
const NUMBER: &str = "15557654321";
const NAME: &str = "Planted Person";
const METADATA: &str = "planted-metadata-19";
const ATTRIBUTE: &str = "planted-attribute-23";
const ROOM: &str = "planted-room-31";

/// What may occur nowhere. Every token begins with `eyJ`, which is `{"` in base64.
const PLANTED: &[&str] = &[
    API_SECRET,
    WRONG_SECRET,
    PASSWORD,
    NUMBER,
    NAME,
    METADATA,
    ATTRIBUTE,
    "eyJ",
];

fn now() -> UnixTime {
    UnixTime::from_system(SystemTime::now())
}

fn key() -> ApiKey {
    ApiKey::new(KEY, API_SECRET)
}

fn start() -> Daemon {
    Daemon::start(&Setup {
        without_agent: true,
        without_dev: true,
        env: vec![
            ("LIVEKIT_API_KEY", KEY.to_owned()),
            ("LIVEKIT_API_SECRET", API_SECRET.to_owned()),
            ("TRUNKLINE_LOG", "trace".to_owned()),
        ],
        ..Setup::default()
    })
}

/// A token of the admin role, for the console.
fn operator() -> String {
    let video = VideoGrant {
        room_create: true,
        room_list: true,
        room_record: true,
        ..VideoGrant::default()
    };
    sign(
        &Claims::new("operator", now(), 600).with_video(video),
        &key(),
    )
    .unwrap()
}

/// Everything granted, and everything about a person in it.
fn claims() -> Claims {
    let everything = VideoGrant {
        room_create: true,
        room_list: true,
        room_admin: true,
        ..VideoGrant::join(ROOM)
    };
    let sip = SipGrant {
        admin: true,
        call: true,
    };
    Claims::new("caller", now(), 600)
        .with_name(NAME)
        .with_metadata(METADATA)
        .with_attributes([("planted".to_owned(), ATTRIBUTE.to_owned())].into())
        .with_video(everything)
        .with_sip(sip)
}

/// A token of every kind: first the good one.
fn tokens() -> Vec<String> {
    let good = sign(&claims(), &key()).unwrap();
    let long_ago = UnixTime::from_secs(now().secs() - 7200);
    let expired = Claims::new("caller", long_ago, 60).with_name(NAME);
    let early = Claims {
        nbf: Some(now().secs() + 7200),
        ..claims()
    };
    let (head, tail) = good.split_at(good.len() / 2);
    vec![
        sign(&expired, &key()).unwrap(),
        sign(&early, &key()).unwrap(),
        sign(&claims(), &ApiKey::new(KEY, WRONG_SECRET)).unwrap(),
        sign(&claims(), &ApiKey::new("APInobody", API_SECRET)).unwrap(),
        sign(&Claims::new("caller", now(), 60).with_name(NAME), &key()).unwrap(),
        head.to_owned(),
        tail.to_owned(),
        format!("{good}.{good}"),
        format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).unwrap()),
        API_SECRET.to_owned(),
        good,
    ]
}

/// Sends a request and, where it fails, gives what the answer says.
async fn refusal(request: RequestBuilder) -> String {
    let answer = request
        .timeout(Duration::from_secs(20))
        .send()
        .await
        .unwrap();
    let failed = !answer.status().is_success();
    let headers = format!("{:?}", answer.headers());
    let text = answer.text().await.unwrap_or_default();
    if failed {
        format!("{headers}\n{text}")
    } else {
        headers
    }
}

/// Every place where a token may stand.
async fn offer_tokens(daemon: &Daemon, client: &Client) -> Vec<String> {
    let http = daemon.addr("http");
    let mut said = Vec::new();
    for token in tokens() {
        for scheme in ["Bearer ", "bearer ", "Basic ", ""] {
            let list = client
                .post(format!("http://{http}/twirp/livekit.RoomService/ListRooms"))
                .header("authorization", format!("{scheme}{token}"))
                .header("content-type", "application/json")
                .body("{}");
            said.push(refusal(list).await);
        }
        for path in [
            "rtc",
            "rtc/v1",
            "rtc/validate",
            "rtc/v1/validate",
            "agent",
            "settings",
            "nowhere",
        ] {
            let query = format!("http://{http}/{path}?access_token={token}&protocol=16");
            said.push(refusal(client.get(query)).await);
            let header = client
                .get(format!("http://{http}/{path}"))
                .bearer_auth(&token);
            said.push(refusal(header).await);
        }
        let console = daemon.addr("console");
        for path in ["api/calls", "api/events", "api/events/EV_1/retry", "readyz"] {
            let url = format!("http://{console}/{path}?access_token={token}");
            said.push(refusal(client.get(url).bearer_auth(&token)).await);
        }
        said.push(post_webhook(daemon, client, &token, "{}".to_owned()).await);
    }
    said
}

async fn post_webhook(daemon: &Daemon, client: &Client, token: &str, body: String) -> String {
    let post = client
        .post(format!(
            "http://{}/webhooks/livekit",
            daemon.addr("console")
        ))
        .header("authorization", token)
        .header("content-type", "application/webhook+json")
        .body(body);
    refusal(post).await
}

/// Requests with secrets and numbers in them: taken, refused, repeated and malformed.
async fn ask_for_trunks(daemon: &Daemon, client: &Client) -> Vec<String> {
    let token = sign(&claims(), &key()).unwrap();
    let trunk = json!({ "trunk": {
        "name": NAME, "numbers": [format!("+{NUMBER}")], "metadata": METADATA,
        "authUsername": "planted", "authPassword": PASSWORD,
        "allowedAddresses": ["198.51.100.7"],
    }});
    let mut outbound = trunk.clone();
    outbound["trunk"]["address"] = "sip.example.net".into();
    let mut odd = trunk.clone();
    odd["trunk"]["allowedAddresses"] = json!(["nowhere at all"]);
    let call = json!({
        "sipTrunkId": "ST_none", "sipCallTo": NUMBER, "roomName": ROOM,
        "participantName": NAME, "participantMetadata": METADATA,
        "trunk": { "hostname": "sip.example.net", "authPassword": PASSWORD },
    });
    let room = json!({ "name": ROOM, "metadata": METADATA });
    let person = json!({
        "room": ROOM, "identity": "caller", "name": NAME, "metadata": METADATA,
        "attributes": { "planted": ATTRIBUTE },
    });
    let requests = [
        ("SIP/CreateSIPInboundTrunk", trunk.to_string()),
        ("SIP/CreateSIPInboundTrunk", trunk.to_string()),
        ("SIP/CreateSIPOutboundTrunk", outbound.to_string()),
        ("SIP/CreateSIPInboundTrunk", odd.to_string()),
        (
            "SIP/CreateSIPInboundTrunk",
            format!("{{\"trunk\":\"{PASSWORD}\""),
        ),
        (
            "SIP/CreateSIPInboundTrunk",
            format!("{{\"trunk\":{{\"numbers\":\"{PASSWORD}\"}}}}"),
        ),
        (
            "SIP/UpdateSIPInboundTrunk",
            json!({ "sipTrunkId": "ST_none", "replace": trunk["trunk"] }).to_string(),
        ),
        ("SIP/CreateSIPParticipant", call.to_string()),
        ("RoomService/CreateRoom", room.to_string()),
        ("RoomService/UpdateRoomMetadata", room.to_string()),
        ("RoomService/UpdateParticipant", person.to_string()),
        (
            "RoomService/SendData",
            json!({ "room": ROOM, "data": STANDARD.encode(METADATA) }).to_string(),
        ),
        ("RoomService/Nothing", room.to_string()),
    ];
    let mut said = Vec::new();
    for (method, body) in requests {
        for kind in ["application/json", "application/protobuf", "text/plain"] {
            let request = client
                .post(format!(
                    "http://{}/twirp/livekit.{method}",
                    daemon.addr("http")
                ))
                .bearer_auth(&token)
                .header("content-type", kind)
                .body(body.clone());
            said.push(refusal(request).await);
        }
    }
    said
}

/// Webhooks of a server of which we know the key: of a phone call, changed, and repeated.
async fn tell_of_a_call(daemon: &Daemon, client: &Client) -> Vec<String> {
    let body = |id: &str, event: &str| {
        json!({
            "event": event, "id": id, "createdAt": now().secs().to_string(),
            "room": { "sid": "RM_1", "name": ROOM, "metadata": METADATA },
            "participant": {
                "sid": "PA_1", "identity": format!("sip_{NUMBER}"), "name": NAME, "kind": "SIP",
                "metadata": METADATA, "disconnectReason": "CLIENT_INITIATED",
                "attributes": {
                    "sip.callID": "SCL_planted", "sip.phoneNumber": format!("+{NUMBER}"),
                    "sip.callStatus": "active", "planted": ATTRIBUTE,
                },
            },
        })
        .to_string()
    };
    let signed = |body: &str| {
        let claims = Claims {
            sha256: STANDARD.encode(Sha256::digest(body)),
            ..Claims::new("", now(), 300)
        };
        sign(&claims, &key()).unwrap()
    };
    let mut said = Vec::new();
    for (id, event) in [
        ("EV_1", "participant_joined"),
        ("EV_1", "participant_joined"),
        ("EV_2", "participant_left"),
        ("EV_3", "planted_event"),
    ] {
        let body = body(id, event);
        let token = signed(&body);
        said.push(post_webhook(daemon, client, &token, body.clone()).await);
        said.push(post_webhook(daemon, client, &token, format!("{body} ")).await);
        said.push(post_webhook(daemon, client, &token, METADATA.to_owned()).await);
    }
    said
}

async fn join(daemon: &Daemon) {
    let good = sign(&claims(), &key()).unwrap();
    let joined = Room::connect(&daemon.url(), Secret::from(good), RoomOptions::default()).await;
    let (room, _events) = joined.unwrap();
    let change = [("planted".to_owned(), format!("{ATTRIBUTE} again"))];
    let _ = room.set_attributes(change.into()).await;
    room.leave().await;
    for token in tokens() {
        if let Err(error) = Room::connect(
            &daemon.url(),
            Secret::from(token.as_str()),
            RoomOptions::default(),
        )
        .await
        {
            clean("a join's error", &format!("{error} {error:?}"));
        }
    }
}

/// Verbs with a secret on the command line, as loud as they can be.
fn verbs(daemon: &Daemon) -> Vec<(&'static str, Output)> {
    let url = daemon.url();
    let token = sign(&claims(), &ApiKey::new(KEY, WRONG_SECRET)).unwrap();
    let all: [(&'static str, Vec<&str>, &str); 7] = [
        ("room list", vec!["room", "list"], API_SECRET),
        (
            "room list, wrong secret",
            vec!["room", "list"],
            WRONG_SECRET,
        ),
        (
            "room list, json",
            vec!["room", "list", "--json"],
            WRONG_SECRET,
        ),
        ("token verify", vec!["token", "verify", &token], API_SECRET),
        (
            "token verify, nonsense",
            vec!["token", "verify", PASSWORD],
            API_SECRET,
        ),
        ("config show", vec!["config", "show"], API_SECRET),
        ("config check", vec!["config", "check"], API_SECRET),
    ];
    all.into_iter()
        .map(|(name, words, secret)| {
            let mut command = trunkline();
            command.args(words).args(["-vv", "--url", &url]);
            command.args(["--api-key", KEY, "--api-secret", secret]);
            (name, run(&mut command, Duration::from_secs(60)))
        })
        .collect()
}

/// Fails with the line that says what it must not.
fn clean(what: &str, text: &str) {
    for planted in PLANTED {
        let line = text.lines().find(|line| line.contains(planted));
        assert!(
            line.is_none(),
            "{planted} is in {what}: {}",
            line.unwrap_or_default()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_of_it_the_daemon_prints_nothing_planted() {
    let daemon = start();
    let client = Client::new();
    let mut said = offer_tokens(&daemon, &client).await;
    said.extend(ask_for_trunks(&daemon, &client).await);
    said.extend(tell_of_a_call(&daemon, &client).await);
    join(&daemon).await;
    for answer in &said {
        // A number comes back to whoever is allowed to name it: "this trunk has it already".
        let answer = answer.replace(NUMBER, "");
        clean("an answer", &answer);
    }
    let metrics = client
        .get(format!("http://{}/metrics", daemon.addr("console")))
        .bearer_auth(operator())
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("trunkline_console_webhooks_refused_total"),
        "{metrics}"
    );
    clean("the metrics", &metrics);
    assert!(!metrics.contains(ROOM), "a room's name is a label");

    // The call is known, so the events were read; its number is where it belongs.
    let calls = client
        .get(format!("http://{}/api/calls", daemon.addr("console")))
        .bearer_auth(operator())
        .send()
        .await
        .unwrap();
    let calls: Value = calls.json().await.unwrap();
    assert_eq!(
        calls["calls"][0]["caller"], "",
        "told by the events: {calls}"
    );
    assert_eq!(calls["calls"][0]["called"], format!("+{NUMBER}"));

    let verbs = verbs(&daemon);
    let codes: Vec<_> = verbs
        .iter()
        .map(|(_, output)| output.status.code())
        .collect();
    assert_eq!(
        codes[..4],
        [Some(0), Some(77), Some(77), Some(77)],
        "{verbs:?}"
    );
    for (name, output) in verbs {
        clean(name, &String::from_utf8_lossy(&output.stderr));
        clean(name, &String::from_utf8_lossy(&output.stdout));
    }
    let log = daemon.log();
    for loud in ["DEBUG", "a webhook was refused", "webhook received"] {
        assert!(
            log.contains(loud),
            "{loud} is not in the log, so it proves nothing"
        );
    }
    assert!(!log.contains("panicked"), "{log}");
    clean("the log", &log);
    clean("standard output", &daemon.said());
}

#[test]
#[should_panic(expected = "is in the log")]
fn the_search_finds_what_is_planted() {
    clean(
        "the log",
        &format!("INFO joined\nDEBUG password={PASSWORD}\n"),
    );
}

/// Neither the keys, one by one or together, nor what is made of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_pin_that_is_typed_is_not_printed() {
    let setup = "trunks:\n  - {key: local, numbers: ['100'], allowed_addresses: [127.0.0.1]}\nrules:\n  \
                 - {key: vault, trunks: [local], direct: {room: vault, pin: '73194862'}}\n";
    let daemon = Daemon::start(&Setup {
        without_agent: true,
        files: vec![("livekit-sip-correct.yaml", setup.to_owned())],
        env: vec![("TRUNKLINE_LOG", "trace".to_owned())],
        ..Setup::default()
    });
    let target = format!("sip:100@{}", daemon.addr("sip"));
    let mut call = Caller::call(CallerOptions::new(target, NUMBER))
        .await
        .unwrap();
    assert!(call.dtmf("7319486#73194862#").await);
    while !daemon.log().contains("the PIN is a rule's") {
        let heard = tokio::time::timeout(Duration::from_secs(10), call.recv()).await;
        assert!(heard.unwrap().is_some(), "{}", daemon.log());
    }
    call.hangup().await;
    let log = daemon.log();
    assert!(log.contains("the PIN is no rule's"), "{log}");
    for planted in ["7319486", "Key('", "Signal=", NUMBER] {
        let line = log.lines().find(|line| line.contains(planted));
        assert!(line.is_none(), "{planted}: {}", line.unwrap_or_default());
    }
}
