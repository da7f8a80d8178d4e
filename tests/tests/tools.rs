//! Tools of real MCP servers, made with the official SDK, over stdio and over HTTP.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::{sleep, timeout};
use trunkline_agent::brain::Facts;
use trunkline_agent::config::AgentConfig;
use trunkline_agent::tools::{Context, Offer, Outcome, ToolError, Toolbox};
use trunkline_base::id::RoomName;
use trunkline_service::config::{Environment, Source};
use trunkline_tests::{python, root};

/// A server may take this long to start beside other tests.
const LIMIT: Duration = Duration::from_secs(60);

fn toolbox(servers: &str) -> Toolbox {
    let text = format!(
        "brain: external\nexternal: {{url: \"http://127.0.0.1:1\", apology: Sorry.}}\nmcp:\n{servers}"
    );
    let source = Source::new("agent.yaml", text);
    let config = AgentConfig::parse(&source, &Environment::default());
    let config = config.unwrap_or_else(|report| panic!("{report}"));
    Toolbox::start(&config.tools, &reqwest::Client::new())
}

/// The server as a process of the agent's, with these keys besides.
fn process(python: &std::path::Path, keys: &str) -> Toolbox {
    let server = root().join("peers/mcp-python/server.py");
    let (python, server) = (python.display(), server.display());
    toolbox(&format!(
        "  - {{name: parcels, command: [\"{python}\", \"{server}\"], time_out: 30s{keys}}}\n"
    ))
}

async fn offer(toolbox: &Toolbox, name: &str) -> Offer {
    let found = async {
        loop {
            match toolbox.find(name).await {
                Some(offer) => return offer,
                None => sleep(Duration::from_millis(50)).await,
            }
        }
    };
    timeout(LIMIT, found).await.unwrap()
}

fn context() -> Context {
    Context {
        now: std::time::SystemTime::UNIX_EPOCH.into(),
        call: Arc::new(Facts::new(RoomName::parse("call-1").unwrap())),
    }
}

async fn call(toolbox: &Toolbox, name: &str, arguments: Json) -> Result<Outcome, ToolError> {
    let offer = offer(toolbox, name).await;
    timeout(LIMIT, offer.call_with(arguments, &context()))
        .await
        .unwrap()
}

fn is_alive(pid: i64) -> bool {
    // A process that ended and was not collected yet is none.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
    !stat.is_empty() && !state.starts_with('Z')
}

async fn ends(pid: i64) {
    let ended = async {
        while is_alive(pid) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(LIMIT, ended).await.unwrap();
}

#[tokio::test]
async fn a_server_of_the_official_sdk_lists_answers_and_fails_in_words() {
    let Some(python) = python() else { return };
    let tools = process(&python, ", env: {MINE: \"yes\"}, most_bytes: 1000");
    let found = call(&tools, "find_parcel", json!({"number": "427193"}))
        .await
        .unwrap();
    assert_eq!(
        found.data,
        Some(json!({"number": "427193", "status": "is in the van"}))
    );
    assert!(found.text.contains("is in the van"), "{}", found.text);
    let offer = offer(&tools, "find_parcel").await;
    assert_eq!(offer.tool.description(), "Says where a parcel is.");
    assert!(!offer.tool.changes());
    assert_eq!(offer.tool.parameters()["required"], json!(["number"]));
    let lost = call(&tools, "lost", json!({})).await;
    let said = match lost {
        Err(ToolError::Failed(said)) => said,
        other => panic!("{other:?}"),
    };
    assert!(said.contains("the van is lost"), "{said}");
    let long = call(&tools, "long", json!({})).await.unwrap();
    assert!(long.text.len() < 1200 && long.text.contains("was cut here"));
    // What is ours is not the server's, what was given to it is.
    for (name, value) in [("MINE", "yes"), ("CARGO_MANIFEST_DIR", "(unset)")] {
        let read = call(&tools, "environment", json!({"name": name}))
            .await
            .unwrap();
        assert_eq!(read.text, value, "{name}");
    }
}

#[tokio::test]
async fn only_what_is_allowed_is_offered() {
    let Some(python) = python() else { return };
    let tools = process(&python, ", allowed_tools: [find_parcel, no_such_tool]");
    offer(&tools, "find_parcel").await;
    let names: Vec<String> = tools
        .offered()
        .into_iter()
        .map(|offer| offer.name)
        .collect();
    assert_eq!(names, ["current_time", "hang_up", "find_parcel"]);
}

#[tokio::test]
async fn a_tool_that_is_given_up_holds_up_no_other() {
    let Some(python) = python() else { return };
    let tools = process(&python, "");
    let offer = offer(&tools, "slow").await;
    let context = context();
    // A caller who interrupts drops the call; the server goes on with the next.
    let dropped = offer.call_with(json!({}), &context);
    assert!(timeout(Duration::from_millis(200), dropped).await.is_err());
    let found = call(&tools, "find_parcel", json!({"number": "1"})).await;
    assert!(found.is_ok(), "{found:?}");
}

#[tokio::test]
async fn a_server_that_dies_in_a_call_is_an_error_and_comes_back() {
    let Some(python) = python() else { return };
    let tools = process(&python, "");
    let crashed = call(&tools, "crash", json!({})).await;
    assert_eq!(crashed, Err(ToolError::NoServer("parcels".to_owned())));
    comes_back(&tools).await;
}

/// A server that was away is found again.
async fn comes_back(tools: &Toolbox) {
    let again = async {
        loop {
            match call(tools, "find_parcel", json!({"number": "1"})).await {
                Ok(found) => return found,
                Err(ToolError::NoServer(_)) => sleep(Duration::from_millis(100)).await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    let found = timeout(LIMIT, again).await.unwrap();
    assert!(found.text.contains("in the van"));
}

#[tokio::test]
async fn nothing_of_a_server_outlives_the_agent() {
    let Some(python) = python() else { return };
    let tools = process(&python, "");
    let pids = call(&tools, "processes", json!({})).await.unwrap();
    let data = pids.data.unwrap();
    let list = data
        .get("result")
        .unwrap_or(&data)
        .as_array()
        .unwrap()
        .clone();
    let pids: Vec<i64> = list.iter().map(|pid| pid.as_i64().unwrap()).collect();
    assert_eq!(pids.len(), 2);
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    drop(tools);
    for pid in pids {
        ends(pid).await;
    }
}

/// A server by itself, ended with the test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn a_service_over_http_answers_and_its_end_is_an_error() {
    let Some(python) = python() else { return };
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let start = || {
        let server = root().join("peers/mcp-python/server.py");
        let mut command = Command::new(&python);
        command.arg(server).args(["--port", &port.to_string()]);
        Service(command.stderr(Stdio::null()).spawn().unwrap())
    };
    // The agent is there first, and finds the server when it comes up.
    let tools = toolbox(&format!(
        "  - {{name: parcels, url: \"http://127.0.0.1:{port}/mcp\", headers: {{x-key: k}}}}\n"
    ));
    let service = start();
    let found = call(&tools, "find_parcel", json!({"number": "427193"}))
        .await
        .unwrap();
    assert!(found.text.contains("is in the van"));
    drop(service);
    let gone = call(&tools, "find_parcel", json!({"number": "427193"})).await;
    assert_eq!(gone, Err(ToolError::NoServer("parcels".to_owned())));
    let _again = start();
    comes_back(&tools).await;
}
