//! The official Python SDK in the room of a phone call: it hears the agent, level and words.

use std::process::Command;
use std::time::Duration;

use livekit_protocol as proto;
use trunkline_bridge::sip::{Caller, CallerOptions};
use trunkline_tests::{Daemon, Setup, python, root, run};

use super::ear::{speech, words};

const ONE_ROOM: &str = "\
trunks:
  - key: local
    allowed_addresses: [127.0.0.0/8]
rules:
  - key: lobby
    trunks: [local]
    direct: {room: lobby}
    agents: [trunkline]
";

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_hears_the_agent_greet_a_caller() {
    let (Some(python), Some(speech)) = (python(), speech()) else {
        return;
    };
    let files = vec![("livekit-sip-correct.yaml", ONE_ROOM.to_owned())];
    let daemon = Daemon::start(&Setup {
        files,
        ..Setup::default()
    });
    let dir = tempfile::tempdir().unwrap();
    let heard = dir.path().join("heard.wav");
    let mut listener = Command::new(python);
    listener
        .arg(root().join("peers/livekit-python/sdk_hears.py"))
        .args([
            "--url",
            &daemon.url(),
            "--room",
            "lobby",
            "--agent",
            "--seconds",
            "8",
            "--timeout",
            "40",
        ])
        .arg("--out")
        .arg(&heard);
    let listening =
        tokio::task::spawn_blocking(move || run(&mut listener, Duration::from_secs(90)));
    wait_for_somebody(&daemon).await;
    let target = format!("sip:agent@{}", daemon.addr("sip"));
    let mut call = Caller::call(CallerOptions::new(target, "4711"))
        .await
        .unwrap();
    let hold = async {
        while call.recv().await.is_some() {
            call.send(&[0; 160]).await;
        }
    };
    let output = tokio::select! {
        output = listening => output.unwrap(),
        () = hold => panic!("the call ended early:\n{}", daemon.log()),
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{}", daemon.log());
    let text = words(speech, &heard).await;
    assert!(
        text.contains("help you") || text.contains("good day"),
        "not the greeting: {text}"
    );
    call.hangup().await;
}

/// The listener is in the room before the caller phones.
async fn wait_for_somebody(daemon: &Daemon) {
    use trunkline_base::id::RoomName;
    use trunkline_base::token::{ApiKey, KeyRing};
    use trunkline_client::api::LiveKitApiClient;
    let keys = KeyRing::from(ApiKey::new("devkey", "secret"));
    let api = LiveKitApiClient::new(&daemon.url(), keys).unwrap();
    let lobby = RoomName::parse("lobby").unwrap();
    let mut look = tokio::time::interval(Duration::from_millis(200));
    let mut last = None;
    for _ in 0..150 {
        look.tick().await;
        let present = api.list_participants(&lobby).await;
        let somebody = matches!(&present, Ok(present) if !present.is_empty());
        last = Some(present);
        if somebody {
            // The room is there already, so the call's own wish for an agent comes too late.
            let wish = proto::CreateAgentDispatchRequest {
                agent_name: "trunkline".to_owned(),
                room: "lobby".to_owned(),
                ..Default::default()
            };
            api.create_dispatch(wish).await.unwrap();
            return;
        }
    }
    panic!("nobody joined: {last:?}");
}
