//! `RoomService`: data, calls and people sent through a room.

use serde_json::json;
use trunkline_client::room::{RoomEvent, RoomEvents};

use crate::participants::{LIMIT, present, silent, with_room};
use crate::rights::{admin, send_to};
use crate::world::{World, denied, fails, gives};

const SEND: &str = "RoomService/SendData";
const RPC: &str = "RoomService/PerformRpc";
const FORWARD: &str = "RoomService/ForwardParticipant";
const MOVE: &str = "RoomService/MoveParticipant";

pub(crate) async fn data(w: &mut World<'_>) {
    let message = json!({"room": "{room}", "data": "aGVsbG8=", "topic": "t"});
    w.expect(
        "data to a room nobody made",
        (SEND, admin()),
        message.clone(),
        silent(),
    )
    .await;
    let (_room, mut events) = w.join("guest").await;
    present(w).await;
    w.expect(
        "data to everybody",
        (SEND, admin()),
        message,
        gives(json!({})),
    )
    .await;
    let heard = hear(&mut events).await;
    w.compare("everybody hears it", "hello on t from nobody", &heard);
    let nonce = json!({"room": "{room}", "data": "aGk=", "nonce": "AAA="});
    let refused = fails(
        "invalid_argument",
        "nonce should be 16-bytes or not present, got: 2 bytes",
    );
    w.expect("a nonce of two bytes", (SEND, admin()), nonce, refused)
        .await;
    let nonce = json!({"room": "{room}", "data": "aGk=", "nonce": "AQIDBAUGBwgJCgsMDQ4PEA=="});
    w.expect(
        "a nonce of sixteen bytes",
        (SEND, admin()),
        nonce,
        gives(json!({})),
    )
    .await;
    let heard = hear(&mut events).await;
    w.compare(
        "data with a nonce is heard",
        "hi on nothing from nobody",
        &heard,
    );
    let one = json!({"room": "{room}", "data": "bWU=", "destinationIdentities": ["guest"], "kind": "LOSSY"});
    w.expect("data to one", (SEND, admin()), one, gives(json!({})))
        .await;
    let none = json!({"room": "{room}", "data": "bm8=", "destinationIdentities": ["none"]});
    w.expect(
        "data to who is not there",
        (SEND, admin()),
        none,
        gives(json!({})),
    )
    .await;
}

async fn hear(events: &mut RoomEvents) -> String {
    let heard = async {
        loop {
            match events.next().await {
                Some(RoomEvent::Data(data)) => {
                    let from = data
                        .from
                        .map_or_else(|| "nobody".to_owned(), |from| from.to_string());
                    let text = String::from_utf8_lossy(&data.payload).into_owned();
                    return format!(
                        "{text} on {} from {from}",
                        data.topic.as_deref().unwrap_or("nothing")
                    );
                }
                Some(_) => {}
                None => return "the end".to_owned(),
            }
        }
    };
    tokio::time::timeout(LIMIT, heard)
        .await
        .unwrap_or_else(|_| "nothing in time".to_owned())
}

pub(crate) async fn calls_to_them(w: &mut World<'_>) {
    let nobody = json!({"room": "{room}", "method": "m"});
    let refused = fails(
        "invalid_argument",
        "twirp error unknown: destination identity is required",
    );
    w.expect("a call to nobody", (RPC, admin()), nobody, refused)
        .await;
    with_room(w).await;
    let away = json!({"room": "{room}", "destinationIdentity": "guest", "method": "m"});
    w.expect("a call to who is not there", (RPC, admin()), away, silent())
        .await;
}

pub(crate) async fn sent_elsewhere(w: &mut World<'_>) {
    let same = json!({"room": "{room}", "identity": "guest", "destinationRoom": "{room}"});
    let away = json!({"room": "{room}", "identity": "guest", "destinationRoom": "{room}-2"});
    let refused = fails(
        "invalid_argument",
        "destination room cannot be the same as source room ",
    );
    for (verb, rpc) in [("forwarding", FORWARD), ("moving", MOVE)] {
        let here = (rpc, send_to("{room}"));
        w.expect(
            &format!("{verb} to the same room"),
            here,
            same.clone(),
            refused.clone(),
        )
        .await;
        let there = (rpc, send_to("{room}-3"));
        w.expect(
            &format!("{verb} to a room not granted"),
            there,
            away.clone(),
            denied(),
        )
        .await;
        let there = (rpc, admin());
        w.expect(
            &format!("{verb} with roomAdmin alone"),
            there,
            away.clone(),
            denied(),
        )
        .await;
        let there = (rpc, send_to("{room}-2"));
        w.expect(
            &format!("{verb} who is not there"),
            there,
            away.clone(),
            silent(),
        )
        .await;
    }
}
