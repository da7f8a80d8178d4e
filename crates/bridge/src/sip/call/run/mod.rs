//! The life of a call.

mod close;
mod outlive;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Instant;

use tokio::task::JoinSet;
use tracing::{Instrument as _, info, warn};
use trunkline_base::secret::Personal;
use trunkline_base::time::UnixTime;
use trunkline_client::room::{Room, RoomEvents};
use trunkline_service::metrics::{Counter, Timing, count, observe};
use trunkline_sip::endpoint::Rejection;
use trunkline_sip::routing::Accepted;
use trunkline_store::{CallStart, Direction, Row};

use super::super::config::AnswerPolicy;
use super::super::desk::wall_clock;
use super::super::load::Setup;
use super::super::media::{MediaCommand, MediaEvent};
use super::super::signalling::{Arrival, Command, LegEvent, now};
use super::company::Company;
use super::due::Due;
use super::end::End;
use super::leg::{Leg, Step, Turn};
use super::listen::{Listening, listen};
use super::negotiate::Proposal;
use super::onward::Onward;
use super::pin::{Known, ask};
use super::prepared::Sound;
use super::record::millis;
use super::room::{JoinError, Joined, RoomNews, join, on_event, spec};
use super::secure::encryption;
use super::seek::{Seek, wanted};
use super::setup::{Plan, Shared, answer_headers, mapped_headers};
use super::talk::Talk;
use super::tell::STATUS;
use super::transfer::{Matter, Transfers};

type Joining = Pin<Box<dyn Future<Output = Result<Joined, JoinError>> + Send>>;

/// A call and everything it owns.
pub(crate) struct Call {
    shared: Shared,
    plan: Plan,
    leg: Leg,
    accepted: Box<Accepted>,
    caller: Personal<String>,
    /// Asks for an agent while there is none; dropped with the call.
    seeking: JoinSet<()>,
    company: Company,
    source: IpAddr,
    room: Option<Room>,
    room_events: Option<RoomEvents>,
    arrived: Instant,
    started: UnixTime,
    answered: Option<Instant>,
    confirmed: bool,
    /// A description for the 200, until it is sent.
    proposal: Option<Proposal>,
    /// It is being set up.
    setup: Option<Setup>,
}

impl Call {
    /// Runs a call from its INVITE to its last row in the store.
    pub(crate) async fn run(arrival: Arrival, shared: Shared) {
        let span = tracing::info_span!("call", call = %arrival.tag);
        async move {
            let leg = arrival.line.leg;
            let commands = arrival.line.commands.clone();
            if let Err(rejection) = Box::pin(Self::begin(arrival, shared)).await {
                info!(status = rejection.status, "call refused");
                count(Counter::CallsRefused, 1, &[("reason", "media")]);
                let _ = commands.send(Command::Reject { leg, rejection }).await;
            }
        }
        .instrument(span)
        .await;
    }

    /// Some are asked for a PIN first, and the room is that of the PIN's rule.
    async fn begin(mut arrival: Arrival, shared: Shared) -> Result<(), Rejection> {
        let known = match arrival.question.take() {
            Some(question) => {
                let asked = Box::pin(ask(&mut arrival, *question, &shared)).await?;
                let Some(known) = asked else { return Ok(()) };
                Some(known)
            }
            None => None,
        };
        let Some(plan) = Plan::new(&arrival, &shared) else {
            return Ok(());
        };
        let call = match known {
            Some(known) => Self::of_known(arrival, plan, known, shared),
            None => Box::pin(Self::prepare(arrival, plan, shared)).await?,
        };
        Box::pin(call.live()).await;
        Ok(())
    }

    /// Rings, opens media and reads the offer.
    async fn prepare(mut arrival: Arrival, plan: Plan, shared: Shared) -> Result<Self, Rejection> {
        let encryption = encryption(&arrival.accepted, shared.config.encryption);
        let Listening {
            talk,
            sound,
            proposal,
        } = listen(&arrival, (plan.media_timeout, encryption), &shared).await?;
        if let Some(setup) = &mut arrival.setup {
            setup.stands();
        }
        let call = Self::of(arrival, plan, (talk, sound), shared);
        Ok(Self {
            proposal: Some(proposal),
            ..call
        })
    }

    /// Of a caller who was answered to be asked for a PIN, and waits for the room from now on.
    fn of_known(arrival: Arrival, mut plan: Plan, known: Known, shared: Shared) -> Self {
        let status = (STATUS.to_owned(), "active".to_owned());
        plan.attributes.extend([status]);
        let company = Company::new(now(), shared.config.agent_wait);
        let call = Self::of(arrival, plan, (known.talk, known.sound), shared);
        Self {
            company,
            started: known.started,
            answered: Some(known.answered),
            confirmed: true,
            ..call
        }
    }

