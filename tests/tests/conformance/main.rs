//! The server API as a client sees it: one suite, generic over a URL.
//!
//! By default every case runs against our own daemon. With `TRUNKLINE_CONFORMANCE_URL`,
//! `TRUNKLINE_CONFORMANCE_KEY` and `TRUNKLINE_CONFORMANCE_SECRET` set, the very same cases run
//! against that server. What a case expects is what LiveKit's own server answers; where ours is
//! known to answer otherwise, `differences.rs` names the case, our answer and the reason, and
//! `docs/compatibility.md` lists them for people.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod book;
mod differences;
mod pattern;
mod rights;
mod rpc;
mod target;
mod world;

mod dispatch;
mod egress;
mod http;
mod ingress;
mod joining;
mod participants;
mod rooms;
mod sending;
mod sip_calls;
mod sip_rules;
mod sip_trunks;
mod sweep;
mod tokens;

use book::Book;
use rpc::Encoding;

/// A test of one service: every story in both encodings, one server, one list of surprises.
macro_rules! suite {
    ($name:ident, $title:literal, $($story:path),+ $(,)?) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            let mut book = Book::open($title);
            for encoding in Encoding::ALL {
                $(Box::pin($story(&mut book.world(encoding))).await;)+
            }
            book.close();
        }
    };
}

suite!(
    room_service,
    "RoomService",
    rooms::made_and_gone,
    rooms::settings,
    rooms::lists,
    rooms::limits,
    rooms::metadata,
    rooms::deleting,
);
suite!(
    participants_of_rooms,
    "Participants",
    participants::nobody_there,
    participants::seen,
    participants::changed,
    participants::too_much,
    participants::muted,
    participants::subscriptions,
    participants::removed,
    sending::data,
    sending::calls_to_them,
    sending::sent_elsewhere,
);
suite!(
    agent_dispatch,
    "AgentDispatch",
    dispatch::made_listed_deleted,
    dispatch::refused,
);
suite!(
    sip,
    "SIP",
    sip_trunks::inbound,
    sip_trunks::inbound_refused,
    sip_trunks::inbound_changed,
    sip_trunks::outbound,
    sip_trunks::outbound_refused,
    sip_trunks::conflicts,
    sip_trunks::deprecated,
    sip_rules::made_listed_deleted,
    sip_rules::refused,
    sip_rules::changed,
    sip_rules::conflicts,
    sip_calls::refused,
    sip_calls::transfers_refused,
);
suite!(
    egress,
    "Egress",
    egress::listed,
    egress::started,
    egress::steered
);
suite!(
    ingress,
    "Ingress",
    ingress::made_listed_deleted,
    ingress::changed,
    ingress::refused,
);
suite!(
    every_call,
    "Every call",
    sweep::tokens,
    sweep::bodies,
    sweep::routes
);
suite!(
    tokens_in_the_api,
    "Tokens",
    tokens::accepted,
    tokens::refused
);
suite!(
    plain_http,
    "HTTP",
    http::health,
    http::cors,
    http::routes,
    http::sizes,
    http::json
);
suite!(
    joining_a_room,
    "Joining",
    joining::validated,
    joining::refused,
    joining::sockets
);
