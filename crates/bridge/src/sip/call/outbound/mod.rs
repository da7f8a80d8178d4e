//! A call that we place.
//!
//! ```text
//! order ─► address, ports ─► join the room: dialing ─► INVITE ─► 180: ringing, 183: early sound
//!    └─ 200 ─► keys: automation ─► active ─► BYE, room gone, too long, … ─► hangup
//!    └─ refused, nobody answers, room gone: CANCEL ─► the participant leaves
//! ```
//! The participant is in the room before the phone rings, so that whoever waits there hears what
//! the phone hears, and its removal ends the ringing.

mod address;
mod close;
mod live;
mod order;
mod place;
mod plan;
mod request;
mod tell;
mod underway;
mod verdict;

pub use order::{DialError, DialOrder, Dialled};
pub(crate) use place::Order;
pub(crate) use plan::Plan;
pub(crate) use underway::{Asked, Stage, Underway};

use tracing::Instrument as _;
use trunkline_base::secret::Personal;
use trunkline_service::metrics::{Counter, count};
use trunkline_store::{CallStart, Direction, Row};

use super::super::desk::wall_clock;
use super::setup::Shared;

/// Runs a call from its order to its last row in the store.
pub(crate) async fn run(order: Order, shared: Shared) {
    let span = tracing::info_span!("call", call = %order.plan.call_id);
    async move {
        count(Counter::CallsStarted, 1, &[("direction", "outbound")]);
        shared.store.later(Row::CallStarted(first_row(&order.plan)));
        let (trunk, asked, sent) = order.plan.for_guard();
        match shared.guard.admit(&trunk, &asked, &sent) {
            Ok(permit) => {
                match Box::pin(place::place(order, shared)).await {
                    Ok(call) => Box::pin(call.live()).await,
                    Err(unplaced) => unplaced.note(),
                }
                drop(permit);
            }
            Err(denied) => place::Unplaced::denied(order, shared, denied).note(),
        }
    }
    .instrument(span)
    .await;
}

fn first_row(plan: &Plan) -> CallStart {
    CallStart {
        call_id: plan.call_id.clone(),
        room: plan.room.clone(),
        direction: Direction::Outbound,
        caller: Personal::new(plan.caller.clone()),
        called: Personal::new(plan.callee.clone()),
        trunk_id: plan.trunk_id.clone(),
        rule_id: String::new(),
        at: wall_clock(),
    }
}