    fn of(arrival: Arrival, plan: Plan, sounds: (Talk, Sound), shared: Shared) -> Self {
        let Arrival {
            line,
            invite,
            flow,
            accepted,
            setup,
            at,
            ..
        } = arrival;
        let company = Company::new(at, shared.config.agent_wait);
        let caller = invite.headers.from().map(|from| from.uri.number());
        let age = now().saturating_duration_since(at);
        sounds.0.capture(shared.reels.reel(&plan.call_id, age));
        let origin = plan.origin(&accepted);
        let (room, identity) = (plan.room.clone(), origin.identity.clone());
        let transfers = Transfers::of(&shared, room, identity);
        let onward = Onward::new(origin, shared.passing.clone());
        Self {
            leg: Leg::new(line, sounds, transfers, onward),
            shared,
            plan,
            accepted,
            caller: Personal::new(caller.unwrap_or_default()),
            seeking: JoinSet::new(),
            company,
            source: flow.remote.ip(),
            room: None,
            room_events: None,
            arrived: at,
            started: wall_clock(),
            answered: None,
            confirmed: false,
            proposal: None,
            setup,
        }
    }

    async fn live(mut self) {
        let spec = spec(&self.plan, &self.accepted);
        // Whoever was asked for a PIN is counted and written down already.
        if self.answered.is_none() {
            count(Counter::CallsStarted, 1, &[("direction", "inbound")]);
            // The caller waits for the server, and for no disk.
            self.shared.write(Row::CallStarted(self.first_row()));
        }
        // Whoever was asked for a PIN is in, and waits for nobody.
        let setup = self.setup.take();
        let setup = setup.unwrap_or_else(|| self.shared.admission.admit_again());
        let joining: Joining = Box::pin(join(self.shared.clone(), spec, setup));
        let end = self.until_end(joining).await;
        self.close(end).await;
    }

