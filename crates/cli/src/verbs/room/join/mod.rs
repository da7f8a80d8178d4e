//! `room join`: a participant at the command line. Says what happens in the room, a line an event
//! (with `--json` a document a line, the one verb that tells more than one), publishes what it was
//! given, and leaves on Ctrl-C or when it is done.

mod attributes;
mod publish;
mod show;

use clap::Args;
use trunkline_base::class::Class;
use trunkline_base::id::ParticipantIdentity;
use trunkline_client::auth::{LiveKitAuthManager, Role, TokenSpec};
use trunkline_client::room::{DisconnectReason, Room, RoomEvent, RoomEvents, RoomOptions};

use crate::failure::Failure;
use crate::global::Global;
use crate::server::room_name;
use crate::signals::Signals;
use crate::{target, template};
use publish::Plan;
use show::Show;

#[derive(Debug, Args)]
pub(crate) struct Join {
    /// The room; %t, %x and others are filled in
    #[arg(value_name = "ROOM", value_parser = template::parse, required_unless_present = "named")]
    room: Option<String>,
    #[arg(long = "room", short = 'r', hide = true, value_parser = template::parse, conflicts_with = "room", id = "named")]
    named: Option<String>,
    /// Who joins; without it a made-up participant
    #[arg(long, short, value_parser = template::parse)]
    identity: Option<String>,
    /// Display name
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// Metadata of the participant
    #[arg(long, default_value = "", hide_default_value = true)]
    metadata: String,
    /// Attribute, as key=value; may be repeated
    #[arg(long = "attribute", value_name = "KEY=VALUE")]
    attributes: Vec<String>,
    /// Attributes, as a JSON file of texts
    #[arg(long, value_name = "FILE")]
    attribute_file: Option<String>,
    /// Subscribe to every track
    #[arg(long)]
    auto_subscribe: bool,
    /// Publish the sound of a WAV or OGG Opus file; may be repeated
    #[arg(long, value_name = "FILE")]
    publish: Vec<std::path::PathBuf>,
    /// Publish data
    #[arg(long, value_name = "DATA")]
    publish_data: Option<String>,
    /// Publish telephone keys; w waits half a second
    #[arg(long, value_name = "KEYS")]
    publish_dtmf: Option<String>,
    /// Leave when everything is published
    #[arg(long)]
    exit_after_publish: bool,
}

pub(super) async fn run(typed: Join, global: &Global) -> Result<(), Failure> {
    if global.curl {
        let text = "joining a room is no HTTP call, so there is no curl command for it";
        return Err(Failure::new(Class::Invalid, "cli.curl", text).or_else("leave --curl out"));
    }
    let plan = Plan::read(
        &typed.publish,
        typed.publish_data.as_deref(),
        typed.publish_dtmf.as_deref(),
    )?;
    let target = target::open(global)?;
    let token = LiveKitAuthManager::new(target.keys.clone()).keep(spec(&typed, global)?)?;
    let mut signals = Signals::new()?;
    let options = RoomOptions {
        auto_subscribe: typed.auto_subscribe,
        ..RoomOptions::default()
    };
    let rules = target.calling.security.transport_rules();
    let server = (target.url.as_str(), &rules);
    let (room, events) = Room::connect(server, token, options).await?;
    let show = Show { json: global.json };
    show.joined(&room);
    let stay = Stay {
        show,
        leave_when_published: typed.exit_after_publish,
    };
    tokio::select! {
        biased;
        () = signals.next() => {
            global.tell("leaving");
            room.leave().await;
            Ok(())
        }
        ended = stay.until_the_end(&room, events, &plan) => ended,
    }
}

fn spec(typed: &Join, global: &Global) -> Result<TokenSpec, Failure> {
    let room = typed.room.as_deref().or(typed.named.as_deref());
    let identity = typed.identity.clone().unwrap_or_else(|| {
        let made_up = template::fill("participant-%x");
        global.tell(&format!("Using generated participant identity [{made_up}]"));
        made_up
    });
    let identity = ParticipantIdentity::parse(identity)
        .map_err(|error| Failure::new(Class::Invalid, "room.identity", error.to_string()))?;
    let attributes = attributes::read(&typed.attributes, typed.attribute_file.as_deref())?;
    Ok(TokenSpec::new(Role::Participant, identity)
        .in_room(room_name(room.unwrap_or_default())?)
        .saying(|claims| {
            claims
                .with_name(typed.name.clone())
                .with_metadata(typed.metadata.clone())
                .with_attributes(attributes)
        }))
}

struct Stay {
    show: Show,
    leave_when_published: bool,
}

impl Stay {
    async fn until_the_end(
        &self,
        room: &Room,
        mut events: RoomEvents,
        plan: &Plan,
    ) -> Result<(), Failure> {
        let publishing = plan.publish(room, &self.show);
        tokio::pin!(publishing);
        let mut publishes = true;
        loop {
            tokio::select! {
                biased;
                event = events.next() => match event {
                    Some(RoomEvent::Disconnected { reason }) => {
                        self.show.left(reason);
                        return end(reason);
                    }
                    Some(event) => self.show.event(room, event),
                    None => return Ok(()),
                },
                published = &mut publishing, if publishes => {
                    publishes = false;
                    published?;
                    if self.leave_when_published {
                        room.clone().leave().await;
                        return Ok(());
                    }
                }
            }
        }
    }
}

/// Being sent away is how a stay may end; losing the server is a failure.
fn end(reason: DisconnectReason) -> Result<(), Failure> {
    let class = match reason {
        DisconnectReason::ServerShutdown
        | DisconnectReason::StateMismatch
        | DisconnectReason::JoinFailure
        | DisconnectReason::SignalClose
        | DisconnectReason::ConnectionTimeout
        | DisconnectReason::MediaFailure => Class::Unavailable,
        DisconnectReason::DuplicateIdentity => Class::Conflict,
        _ => return Ok(()),
    };
    let text = format!("the stay in the room ended: {reason}");
    Err(Failure::new(class, "room.ended", text))
}
