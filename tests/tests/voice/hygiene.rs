//! Nothing secret or personal is printed: a call at TRACE with planted values, and the log searched
//! for each of them.

use std::time::Duration;

use trunkline_bridge::sip::{Caller, CallerOptions};
use trunkline_tests::{Daemon, Setup};

use super::ear::speech;

const NUMBER: &str = "+15557654321";
const PASSWORD: &str = "planted-password-81";

const SETUP: &str = "\
trunks:
  - key: local
    auth: {username: planted, password: planted-password-81}
rules:
  - key: calls
    trunks: [local]
    individual: {room_prefix: call}
    agents: [trunkline]
";

#[tokio::test(flavor = "multi_thread")]
async fn a_call_at_trace_prints_no_number_password_token_or_word() {
    if speech().is_none() {
        return;
    }
    let files = vec![("livekit-sip-correct.yaml", SETUP.to_owned())];
    let env = vec![("TRUNKLINE_LOG", "trace".to_owned())];
    let daemon = Daemon::start(&Setup {
        files,
        env,
        ..Setup::default()
    });
    let options = CallerOptions {
        login: Some(("planted".to_owned(), PASSWORD.into())),
        ..CallerOptions::new(format!("sip:agent@{}", daemon.addr("sip")), NUMBER)
    };
    let mut call = Caller::call(options).await.unwrap();
    let listen = async {
        while call.recv().await.is_some() {
            call.send(&[0; 160]).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(6), listen).await;
    call.hangup().await;
    let log = daemon.log();
    assert!(log.contains("call answered"), "{log}");
    let digits = NUMBER.trim_start_matches('+');
    for planted in [digits, PASSWORD, "How can I help you", "eyJ"] {
        let line = log.lines().find(|line| line.contains(planted));
        assert!(
            line.is_none(),
            "{planted} is in the log: {}",
            line.unwrap_or_default()
        );
    }
}
