//! What is done to the call by the server: passing it on, pressing its keys.

use std::time::Duration;

use futures::FutureExt as _;
use tokio::time::sleep;
use trunkline_base::id::{EventId, ParticipantIdentity, RoomName};
use trunkline_base::time::UnixTime;
use trunkline_client::api::{ApiError, LiveKitApiClient};
use trunkline_client::room::Room;
use trunkline_store::{Event, Row, Store};

use super::stage::Doing;
use crate::tools::Target;

/// Between two keys, as livekit/agents has it.
const KEY_GAP: Duration = Duration::from_millis(300);

/// What `w` in keys waits.
const KEY_PAUSE: Duration = Duration::from_millis(500);

/// The keys there are, in the order of their events (RFC 4733).
const KEYS: &str = "0123456789*#ABCD";

/// The server, for one call.
pub(super) struct Desk {
    api: LiveKitApiClient,
    room: Room,
    name: RoomName,
    caller: ParticipantIdentity,
    is_telephone: bool,
    store: Store,
}

impl Desk {
    pub(super) fn new(
        (api, room): (LiveKitApiClient, Room),
        name: RoomName,
        (caller, is_telephone): (ParticipantIdentity, bool),
        store: Store,
    ) -> Self {
        Self {
            api,
            room,
            name,
            caller,
            is_telephone,
            store,
        }
    }

    pub(super) fn transfer(&self, to: &str, target: &Target) -> Doing {
        let (api, store) = (self.api.clone(), self.store.clone());
        let (name, to) = (self.name.clone(), to.to_owned());
        let (caller, is_telephone) = (self.caller.clone(), self.is_telephone);
        let (address, ringing) = (target.to.clone(), target.ringing);
        async move {
            let end = if is_telephone {
                let passed = api.transfer_call(&name, &caller, &address, ringing).await;
                passed.map_err(|error| {
                    tracing::warn!(%error, "a call was not transferred");
                    why(&error).to_owned()
                })
            } else {
                Err("the caller is not on a telephone".to_owned())
            };
            let body = serde_json::json!({"to": to, "error": end.as_ref().err()});
            store.later(Row::Event(event("transfer", &name, body)));
            end
        }
        .boxed()
    }

    pub(super) fn press(&self, keys: &str) -> Doing {
        let room = self.room.clone();
        let keys = keys.to_ascii_uppercase();
        async move {
            for key in keys.chars() {
                let code = KEYS.find(key).and_then(|code| u32::try_from(code).ok());
                let Some(code) = code else {
                    sleep(KEY_PAUSE).await;
                    continue;
                };
                let sent = room.send_dtmf(code, &key.to_string()).await;
                sent.map_err(|_| "the keys could not be pressed".to_owned())?;
                sleep(KEY_GAP).await;
            }
            Ok(())
        }
        .boxed()
    }
}

/// Why a call was not passed on, in words that a caller may hear.
fn why(error: &ApiError) -> &'static str {
    match error.sip_status() {
        Some(486 | 600) => "the line is busy",
        Some(408 | 480 | 487) => "nobody answered",
        Some(404 | 410 | 484 | 604) => "there is no such number",
        Some(403 | 603) => "the call was declined",
        Some(_) => "the call could not be passed on",
        None => "the transfer is not possible at the moment",
    }
}

/// Something for the list of events of a room.
pub(super) fn event(kind: &str, room: &RoomName, body: serde_json::Value) -> Event {
    Event {
        event_id: EventId::generate(&mut rand::rng()).to_string(),
        at: UnixTime::from_system(std::time::SystemTime::now()),
        kind: kind.to_owned(),
        room: room.to_string(),
        body,
    }
}
