//! The life of a call that we placed, from its INVITE to its end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tracing::info;
use trunkline_client::room::{Room, RoomEvents};
use trunkline_service::metrics::{Timing, observe};
use trunkline_sip::message::Headers;
use trunkline_store::Row;

use super::super::super::desk::{LONGEST, wall_clock};
use super::super::super::load::Setup;
use super::super::super::media::{MediaCommand, MediaEvent};
use super::super::super::signalling::{LegEvent, Unreached, now, until};
use super::super::attributes;
use super::super::company::Company;
use super::super::due::Due;
use super::super::end::End;
use super::super::guard::Permit;
use super::super::leg::{Leg, Step, Turn};
use super::super::record::millis;
use super::super::room::{RoomNews, on_event};
use super::super::setup::{Shared, mapped_headers};
use super::super::tell::STATUS;
use super::super::transfer::Matter;
use super::order::Dialled;
use super::plan::Plan;
use super::route::Route;
use super::underway::{Claim, Stage};

/// A call we have placed, and everything it owns.
pub(super) struct Outbound {
    pub(super) shared: Shared,
    pub(super) plan: Plan,
    pub(super) claim: Claim,
    /// The right to be dialled, for as long as it lasts.
    pub(super) permit: Permit,
    /// It is being set up.
    pub(super) setup: Option<Setup>,
    pub(super) dialled: Dialled,
    pub(super) leg: Leg,
    /// Where it is, and where it may go.
    pub(super) route: Route,
    pub(super) room: Room,
    pub(super) room_events: RoomEvents,
    pub(super) company: Company,
    pub(super) placed: Instant,
    pub(super) answered: Option<Instant>,
    pub(super) rang: bool,
    /// There is sound from the other side, before or after the answer.
    pub(super) agreed: bool,
    /// The keys that follow the answer are being pressed.
    pub(super) automating: bool,
    /// How they refused.
    pub(super) declined: Option<Declined>,
    /// Why there is no connection to them.
    pub(super) unreached: Option<Unreached>,
}

/// How a call was refused, in their words.
pub(super) struct Declined {
    pub(super) reason: String,
    pub(super) headers: Box<Headers>,
}

impl Outbound {
    /// Runs the call to its end.
    pub(super) async fn live(mut self) {
        let end = self.until_end().await;
        Box::pin(self.close(end)).await;
    }

