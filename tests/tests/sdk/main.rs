//! Official SDKs against the built binary: the Python and Node server SDKs call every method they
//! have, tokens and webhooks of each side verify on the other, and the Python client SDK does
//! everything a call needs.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod calls;
mod tokens;
mod webhooks;

use std::net::TcpListener;
use std::process::{Command, Output};
use std::time::Duration;

use trunkline_tests::{Daemon, Setup, WITH_INGRESS, livekit_yaml, node, python, root, run};

const LIMIT: Duration = Duration::from_secs(240);

fn script(path: &str) -> Option<Command> {
    let mut command = Command::new(python()?);
    command.arg(root().join("peers").join(path));
    Some(command)
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

/// `livekit.yaml` with a receiver of webhooks.
fn with_webhook(port: u16) -> (&'static str, String) {
    let receiver = format!("webhooks: [\"http://127.0.0.1:{port}\"]");
    livekit_yaml(&[("webhooks: []", &receiver)])
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[test]
fn the_python_server_sdk_agrees_with_the_api_and_the_webhooks() {
    let Some(mut smoke) = script("livekit-api-python/api_smoke.py") else {
        return;
    };
    let port = free_port();
    let setup = Setup {
        files: vec![with_webhook(port)],
        ..without_agent()
    };
    let daemon = Daemon::start(&setup);
    let url = format!("http://{}", daemon.addr("http"));
    let output = run(
        smoke.args(["--url", &url, "--webhooks", &port.to_string()]),
        LIMIT,
    );
    assert!(
        output.status.success(),
        "{}\n{}",
        said(&output),
        daemon.log()
    );
}

/// Runs a script against a daemon of its own, to a good end.
fn agrees(mut script: Command, url: fn(&Daemon) -> String) {
    let daemon = Daemon::start(&Setup {
        files: vec![livekit_yaml(&[WITH_INGRESS])],
        ..without_agent()
    });
    let output = run(script.args(["--url", &url(&daemon)]), LIMIT);
    let good = output.status.success();
    assert!(good, "{}\n{}", said(&output), daemon.log());
}

fn without_agent() -> Setup {
    Setup {
        without_agent: true,
        ..Setup::default()
    }
}

fn http(daemon: &Daemon) -> String {
    format!("http://{}", daemon.addr("http"))
}

#[test]
fn the_python_server_sdk_is_answered_in_every_method() {
    if let Some(every) = script("livekit-api-python/every_method.py") {
        agrees(every, http);
    }
}

#[test]
fn the_node_server_sdk_is_answered_in_every_method() {
    if let Some(mut peer) = node() {
        peer.arg("methods");
        agrees(peer, http);
    }
}

#[test]
fn the_python_client_sdk_finds_everything_a_call_needs() {
    if let Some(conforms) = script("livekit-python/sdk_conforms.py") {
        agrees(conforms, Daemon::url);
    }
}
