//! The life of a call that we placed, from its INVITE to its end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tracing::info;
use trunkline_client::room::{Room, RoomEvents};
use trunkline_service::metrics::{Timing, observe};
use trunkline_sip::message::{Headers, name};
use trunkline_store::Row;

use super::super::super::desk::wall_clock;
use super::super::super::media::{MediaCommand, MediaEvent};
use super::super::super::signalling::{LegEvent, Line, now};
use super::super::company::Company;
use super::super::end::End;
use super::super::exchange::Wish;
use super::super::keys::Way;
use super::super::record::millis;
use super::super::room::{RoomNews, on_event};
use super::super::setup::{Shared, included, mapped_headers};
use super::super::talk::Talk;
use super::super::transfer::Transfers;
use super::order::Dialled;
use super::plan::Plan;
use super::tell::{STATUS, Teller};
use super::underway::{Claim, Stage};

/// A call we have placed, and everything it owns.
pub(super) struct Outbound {
    pub(super) shared: Shared,
    pub(super) plan: Plan,
    pub(super) claim: Claim,
    pub(super) dialled: Dialled,
    pub(super) line: Line,
    pub(super) talk: Talk,
    pub(super) transfers: Transfers,
    pub(super) teller: Teller,
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
        self.close(end).await;
    }

    /// The one loop of a call.
    async fn until_end(&mut self) -> End {
        let shared = self.shared.clone();
        if self.plan.dialtone {
            self.talk.tell(MediaCommand::Tone(true));
        }
        loop {
            let deadline = self.deadline();
            let waited_for = self.plan.waits && self.answered.is_none();
            let step = tokio::select! {
                biased;
                () = shared.ending() => Err(End::Drained),
                () = tokio::time::sleep_until(deadline.into()) => Err(self.overdue()),
                () = self.claim.stage.closed(), if waited_for => Err(End::Alone { why: "not_wanted" }),
                event = self.line.next() => self.on_leg(event).await,
                event = self.room_events.next() => {
                    let news = on_event(event, self.talk.lane());
                    self.company.look(&self.room.snapshot(), now());
                    on_room(&news)
                }
                event = self.talk.next() => self.on_media(event),
                wish = self.transfers.next() => {
                    self.transfer(wish).await;
                    Ok(())
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    fn deadline(&self) -> Instant {
        let Some(answered) = self.answered else {
            return self.placed + self.plan.ringing;
        };
        let ends = [self.held_until(), self.company.left_by_agent()];
        let last = answered + self.plan.longest;
        ends.into_iter().flatten().fold(last, Instant::min)
    }

    fn held_until(&self) -> Option<Instant> {
        self.talk.held_until(self.shared.config.hold_limit)
    }

    fn overdue(&self) -> End {
        let is_over = |at: Option<Instant>| at.is_some_and(|at| at <= now());
        match self.answered {
            None => End::Refused {
                status: 408,
                why: "nobody_answered",
            },
            Some(_) if is_over(self.held_until()) => End::HeldTooLong,
            Some(_) if is_over(self.company.left_by_agent()) => End::Alone { why: "agent_lost" },
            Some(_) => End::TooLong,
        }
    }

    async fn on_leg(&mut self, event: LegEvent) -> Result<(), End> {
        match event {
            LegEvent::Progress { status, body } => {
                self.on_progress(status, &body);
                Ok(())
            }
            LegEvent::Answered { headers, body } => self.on_answer(&headers, &body),
            LegEvent::Declined { reason, headers } => {
                self.declined = Some(Declined { reason, headers });
                Ok(())
            }
            LegEvent::Confirmed(body) | LegEvent::Changed(body) => {
                if !body.is_empty() {
                    self.talk.accept(&body);
                }
                Ok(())
            }
            LegEvent::Refer(referral) => {
                self.talk.refuse_transfer(&referral, &self.line).await;
                Ok(())
            }
            LegEvent::Transfer(news) => self.transfers.on_news(news, &self.talk),
            LegEvent::Change(request) => {
                self.talk.change(&request, &self.line).await;
                Ok(())
            }
            LegEvent::Info { content_type, body } => {
                self.talk.relay(Some(&self.room), &content_type, &body);
                Ok(())
            }
            LegEvent::Ended(cause) => Err(End::Phone(cause)),
        }
    }

    /// Sends the phone to somebody else.
    async fn transfer(&mut self, wish: Wish) {
        let attributes = self.room.snapshot().local.attributes.clone();
        let headers = mapped_headers(&self.plan.attributes_to_headers, &attributes);
        let sides = (&self.line, &self.talk);
        self.transfers.begin(wish, headers, sides).await;
    }

    /// It rings, or there is something to hear before anybody answers.
    fn on_progress(&mut self, status: u16, body: &[u8]) {
        if self.answered.is_some() {
            return;
        }
        if matches!(status, 180 | 183) && !std::mem::replace(&mut self.rang, true) {
            self.teller.status("ringing");
        }
        if !body.is_empty() && self.talk.accept(body) {
            self.begin_sound();
            info!(status, "early media");
        }
    }

    fn begin_sound(&mut self) {
        if !std::mem::replace(&mut self.agreed, true) {
            self.talk.tell(MediaCommand::Tone(false));
            self.talk.tell(MediaCommand::Start);
        }
    }

    fn on_answer(&mut self, headers: &Headers, body: &[u8]) -> Result<(), End> {
        let as_before = body.is_empty() && self.agreed;
        if !as_before && !self.talk.accept(body) {
            return Err(End::Refused {
                status: 488,
                why: "no_common_media",
            });
        }
        self.begin_sound();
        let at = now();
        self.answered = Some(at);
        let setup = at.saturating_duration_since(self.placed);
        observe(Timing::CallSetup, setup, &[]);
        info!(setup_ms = millis(setup), "call answered");
        let call = self.plan.call_id.clone();
        self.shared
            .store
            .later(Row::CallAnswered(call, wall_clock()));
        // What is recorded begins with the answer.
        self.shared.tell_of(&self.plan.room);
        let mut change = self.heard_of(headers);
        let keys = std::mem::take(&mut self.plan.keys);
        let status = if keys.is_empty() {
            "active"
        } else {
            "automation"
        };
        change.insert(STATUS.to_owned(), status.to_owned());
        self.teller.say(change);
        if !keys.is_empty() {
            self.automating = true;
            self.talk.tell(MediaCommand::Press(keys));
        }
        let answered = Stage::Answered(self.dialled.clone());
        self.claim.stage.send_replace(answered);
        Ok(())
    }

    /// What the headers of the 200 say, as attributes.
    fn heard_of(&self, headers: &Headers) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        let mut set = |key: &str, value: &str| all.insert(key.to_owned(), value.to_owned());
        for (header, attribute) in &self.plan.headers_to_attributes {
            if let Some(value) = headers.get(header) {
                set(attribute, value);
            }
        }
        for (header, value) in included(headers, self.plan.include_headers) {
            set(&format!("sip.h.{}", header.to_ascii_lowercase()), value);
        }
        set(
            "sip.callIDFull",
            headers.get(name::CALL_ID).unwrap_or_default(),
        );
        let to = headers.to().ok();
        let tag = to.as_ref().and_then(|to| to.tag());
        set("sip.callTag", tag.unwrap_or_default());
        set("sip.statusCode", "200");
        all
    }

    fn on_media(&mut self, event: Option<MediaEvent>) -> Result<(), End> {
        match event.ok_or(End::MediaLost)? {
            MediaEvent::Key(digit) => {
                let key = (digit, Duration::ZERO);
                self.talk.press(Some(&self.room), Way::Rtp, key);
                Ok(())
            }
            MediaEvent::Silent if self.answered.is_some() => Err(End::MediaTimeout),
            // What rings may ring in silence.
            MediaEvent::Silent => Ok(()),
            // Keys of the room may go out while it rings, and say nothing of how the call stands.
            MediaEvent::Played => {
                if std::mem::take(&mut self.automating) {
                    self.teller.status("active");
                }
                Ok(())
            }
        }
    }
}

const fn on_room(news: &RoomNews) -> Result<(), End> {
    match news {
        RoomNews::Voice | RoomNews::Nothing => Ok(()),
        RoomNews::Over(reason) => Err(End::Room(*reason)),
    }
}
