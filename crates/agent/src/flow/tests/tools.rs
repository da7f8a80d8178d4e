//! Tools of the agent's in a flow.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use serde_json::{Value as Json, json};
use time::macros::datetime;
use tokio::task::JoinSet;
use trunkline_base::id::RoomName;
use trunkline_base::secret::Personal;
use trunkline_client::url::TransportRules;
use trunkline_service::config::{Environment, Source};

use super::SAMPLE;
use crate::brain::{Brain, Facts, Idea, Question};
use crate::config::AgentConfig;
use crate::outside::Outside;
use crate::turn::Heard;

/// The sample, its parcel asked for at a service by a tool of the file.
fn text(host: &str) -> String {
    let tool = format!(
        "tools:\n  parcel_status: {{description: d, url: \"{host}/parcels/{{tracking}}\", parameters: \
         {{type: object, properties: {{tracking: {{type: string}}}}, required: [tracking]}}}}"
    );
    let parcel = SAMPLE
        .find("      table:\n        by: tracking\n        rows:")
        .unwrap();
    let end = SAMPLE.find("    reschedule:\n      changes").unwrap();
    let mut text = SAMPLE.to_owned();
    text.replace_range(parcel..end, "      use: parcel_status\n");
    text.replace("tools: {}", &tool)
}

fn parse(text: String) -> Result<AgentConfig, String> {
    let source = Source::new("agent.yaml", text);
    AgentConfig::parse(&source, &Environment::default()).map_err(|report| report.to_string())
}

async fn asks(brain: &mut dyn Brain, text: &str) -> String {
    let heard = Question::Heard(Heard::Speech(Personal::new(text.to_owned())));
    let mut thought = brain.think(&heard, datetime!(2026-03-18 10:00 UTC));
    thought.permit();
    let (mut said, mut memory) = (String::new(), None);
    while let Some(idea) = thought.next().await {
        match idea {
            Idea::Text(text) => said.push_str(&text),
            Idea::Memory(latest) => memory = Some(latest),
            _ => {}
        }
    }
    brain.remember(memory.unwrap());
    said
}

type Asked = Arc<Mutex<Vec<String>>>;

async fn parcel(State(asked): State<Asked>, Path(number): Path<String>) -> axum::Json<Json> {
    asked.lock().unwrap().push(number);
    axum::Json(json!({"status": "is on the moon"}))
}

#[tokio::test]
async fn a_flow_asks_a_tool_of_the_file() {
    let asked = Asked::default();
    let app = Router::new().route("/parcels/{number}", get(parcel));
    let app = app.with_state(Arc::clone(&asked));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    let mut work = JoinSet::new();
    work.spawn(async move { axum::serve(listener, app).await.unwrap() });
    let config = parse(text(&host)).unwrap_or_else(|report| panic!("{report}"));
    let outside = Outside::new(&Arc::new(TransportRules::default())).unwrap();
    let facts = Facts::new(RoomName::parse("call-1").unwrap());
    let mut brain = config.mind(&outside).brain(&facts);
    let said = asks(&mut *brain, "Can you track parcel 427193 please").await;
    assert!(said.contains("4 2 7, 1 9 3 is on the moon"), "{said}");
    assert_eq!(*asked.lock().unwrap(), ["427193"]);
    work.abort_all();
    while work.join_next().await.is_some() {}
    let said = asks(&mut *brain, "Can you track parcel 427194 please").await;
    assert!(said.contains("cannot find a parcel"), "{said}");
}

#[test]
fn a_tool_that_is_not_there_is_a_mistake() {
    let text = text("https://a.test").replace("use: parcel_status", "use: parcel_state");
    let report = parse(text).unwrap_err();
    assert!(
        report.contains("no tool of the agent's is called `parcel_state`"),
        "{report}"
    );
    assert!(report.contains("did you mean `parcel_status`?"), "{report}");
}

#[test]
fn a_transfer_to_somebody_unknown_is_a_mistake() {
    let report = parse(SAMPLE.replace("to: front desk  ", "to: front dsk  ")).unwrap_err();
    assert!(
        report.contains("`transfer_to` has nobody called `front dsk`"),
        "{report}"
    );
    let several = SAMPLE
        .replace(
            "transfer_to:\n",
            "transfer_to:\n  sales: {to: tel:+15550101}\n",
        )
        .replace("      to: front desk  ", "      # to: front desk  ");
    let report = parse(several).unwrap_err();
    assert!(report.contains("not clear to whom"), "{report}");
}
