//! `call`: phones somebody, and sends an agent to talk to them.

use std::time::Duration;

use clap::Args;
use livekit_protocol as proto;
use trunkline_base::class::Class;
use trunkline_base::id::guid;
use trunkline_client::api::table;
use trunkline_service::config::parse_duration;

use crate::failure::Failure;
use crate::global::Global;
use crate::output::{self, plain};
use crate::server::Server;
use crate::template;
use crate::verbs::trunk;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trunkline call +15105550123 --trunk office --agent assistant")]
pub(crate) struct Phone {
    /// The number to call
    #[arg(value_name = "NUMBER")]
    number: String,
    /// The outbound trunk, by its key in the file, its name or id; may be left out where there is only
    /// one
    #[arg(long, value_name = "TRUNK")]
    trunk: Option<String>,
    /// The agent that talks; agents without a name come by themselves
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The number that calls; one of the trunk's without it
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
    /// The room; one of its own without it
    #[arg(long, short, value_parser = template::parse)]
    room: Option<String>,
    /// How long it rings; 80s without it
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
    /// Come back as soon as the phone rings
    #[arg(long)]
    no_wait: bool,
}

/// LiveKit's own limit for ringing.
const RINGING: Duration = Duration::from_secs(80);

pub(crate) async fn run(typed: Phone, global: &Global) -> Result<(), Failure> {
    let ringing = typed.timeout.as_deref().map_or(Ok(RINGING), |text| {
        parse_duration(text).map_err(|error| {
            Failure::new(Class::Invalid, "cli.timeout", format!("--timeout: {error}"))
        })
    })?;
    let server = Server::open(global)?;
    let Some(trunks) = trunk::all(&server).await? else {
        return Ok(());
    };
    let trunk = trunk::choose(trunks, typed.trunk.as_deref())?;
    let room = typed
        .room
        .unwrap_or_else(|| guid("call-", &mut rand::rng()));
    let mut sent = None;
    if let Some(agent_name) = typed.agent {
        let wish = proto::CreateAgentDispatchRequest {
            agent_name,
            room: room.clone(),
            ..proto::CreateAgentDispatchRequest::default()
        };
        sent = server.call(&table::CREATE_DISPATCH, wish).await?;
    }
    let request = proto::CreateSipParticipantRequest {
        sip_trunk_id: trunk.sip_trunk_id,
        sip_call_to: typed.number.clone(),
        sip_number: typed.from.unwrap_or_default(),
        room_name: room,
        wait_until_answered: !typed.no_wait,
        ringing_timeout: Some(pbjson_types::Duration {
            seconds: i64::try_from(ringing.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(ringing.subsec_nanos()).unwrap_or(0),
        }),
        ..proto::CreateSipParticipantRequest::default()
    };
    let call = match server.call(&table::CREATE_SIP_PARTICIPANT, request).await {
        Ok(Some(call)) => call,
        Ok(None) => return Ok(()),
        Err(failure) => {
            if let Some(sent) = sent {
                call_back(&server, sent, global).await;
            }
            return Err(failure);
        }
    };
    output::answer(global.json, &call, || {
        let stands = if typed.no_wait {
            "rings"
        } else {
            "has answered"
        };
        format!(
            "{} {stands}: call {} in room {}",
            plain(&typed.number),
            call.sip_call_id,
            plain(&call.room_name)
        )
    });
    Ok(())
}

/// Nobody is there to talk to: the agent that was sent shall not wait in the room.
async fn call_back(server: &Server<'_>, sent: proto::AgentDispatch, global: &Global) {
    let request = proto::DeleteAgentDispatchRequest {
        dispatch_id: sent.id,
        room: sent.room,
    };
    if let Err(failure) = server.call(&table::DELETE_DISPATCH, request).await {
        global.tell(&format!(
            "the agent that was sent is still there: {failure}"
        ));
    }
}
