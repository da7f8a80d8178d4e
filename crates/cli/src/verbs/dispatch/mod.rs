//! `dispatch list | get | create | delete`: agents sent to rooms.

use clap::{Args, Subcommand};
use livekit_protocol as proto;
use trunkline_base::id::guid;
use trunkline_client::api::table;

use super::pairs::pairs;
use crate::failure::Failure;
use crate::global::Global;
use crate::output::{self, plain};
use crate::server::Server;
use crate::{ask, template};

#[derive(Debug, Subcommand)]
pub(crate) enum Dispatch {
    /// List a room's dispatches
    #[command(after_help = "Example:\n  trunkline dispatch list lobby")]
    List {
        /// The room
        #[arg(value_name = "ROOM", value_parser = template::parse)]
        room: String,
    },
    /// Show one dispatch
    #[command(after_help = "Example:\n  trunkline dispatch get lobby AD_abc --json")]
    Get(One),
    /// Send an agent to a room
    #[command(
        after_help = "Example:\n  trunkline dispatch create --new-room --agent-name support --metadata '{\"lang\":\"en\"}'"
    )]
    Create(Create),
    /// Take a dispatch back; its running jobs end
    #[command(after_help = "Example:\n  trunkline dispatch delete lobby AD_abc --yes")]
    Delete(One),
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// The room
    #[arg(value_name = "ROOM", value_parser = template::parse)]
    room: String,
    /// The dispatch
    #[arg(value_name = "ID")]
    id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The room; %t, %x and others are filled in
    #[arg(long, short, value_parser = template::parse, required_unless_present = "new_room")]
    room: Option<String>,
    /// A room of its own with a made-up name
    #[arg(long, conflicts_with = "room")]
    new_room: bool,
    /// The agent
    #[arg(long, value_name = "NAME")]
    agent_name: String,
    /// The agent's deployment; empty is production
    #[arg(long, short, default_value = "", hide_default_value = true)]
    deployment: String,
    /// Metadata of the job
    #[arg(long, default_value = "", hide_default_value = true)]
    metadata: String,
    /// Attribute of the agent, as key=value; may be repeated
    #[arg(long = "attribute", value_name = "KEY=VALUE")]
    attributes: Vec<String>,
}

pub(crate) async fn run(verb: Dispatch, global: &Global) -> Result<(), Failure> {
    let server = Server::open(global)?;
    match verb {
        Dispatch::List { room } => list(room, String::new(), &server).await,
        Dispatch::Get(one) => list(one.room, one.id, &server).await,
        Dispatch::Create(typed) => create(typed, &server).await,
        Dispatch::Delete(one) => delete(one, &server).await,
    }
}

async fn list(room: String, dispatch_id: String, server: &Server<'_>) -> Result<(), Failure> {
    let request = proto::ListAgentDispatchRequest { dispatch_id, room };
    let Some(answer) = server.call(&table::LIST_DISPATCH, request).await? else {
        return Ok(());
    };
    let list = output::List {
        key: "agentDispatches",
        header: &[
            "DispatchID",
            "Room",
            "AgentName",
            "Deployment",
            "Jobs",
            "Metadata",
        ],
        empty: "no agent is sent to the room",
    };
    list.show(server.global().json, &answer.agent_dispatches, |one| {
        let jobs = one.state.as_ref().map_or(0, |state| state.jobs.len());
        vec![
            one.id.clone(),
            one.room.clone(),
            one.agent_name.clone(),
            one.deployment.clone(),
            jobs.to_string(),
            one.metadata.clone(),
        ]
    });
    Ok(())
}

async fn create(typed: Create, server: &Server<'_>) -> Result<(), Failure> {
    let room = match typed.room {
        Some(room) if !typed.new_room => room,
        _ => guid("room-", &mut rand::rng()),
    };
    let request = proto::CreateAgentDispatchRequest {
        agent_name: typed.agent_name,
        room,
        metadata: typed.metadata,
        deployment: typed.deployment,
        attributes: pairs(&typed.attributes, '=', "--attribute")?,
        ..proto::CreateAgentDispatchRequest::default()
    };
    let Some(one) = server.call(&table::CREATE_DISPATCH, request).await? else {
        return Ok(());
    };
    output::answer(server.global().json, &one, || {
        let (agent, room) = (plain(&one.agent_name), plain(&one.room));
        format!("dispatch {} sends {agent} to {room}", one.id)
    });
    Ok(())
}

async fn delete(one: One, server: &Server<'_>) -> Result<(), Failure> {
    let global = server.global();
    ask::sure(
        &format!("Delete dispatch {}? Its jobs end.", plain(&one.id)),
        global,
    )?;
    let request = proto::DeleteAgentDispatchRequest {
        dispatch_id: one.id,
        room: one.room,
    };
    let Some(gone) = server.call(&table::DELETE_DISPATCH, request).await? else {
        return Ok(());
    };
    output::answer(global.json, &gone, || {
        format!("dispatch {} is deleted", gone.id)
    });
    Ok(())
}
