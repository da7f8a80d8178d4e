//! A call that we place.
//!
//! ```text
//! order ─► places, ports ─► join the room: dialing ─► INVITE ─► 180: ringing, 183: early sound
//!    ├─ 503, no answer, no connection: INVITE to the next place
//!    └─ 200 ─► keys: automation ─► active ─► BYE, room gone, too long, … ─► hangup
//!    └─ refused, nobody answers, room gone: CANCEL ─► the participant leaves
//! ```
//! The participant is in the room before the phone rings, so that whoever waits there hears what
//! the phone hears, and its removal ends the ringing.

mod close;
mod elsewhere;
mod live;
mod order;
mod outlive;
mod pass;
mod place;
mod plan;
mod request;
mod route;
mod underway;
mod verdict;

pub use order::{DialError, DialOrder, Dialled, Unfit};
pub(crate) use outlive::resume;
pub(crate) use pass::pass;
pub(crate) use place::Order;
pub(crate) use plan::Plan;
pub(crate) use underway::{Asked, Stage, Underway};

use tracing::Instrument as _;
use trunkline_service::metrics::{Counter, count};
use trunkline_store::Row;

use super::setup::Shared;

/// Runs a call from its order to its last row in the store.
pub(crate) async fn run(order: Order, shared: Shared) {
    let span = tracing::info_span!("call", call = %order.plan.call_id);
    async move {
        count(Counter::CallsStarted, 1, &[("direction", "outbound")]);
        shared.write(Row::CallStarted(order.plan.first_row()));
        let (trunk, asked, sent) = order.plan.for_guard();
        match shared.guard.admit(&trunk, &asked, &sent) {
            Ok(permit) => match Box::pin(place::place(order, permit, shared)).await {
                Ok(call) => Box::pin(call.live()).await,
                Err(unplaced) => unplaced.note(),
            },
            Err(denied) => place::Unplaced::denied(order, shared, denied).note(),
        }
    }
    .instrument(span)
    .await;
}