    /// The one loop of a call.
    async fn until_end(&mut self) -> End {
        let shared = self.shared.clone();
        if self.plan.dialtone {
            self.leg.tell(MediaCommand::Tone(true));
        }
        loop {
            let due = self.due();
            let waited_for = self.plan.waits && self.answered.is_none();
            let patience = self.route.patience();
            let step = tokio::select! {
                biased;
                () = shared.ending() => Err(End::Drained),
                () = tokio::time::sleep_until(due.at.into()) => Err(due.end),
                () = until(patience), if patience.is_some() => self.on_impatience().await,
                // Others may spend the same budget meanwhile.
                () = tokio::time::sleep(LOOK), if self.permit.is_limited() => Ok(()),
                () = self.claim.stage.closed(), if waited_for => Err(End::Alone { why: "not_wanted" }),
                step = self.leg.next() => self.on_step(step).await,
                event = self.room_events.next() => {
                    let news = on_event(event, self.leg.talk.lane());
                    self.company.look(&self.room.snapshot(), now());
                    self.on_room(&news)
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    fn due(&self) -> Due {
        let Some(answered) = self.answered else {
            let end = End::Refused {
                status: 408,
                why: "nobody_answered",
            };
            return Due::new(self.placed + self.plan.ringing, end);
        };
        let last = answered + self.plan.longest;
        let due = self.leg.due(last, self.shared.config.hold_limit);
        let alone = self.company.left_by_agent();
        let alone = alone.filter(|_| !self.leg.is_being_transferred());
        let due = due.or(alone, End::Alone { why: "agent_lost" });
        let paid = self.permit.lasts().map(|lasts| now() + lasts.min(LONGEST));
        due.or(paid, End::Spent)
    }

    async fn on_step(&mut self, step: Step) -> Result<(), End> {
        let was_sent = self.leg.is_being_transferred();
        self.take(step).await?;
        if was_sent && !self.leg.is_being_transferred() {
            // It came to nothing: who is alone is so from now on.
            self.company.wait_anew(now());
        }
        Ok(())
    }

    async fn take(&mut self, step: Step) -> Result<(), End> {
        match step {
            Step::Line(event) => self.on_line(event).await,
            Step::Media(event) => self.on_media(event.ok_or(End::MediaLost)?),
            Step::Onward(news) => self.leg.on_onward(news, Some(&self.room)).await,
            Step::Transfer(matter) => self.transfer(*matter).await,
        }
    }

    async fn on_line(&mut self, event: LegEvent) -> Result<(), End> {
        self.route.hear(&event);
        let room = Some(&self.room);
        let turn = match self.leg.on_line(event, room, &self.shared).await {
            Err(End::Phone(cause)) => return self.on_ended(cause).await,
            other => other?,
        };
        match turn {
            Turn::Own(LegEvent::Progress { status, body }) => self.on_progress(status, &body),
            Turn::Own(LegEvent::Answered { headers, body }) => self.on_answer(&headers, &body)?,
            Turn::Own(LegEvent::Unreached(why)) => self.unreached = Some(why),
            Turn::Own(LegEvent::Declined {
                reason, headers, ..
            }) => {
                self.declined = Some(Declined { reason, headers });
            }
            // Somebody else has picked it up.
            Turn::Replaced if self.answered.is_none() => self.begin(BTreeMap::new()),
            Turn::Own(_) | Turn::Done | Turn::Replaced => {}
        }
        Ok(())
    }

    fn on_room(&mut self, news: &RoomNews) -> Result<(), End> {
        match news {
            RoomNews::SetUp => self.setup = None,
            RoomNews::Voice | RoomNews::Nothing => {}
            RoomNews::Over(reason) => return Err(End::Room(*reason)),
        }
        Ok(())
    }

    /// Sends the phone to somebody else.
    async fn transfer(&mut self, matter: Matter) -> Result<(), End> {
        let attributes = self.room.snapshot().local.attributes.clone();
        let headers = mapped_headers(&self.plan.attributes_to_headers, &attributes);
        self.leg.transfer(matter, headers).await
    }

    /// It rings, or there is something to hear before anybody answers.
    fn on_progress(&mut self, status: u16, body: &[u8]) {
        if self.answered.is_some() || status == 100 {
            return;
        }
        if matches!(status, 180 | 183) && !std::mem::replace(&mut self.rang, true) {
            self.leg.status("ringing");
        }
        if !body.is_empty() && self.leg.talk.accept(body) {
            self.begin_sound();
            info!(status, "early media");
        }
    }

    fn begin_sound(&mut self) {
        if !std::mem::replace(&mut self.agreed, true) {
            self.leg.tell(MediaCommand::Tone(false));
            self.leg.tell(MediaCommand::Start);
        }
    }

    fn on_answer(&mut self, headers: &Headers, body: &[u8]) -> Result<(), End> {
        let as_before = body.is_empty() && self.agreed;
        if !as_before && !self.leg.talk.accept(body) {
            return Err(End::Refused {
                status: 488,
                why: "no_common_media",
            });
        }
        self.begin(self.heard_of(headers));
        Ok(())
    }

    /// The phone is there: how that is told, beside what was heard of it.
    fn begin(&mut self, mut change: BTreeMap<String, String>) {
        self.begin_sound();
        let keeper = self.keeper();
        self.leg.talk.keep(keeper);
        let at = now();
        self.answered = Some(at);
        self.permit.answered();
        let setup = at.saturating_duration_since(self.placed);
        observe(Timing::CallSetup, setup, &[]);
        info!(setup_ms = millis(setup), "call answered");
        let call = self.plan.call_id.clone();
        self.shared.write(Row::CallAnswered(call, wall_clock()));
        // What is recorded begins with the answer.
        self.shared.tell_of(&self.plan.room);
        let keys = std::mem::take(&mut self.plan.keys);
        let status = if keys.is_empty() {
            "active"
        } else {
            "automation"
        };
        change.insert(STATUS.to_owned(), status.to_owned());
        self.leg.say(change);
        if !keys.is_empty() {
            self.automating = true;
            self.leg.tell(MediaCommand::Press(keys));
        }
        let answered = Stage::Answered(self.dialled.clone());
        self.claim.stage.send_replace(answered);
    }

    /// What the headers of the 200 say, as attributes.
    fn heard_of(&self, headers: &Headers) -> BTreeMap<String, String> {
        attributes::of_answer(
            headers,
            &self.plan.headers_to_attributes,
            self.plan.include_headers,
            &self.room.snapshot().local.attributes,
        )
    }

    fn on_media(&mut self, event: MediaEvent) -> Result<(), End> {
        match self.leg.on_media(event, Some(&self.room)) {
            // What rings may ring in silence.
            Some(MediaEvent::Silent) if self.answered.is_some() => Err(End::MediaTimeout),
            // Keys of the room may go out while it rings, and say nothing of how the call stands.
            Some(MediaEvent::Played) if std::mem::take(&mut self.automating) => {
                self.leg.status("active");
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// How soon a call notices that others spend the same budget.
const LOOK: Duration = Duration::from_secs(10);
