//! The end of a call: what phone, room and store are told.

use std::collections::BTreeMap;
use std::time::Duration;

use trunkline_base::secret::Personal;
use trunkline_service::metrics::{Counter, count};
use trunkline_sip::endpoint::Rejection;
use trunkline_store::{Direction, Refusal, Row};

use super::Call;
use crate::sip::call::end::End;
use crate::sip::call::record::{Ending, Moment};
use crate::sip::call::setup::mapped_headers;
use crate::sip::call::tell::STATUS;
use crate::sip::desk::wall_clock;
use crate::sip::signalling::Command;

/// Saying goodbye may take this long.
const LEAVE: Duration = Duration::from_secs(2);

impl Call {
    /// Ends it everywhere, whatever led to it.
    pub(super) async fn close(mut self, end: End) {
        let over = Moment::now();
        self.seeking.abort_all();
        let room = self.room.as_ref();
        let attributes: BTreeMap<String, String> = room
            .map(|room| room.snapshot().local.attributes.clone())
            .unwrap_or_default();
        self.tell_phone(&end, &attributes).await;
        if let (End::Refused { status, why }, None) = (&end, self.answered) {
            note_refusal(&self, *status, why);
        }
        let Self {
            shared,
            plan,
            leg,
            room,
            room_events,
            ..
        } = self;
        let last = BTreeMap::from([(STATUS.to_owned(), "hangup".to_owned())]);
        let (rest, summary) = leg.end(&end, last).await;
        if let Some(room) = room.filter(|_| end.leaves_room()) {
            let _ = tokio::time::timeout(LEAVE, room.leave()).await;
        }
        drop(room_events);
        rest.over(LEAVE).await;
        let ending = Ending {
            call: &plan.call_id,
            reason: end.word(),
            status: end.status(),
            cause: Some(end.cause(None)),
            direction: Direction::Inbound,
            by: end.by(Direction::Inbound),
            began: self.arrived,
            answered: self.answered,
            over,
            price: shared.guard.price_in(self.accepted.called.expose()),
        };
        ending.note(&shared.journal(), &summary);
    }

    async fn tell_phone(&mut self, end: &End, attributes: &BTreeMap<String, String>) {
        if !end.is_ours() {
            return;
        }
        let line = &self.leg.line;
        let leg = line.leg;
        let rejection = match (end, self.answered) {
            (End::Refused { status: 503, .. }, None) => {
                Rejection::retry_after(Duration::from_secs(5))
            }
            (End::Refused { status, .. }, None) => {
                Rejection::status(*status).with("Reason", end.reason_header())
            }
            _ => {
                let mut headers =
                    mapped_headers(&self.accepted.trunk.attributes_to_headers, attributes);
                headers.push(("Reason".to_owned(), end.reason_header()));
                return self.leg.hang_up(headers).await;
            }
        };
        line.tell(Command::Reject { leg, rejection }).await;
    }
}

/// A caller who was not answered is in the journal of refusals too, and in its counter.
fn note_refusal(call: &Call, status: u16, why: &'static str) {
    count(Counter::CallsRefused, 1, &[("reason", why)]);
    let first = call.first_row();
    let at = wall_clock();
    let row = Refusal {
        at,
        source: Personal::new(call.source.to_canonical().to_string()),
        caller: first.caller,
        called: first.called,
        sip_status: status,
        reason: why.to_owned(),
        considered: serde_json::Value::Array(Vec::new()),
        count: 1,
        last_at: at,
    };
    call.shared.store.later(Row::Refused(row));
}
