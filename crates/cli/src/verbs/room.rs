//! `room list`.

use livekit_protocol as proto;
use trunkline_base::class::Class;
use trunkline_base::id::RoomName;
use trunkline_base::token::KeyRing;
use trunkline_client::api::LiveKitApiClient;
use trunkline_client::auth::LiveKitAuthManager;

use super::{no_keys, settings};
use crate::args::{Global, Room};
use crate::failure::Failure;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(verb: Room, global: &Global) -> Result<(), Failure> {
    let Room::List { names } = verb;
    let names: Vec<RoomName> = names
        .into_iter()
        .map(|name| {
            RoomName::parse(name)
                .map_err(|error| Failure::new(Class::Invalid, "room.name", error.to_string()))
        })
        .collect::<Result<_, _>>()?;
    let settings = settings(global)?;
    let keys = settings.livekit.keys().ok_or_else(no_keys)?;
    let rooms = api(&settings, &keys)?.list_rooms(&names).await?;
    if global.json {
        output::json(&serde_json::json!({ "rooms": rooms }));
    } else {
        output::text(&table(&rooms));
    }
    Ok(())
}

/// A client of the server that the settings name.
pub(crate) fn api(settings: &Settings, keys: &KeyRing) -> Result<LiveKitApiClient, Failure> {
    let rules = settings.security.transport_rules();
    Ok(LiveKitApiClient::with(
        (settings.livekit.url.as_str(), &rules),
        LiveKitAuthManager::new(keys.clone()),
        settings.retries.for_people(),
    )?)
}

fn table(rooms: &[proto::Room]) -> String {
    let rows: Vec<Vec<String>> = rooms
        .iter()
        .map(|room| {
            vec![
                room.sid.clone(),
                room.name.clone(),
                room.num_participants.to_string(),
                room.num_publishers.to_string(),
                if room.active_recording { "yes" } else { "no" }.to_owned(),
            ]
        })
        .collect();
    output::table(
        &["SID", "NAME", "PARTICIPANTS", "PUBLISHERS", "RECORDING"],
        &rows,
    )
}
