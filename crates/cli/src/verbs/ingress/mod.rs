//! `ingress create | update | list | delete`: media into rooms.

use clap::{Args, Subcommand};
use livekit_protocol as proto;
use trunkline_client::api::table;

use super::egress::Limit;
use crate::failure::Failure;
use crate::global::Global;
use crate::output::{self, plain};
use crate::server::Server;
use crate::{ask, request};

#[derive(Debug, Subcommand)]
pub(crate) enum Ingress {
    /// Create an ingress from a CreateIngressRequest
    #[command(
        after_help = "Example:\n  trunkline ingress create '{\"inputType\":\"RTMP_INPUT\",\"roomName\":\"lobby\",\"participantIdentity\":\"cam\"}'"
    )]
    Create(Request),
    /// Change an ingress by an UpdateIngressRequest
    #[command(after_help = "Example:\n  trunkline ingress update change.json")]
    Update(Request),
    /// List the ingresses: one, those of a room, or all
    #[command(after_help = "Example:\n  trunkline ingress list --room lobby")]
    List(List),
    /// Delete an ingress
    #[command(after_help = "Example:\n  trunkline ingress delete IN_abc --yes")]
    Delete {
        /// The ingress
        #[arg(value_name = "ID")]
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Request {
    /// JSON: a file, - for standard input, or itself
    #[arg(value_name = "JSON", required_unless_present = "named")]
    request: Option<String>,
    #[arg(
        long = "request",
        hide = true,
        conflicts_with = "request",
        id = "named"
    )]
    named: Option<String>,
}

impl Request {
    fn typed(&self) -> &str {
        let typed = self.request.as_deref().or(self.named.as_deref());
        typed.unwrap_or_default()
    }
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only this room's
    #[arg(long, default_value = "", hide_default_value = true)]
    room: String,
    /// Only this one
    #[arg(long, default_value = "", hide_default_value = true)]
    id: String,
    #[command(flatten)]
    limit: Limit,
}

pub(crate) async fn run(verb: Ingress, global: &Global) -> Result<(), Failure> {
    match verb {
        Ingress::Create(typed) => {
            let request = request::read(typed.typed())?;
            let server = Server::open(global)?;
            let made = server.call(&table::CREATE_INGRESS, request).await?;
            show(made, "is there", global);
            Ok(())
        }
        Ingress::Update(typed) => {
            let request = request::read(typed.typed())?;
            let server = Server::open(global)?;
            let changed = server.call(&table::UPDATE_INGRESS, request).await?;
            show(changed, "is changed", global);
            Ok(())
        }
        Ingress::List(typed) => list(typed, &Server::open(global)?).await,
        Ingress::Delete { id } => delete(id, &Server::open(global)?).await,
    }
}

fn show(info: Option<proto::IngressInfo>, word: &str, global: &Global) {
    let Some(info) = info else { return };
    output::answer(global.json, &info, || {
        let mut lines = vec![format!(
            "ingress {} {word}: {}",
            info.ingress_id,
            status(&info)
        )];
        if !info.url.is_empty() {
            lines.push(format!("  url         {}", plain(&info.url)));
        }
        if !info.stream_key.is_empty() {
            lines.push(format!("  stream key  {}", plain(&info.stream_key)));
        }
        lines.join("\n")
    });
}

async fn list(typed: List, server: &Server<'_>) -> Result<(), Failure> {
    let mut items = Vec::new();
    let mut page_token = None;
    loop {
        let request = proto::ListIngressRequest {
            room_name: typed.room.clone(),
            ingress_id: typed.id.clone(),
            page_token: page_token.take(),
        };
        let Some(answer) = server.call(&table::LIST_INGRESS, request).await? else {
            return Ok(());
        };
        typed.limit.add(&mut items, answer.items);
        page_token = answer.next_page_token.filter(|next| !next.token.is_empty());
        if page_token.is_none() || typed.limit.reached(items.len()) {
            break;
        }
    }
    let list = output::List {
        key: "items",
        header: &[
            "IngressID",
            "Name",
            "Room",
            "StreamKey",
            "URL",
            "Status",
            "Error",
        ],
        empty: "there is no ingress",
    };
    list.show(server.global().json, &items, |info| {
        let error = info.state.as_ref().map(|state| state.error.clone());
        vec![
            info.ingress_id.clone(),
            info.name.clone(),
            info.room_name.clone(),
            info.stream_key.clone(),
            info.url.clone(),
            status(info),
            error.unwrap_or_default(),
        ]
    });
    Ok(())
}

async fn delete(id: String, server: &Server<'_>) -> Result<(), Failure> {
    let global = server.global();
    ask::sure(&format!("Delete ingress {}?", plain(&id)), global)?;
    let request = proto::DeleteIngressRequest { ingress_id: id };
    let gone = server.call(&table::DELETE_INGRESS, request).await?;
    show(gone, "is deleted", global);
    Ok(())
}

fn status(info: &proto::IngressInfo) -> String {
    let state = info.state.clone().unwrap_or_default();
    state.status().as_str_name().to_owned()
}