    /// The one loop of a call.
    async fn until_end(&mut self, joining: Joining) -> End {
        let shared = self.shared.clone();
        let mut joining = Some(joining);
        loop {
            let due = self.due();
            let step = tokio::select! {
                biased;
                () = shared.ending() => Err(End::Drained),
                () = tokio::time::sleep_until(due.at.into()) => Err(due.end),
                step = self.leg.next() => self.on_step(step).await,
                joined = poll_option(&mut joining) => {
                    joining = None;
                    self.on_joined(joined).await
                }
                event = next_room_event(&mut self.room_events) => {
                    let news = on_event(event, self.leg.talk.lane());
                    self.look_round();
                    self.on_room(news).await
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    fn due(&self) -> Due {
        let alone = self.company.deadline();
        let alone = alone.filter(|_| !self.leg.is_being_transferred());
        let lack = self.company.lack();
        match self.answered {
            Some(at) => {
                let last = at + self.plan.longest;
                let due = self.leg.due(last, self.shared.config.hold_limit);
                due.or(alone, End::Alone { why: lack })
            }
            None => {
                let refused = |why| End::Refused { status: 480, why };
                let last = self.arrived + self.plan.ringing;
                Due::new(last, refused("nobody_answered")).or(alone, refused(lack))
            }
        }
    }

    async fn on_step(&mut self, step: Step) -> Result<(), End> {
        let was_sent = self.leg.is_being_transferred();
        self.take(step).await?;
        let is_sent = self.leg.is_being_transferred();
        if was_sent && !is_sent {
            // It came to nothing: who is alone waits for an agent from now on.
            self.company.wait_anew(now());
        }
        if was_sent != is_sent {
            self.look_round();
        }
        Ok(())
    }

    async fn take(&mut self, step: Step) -> Result<(), End> {
        let room = self.room.as_ref();
        match step {
            Step::Line(event) => {
                let turn = self.leg.on_line(event, room, &self.shared).await?;
                // Others are of calls that we place.
                if let Turn::Own(LegEvent::Confirmed(_)) = turn {
                    self.on_confirmed();
                }
            }
            Step::Media(None) => return Err(self.without_media()),
            Step::Media(Some(event)) => {
                if let Some(MediaEvent::Silent) = self.leg.on_media(event, room) {
                    return Err(End::MediaTimeout);
                }
            }
            Step::Onward(news) => self.leg.on_onward(news, room).await?,
            Step::Transfer(matter) => self.transfer(*matter).await?,
        }
        Ok(())
    }

    /// Sends the phone to somebody else.
    async fn transfer(&mut self, matter: Matter) -> Result<(), End> {
        let room = self.room.as_ref().map(Room::snapshot);
        let attributes = room.map_or_else(BTreeMap::new, |room| room.local.attributes.clone());
        let headers = mapped_headers(&self.accepted.trunk.attributes_to_headers, &attributes);
        self.leg.transfer(matter, headers).await
    }

    fn on_confirmed(&mut self) {
        if !std::mem::replace(&mut self.confirmed, true) {
            self.leg.status("active");
        }
    }

    async fn on_joined(&mut self, joined: Result<Joined, JoinError>) -> Result<(), End> {
        let joined = joined.map_err(|error| {
            warn!(%error, "the room could not be joined");
            End::Refused {
                status: 503,
                why: "room_unavailable",
            }
        })?;
        self.setup = Some(joined.setup);
        self.leg.tell(MediaCommand::Publish(joined.track));
        self.shared.tell_of(&self.plan.room);
        self.leg.enter(&joined.room);
        self.room = Some(joined.room);
        self.room_events = Some(joined.events);
        self.look_round();
        if self.answered.is_some() {
            let keeper = self.keeper();
            self.leg.talk.keep(keeper);
        } else if self.shared.config.answer == AnswerPolicy::OnRoom {
            self.answer().await;
        }
        Ok(())
    }

    /// Sees who is in the room. A caller who is alone, or whose rule names agents and who has had
    /// none, gets one asked for; one who was handed over to people, or is on the way to somebody, does not.
    fn look_round(&mut self) {
        let Some(room) = &self.room else { return };
        let had = self.company.has_agent();
        self.company.look(&room.snapshot(), now());
        let lost = had && !self.company.has_agent();
        // Every event of the room comes by here: the rule is read only where no agent is.
        let wanted = if self.company.has_agent() {
            Vec::new()
        } else {
            wanted(&self.accepted)
        };
        let is_sent = self.leg.is_being_transferred();
        if is_sent || !self.company.lacks_agent(!wanted.is_empty()) {
            self.seeking.abort_all();
            self.seeking.detach_all();
        } else if lost || self.seeking.is_empty() {
            let seek = Seek {
                api: self.shared.api.clone(),
                name: self.plan.room.clone(),
                room: room.clone(),
                wanted,
            };
            self.seeking.spawn(seek.run().in_current_span());
        }
    }

    async fn on_room(&mut self, news: RoomNews) -> Result<(), End> {
        match news {
            RoomNews::Voice => self.answer().await,
            RoomNews::SetUp => self.setup = None,
            RoomNews::Nothing => {}
            RoomNews::Over(reason) => {
                self.room_events = None;
                return Err(End::Room(reason));
            }
        }
        Ok(())
    }

    /// A call without media is none, before the answer and after it.
    fn without_media(&self) -> End {
        let lost = End::MediaLost;
        match self.answered {
            Some(_) => lost,
            None => End::Refused {
                status: 500,
                why: lost.word(),
            },
        }
    }

    /// 200, once.
    async fn answer(&mut self) {
        let Some(proposal) = self.proposal.take() else {
            return;
        };
        let headers = answer_headers(&self.accepted, &self.plan.attributes);
        let line = &self.leg.line;
        let leg = line.leg;
        line.tell(Command::Accept {
            leg,
            sdp: proposal.sdp,
            headers,
        })
        .await;
        self.leg.tell(MediaCommand::Start);
        let keeper = self.keeper();
        self.leg.talk.keep(keeper);
        let at = now();
        self.answered = Some(at);
        let setup = at.saturating_duration_since(self.arrived);
        observe(Timing::CallSetup, setup, &[]);
        info!(setup_ms = millis(setup), "call answered");
        let call = self.plan.call_id.clone();
        self.shared.write(Row::CallAnswered(call, wall_clock()));
    }

    fn first_row(&self) -> CallStart {
        CallStart {
            call_id: self.plan.call_id.clone(),
            room: Some(self.plan.room.clone()),
            direction: Direction::Inbound,
            caller: self.caller.clone(),
            called: self.accepted.called.clone(),
            trunk_id: self.accepted.trunk.id.to_string(),
            rule_id: self.accepted.rule.id.to_string(),
            at: self.started,
        }
    }
}

async fn poll_option(joining: &mut Option<Joining>) -> Result<Joined, JoinError> {
    match joining {
        Some(joining) => joining.await,
        None => std::future::pending().await,
    }
}

async fn next_room_event(
    events: &mut Option<RoomEvents>,
) -> Option<trunkline_client::room::RoomEvent> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}
