//! What the conversation costs.

use tokio::time::Instant;
use trunkline_base::id::EventId;
use trunkline_base::time::UnixTime;
use trunkline_store::Event;

use super::Conversation;
use super::acts::GOODBYE_TAIL;
use crate::provider::Used;
use crate::session::CloseReason;

impl Conversation {
    /// A provider is to be paid.
    pub(super) fn pay(&mut self, used: Used) {
        self.bill.add(used);
    }

    /// An answer is over. A conversation that costs more than it may ends here, not in the middle of
    /// a word.
    pub(super) fn mind_the_cost(&mut self) {
        let prices = &self.shared.config.prices;
        let Some(most) = prices.most else { return };
        let cost = self.bill.cost(prices);
        if cost >= most && self.hang_up_at.is_none() {
            tracing::warn!(%cost, %most, "a conversation costs more than it may");
            self.hang_up_at = Some((Instant::now() + GOODBYE_TAIL, CloseReason::CostLimit));
        }
    }

    /// What was used is counted, and written down with the call.
    pub(super) fn write_bill(&self) {
        self.bill.tell();
        let Some(mut body) = self.bill.written(&self.shared.config.prices) else {
            return;
        };
        body["call"] = serde_json::json!(self.facts.call);
        self.journal.happened(Event {
            event_id: EventId::generate(&mut rand::rng()).to_string(),
            at: UnixTime::from_system(std::time::SystemTime::now()),
            kind: "agent_usage".to_owned(),
            room: self.facts.room.to_string(),
            body,
        });
    }
}
