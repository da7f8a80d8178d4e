//! Official SDKs call over a gateway whose server is elsewhere: the gateway serves `livekit.SIP`
//! itself.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tokio::net::UdpSocket;
use tokio::time::timeout;
use trunkline_client::api::{ApiError, Failure, LiveKitApiClient};
use trunkline_tests::{Daemon, livekit_yaml, python, root, run};

use super::house::{House, LIMIT, no_rules};

/// A telephone: it answers the next INVITE like this, and what follows as it should.
async fn picks_up(phone: &UdpSocket, status: &str, sdp: &str) {
    let mut buffer = vec![0; 8192];
    loop {
        let (length, from) = timeout(LIMIT, phone.recv_from(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        let request = String::from_utf8(buffer[..length].to_vec()).unwrap();
        let method = request.split(' ').next().unwrap_or_default();
        match method {
            "INVITE" => phone
                .send_to(&answer(&request, status, sdp), from)
                .await
                .unwrap(),
            "ACK" => return,
            "BYE" | "CANCEL" => phone
                .send_to(&answer(&request, "200 OK", ""), from)
                .await
                .unwrap(),
            other => panic!("{other}"),
        };
    }
}

fn answer(request: &str, status: &str, sdp: &str) -> Vec<u8> {
    let mut answer = format!("SIP/2.0 {status}\r\n");
    for line in request.lines() {
        let kept = ["Via:", "From:", "Call-ID:", "CSeq:"];
        if kept.iter().any(|name| line.starts_with(name)) {
            answer.push_str(&format!("{line}\r\n"));
        } else if line.starts_with("To:") {
            let tag = if line.contains("tag=") {
                ""
            } else {
                ";tag=phone"
            };
            answer.push_str(&format!("{line}{tag}\r\n"));
        }
    }
    if !sdp.is_empty() {
        // Where it was called: the Request-URI.
        let called = request.split(' ').nth(1).unwrap_or_default();
        answer.push_str(&format!(
            "Contact: <{called}>\r\nContent-Type: application/sdp\r\n"
        ));
    }
    answer.push_str(&format!("Content-Length: {}\r\n\r\n{sdp}", sdp.len()));
    answer.into_bytes()
}

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                   m=audio 40000 RTP/AVP 0\r\n";

/// The Python SDK makes a trunk at the server, and dials over it at the gateway.
async fn dialled(
    house: &House,
    gateway: &str,
    phone: &UdpSocket,
    picks: (&str, &str),
) -> Option<Value> {
    let address: SocketAddr = phone.local_addr().unwrap();
    let key = house.ring.active();
    let mut command = Command::new(python()?);
    command
        .arg(root().join("peers/livekit-api-python/dial.py"))
        .args(["--url", &format!("http://{gateway}")])
        .args(["--server", &format!("http://{}", house.http())])
        .args(["--api-key", key.id(), "--api-secret", key.secret().expose()])
        .args(["--room", "lobby", "--address", &address.to_string()]);
    let dialling = tokio::task::spawn_blocking(move || run(&mut command, Duration::from_secs(50)));
    picks_up(phone, picks.0, picks.1).await;
    let output = dialling.await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{told}")))
}

fn with_api(house: &House) -> Daemon {
    with_api_and(house, no_rules())
}

fn with_api_and(house: &House, sip: (&'static str, String)) -> Daemon {
    let files = vec![livekit_yaml(&[("server: embedded", "server: remote")]), sip];
    let mut setup = house.setup(files);
    setup
        .env
        .push(("TRUNKLINE_SIP_API", "127.0.0.1:0".to_owned()));
    setup.env.push(("SIP_PASSWORD", "a-long-secret".to_owned()));
    Daemon::start(&setup)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_sdk_dials_over_a_gateway_whose_server_is_elsewhere() {
    let house = House::open();
    let gateway = with_api(&house);
    let api = gateway.addr("sip_api");
    let phone = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let busy = dialled(&house, &api, &phone, ("486 Busy Here", "")).await;
    let Some(busy) = busy else { return };
    assert_eq!(busy["code"], "resource_exhausted", "{busy}");
    assert_eq!(busy["sip_status_code"], 486);
    let answered = dialled(&house, &api, &phone, ("200 OK", SDP))
        .await
        .unwrap();
    assert_eq!(answered["room"], "lobby", "{answered}");
    assert!(
        answered["call"].as_str().unwrap().starts_with("SCL_"),
        "{answered}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trunks_are_shown_by_a_gateways_own_api_and_changed_where_they_are_kept() {
    let house = House::open();
    let gateway = with_api(&house);
    let url = format!("http://{}", gateway.addr("sip_api"));
    let server = LiveKitApiClient::new(&house.url(), house.ring.clone()).unwrap();
    let ours = LiveKitApiClient::new(&url, house.ring.clone()).unwrap();
    let trunk = livekit_protocol::SipInboundTrunkInfo {
        name: "theirs".to_owned(),
        numbers: vec!["100".to_owned()],
        ..Default::default()
    };
    server.create_inbound_trunk(trunk.clone()).await.unwrap();
    let shown = ours.list_inbound_trunks().await.unwrap();
    assert_eq!(
        shown
            .iter()
            .map(|trunk| trunk.name.as_str())
            .collect::<Vec<_>>(),
        ["theirs"]
    );
    assert_eq!(
        code(ours.create_inbound_trunk(trunk).await.unwrap_err()),
        "unimplemented"
    );
    // What belongs to the server is not here.
    assert!(matches!(
        ours.list_rooms(&[]).await.unwrap_err().failure,
        Failure::Foreign { status: 404 }
    ));
    let stranger =
        trunkline_base::token::ApiKey::new("APIother", "a secret that is long enough for a test");
    let stranger = LiveKitApiClient::new(&url, stranger).unwrap();
    assert_eq!(
        code(stranger.list_inbound_trunks().await.unwrap_err()),
        "unauthenticated"
    );
}

const WITH_PASSWORDS: &str = "\
trunks:
  - {key: in, name: In, numbers: ['+15550100'], auth: {username: me, password: '${SIP_PASSWORD}'}}
outbound:
  - {key: out, name: Out, address: sip.example.com, numbers: ['+15550100'], auth: {username: me, password: '${SIP_PASSWORD}'}}
rules: []
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_own_trunks_are_shown_without_their_passwords() {
    let house = House::open();
    let file = ("livekit-sip-correct.yaml", WITH_PASSWORDS.to_owned());
    let gateway = with_api_and(&house, file);
    let url = format!("http://{}", gateway.addr("sip_api"));
    let ours = LiveKitApiClient::new(&url, house.ring.clone()).unwrap();
    let inbound = ours.list_inbound_trunks().await.unwrap();
    let outbound = ours.list_outbound_trunks().await.unwrap();
    let inbound = inbound
        .iter()
        .map(|t| (&t.name, &t.auth_username, &t.auth_password));
    let outbound = outbound
        .iter()
        .map(|t| (&t.name, &t.auth_username, &t.auth_password));
    let shown: Vec<_> = inbound
        .chain(outbound)
        .map(|(name, user, password)| [name.as_str(), user.as_str(), password.as_str()])
        .collect();
    assert_eq!(shown, [["In", "me", ""], ["Out", "me", ""]]);
}

fn code(error: ApiError) -> String {
    match error.failure {
        Failure::Twirp(refusal) => refusal.code,
        other => panic!("{other:?}"),
    }
}
