//! The life of a call.

mod close;

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{Instrument as _, info, warn};
use trunkline_base::secret::Personal;
use trunkline_base::time::UnixTime;
use trunkline_client::room::{Room, RoomEvents};
use trunkline_service::metrics::{Counter, Timing, count, observe};
use trunkline_sip::endpoint::Rejection;
use trunkline_sip::message::Request;
use trunkline_sip::routing::Accepted;
use trunkline_store::{CallStart, Direction, Row};

use super::super::config::AnswerPolicy;
use super::super::desk::wall_clock;
use super::super::media::{MediaCommand, MediaEvent, MediaSession, MediaSummary, NoPort, Setup};
use super::super::signalling::{Arrival, Command, LegEvent, Line, now};
use super::end::End;
use super::negotiate::{Negotiation, Proposal, codecs};
use super::room::{JoinError, Joined, RoomNews, join, on_event, set_status, spec};
use super::setup::{Plan, Shared, answer_headers};

type Joining = Pin<Box<dyn Future<Output = Result<Joined, JoinError>> + Send>>;

/// A call and everything it owns.
pub(crate) struct Call {
    shared: Shared,
    plan: Plan,
    line: Line,
    accepted: Box<Accepted>,
    invite: Box<Request>,
    negotiation: Negotiation,
    media: mpsc::Sender<MediaCommand>,
    media_events: mpsc::Receiver<MediaEvent>,
    media_task: JoinHandle<MediaSummary>,
    /// Requests to the room that nobody waits for.
    chores: JoinSet<()>,
    room: Option<Room>,
    room_events: Option<RoomEvents>,
    arrived: Instant,
    started: UnixTime,
    answered: Option<Instant>,
    confirmed: bool,
    /// A description for the 200, until it is sent.
    proposal: Option<Proposal>,
}

impl Call {
    /// Runs a call from its INVITE to its last row in the store.
    pub(crate) async fn run(arrival: Arrival, shared: Shared) {
        let Some(plan) = Plan::new(&arrival, &shared.config) else {
            return;
        };
        let span = tracing::info_span!("call", call = %plan.call_id);
        async move {
            let leg = arrival.line.leg;
            let commands = arrival.line.commands.clone();
            match Box::pin(Self::prepare(arrival, plan, shared)).await {
                Ok(call) => Box::pin(call.live()).await,
                Err(rejection) => {
                    info!(status = rejection.status, "call refused");
                    count(Counter::CallsRefused, 1, &[("reason", "media")]);
                    let _ = commands.send(Command::Reject { leg, rejection }).await;
                }
            }
        }
        .instrument(span)
        .await;
    }

    /// Rings, opens media and reads the offer.
    async fn prepare(arrival: Arrival, plan: Plan, shared: Shared) -> Result<Self, Rejection> {
        let Arrival {
            line,
            invite,
            flow,
            accepted,
            at,
            ..
        } = arrival;
        line.tell(Command::Ring(line.leg)).await;
        let bind = shared.config.udp.ip();
        let pair = shared.ports.bind(bind).await.map_err(|NoPort| {
            warn!("no rtp port is free");
            Rejection::retry_after(Duration::from_secs(10))
        })?;
        let mut rng = rand::rngs::StdRng::from_os_rng();
        let address = (flow.local.ip(), pair.port).into();
        let allowed = codecs(&accepted, &shared.config.codecs);
        let session_id = rng.random_range(1..1 << 48);
        let mut negotiation = Negotiation::new(address, allowed, session_id);
        let proposal = negotiation.respond(&invite.body)?;
        let (media, commands) = mpsc::channel(MEDIA_COMMANDS);
        let (tell, media_events) = mpsc::channel(MEDIA_EVENTS);
        let setup = Setup {
            pair,
            room_rate: shared.config.room_rate,
            media_timeout: plan.media_timeout,
            start: (rng.random(), rng.random(), rng.random()),
            cname: format!("trunkline@{}", flow.local.ip()),
        };
        let session = MediaSession::new(setup, tell).run(commands);
        #[expect(clippy::disallowed_methods, reason = "the call joins it at its end")]
        let media_task = tokio::spawn(session.in_current_span());
        if let Some(agreement) = &proposal.agreement {
            let _ = media.try_send(MediaCommand::Agree(agreement.clone()));
        }
        Ok(Self {
            shared,
            plan,
            line,
            accepted,
            invite,
            negotiation,
            media,
            media_events,
            media_task,
            chores: JoinSet::new(),
            room: None,
            room_events: None,
            arrived: at,
            started: wall_clock(),
            answered: None,
            confirmed: false,
            proposal: Some(proposal),
        })
    }

    async fn live(mut self) {
        count(Counter::CallsStarted, 1, &[("direction", "inbound")]);
        let spec = spec(&self.plan, &self.accepted);
        // The caller waits for the server, and for no disk.
        self.shared.store.later(Row::CallStarted(self.first_row()));
        let joining: Joining = Box::pin(join(self.shared.clone(), spec));
        let end = self.until_end(joining).await;
        self.close(end).await;
    }

    /// The one loop of a call.
    async fn until_end(&mut self, joining: Joining) -> End {
        let stop = self.shared.stop.clone();
        let mut joining = Some(joining);
        loop {
            let deadline = self.deadline();
            let step = tokio::select! {
                biased;
                () = stop.hurry() => Err(End::Drained),
                event = self.line.next() => self.on_leg(event).await,
                Some(_) = self.chores.join_next() => Ok(()),
                joined = poll_option(&mut joining) => {
                    joining = None;
                    self.on_joined(joined).await
                }
                event = next_room_event(&mut self.room_events) => {
                    let news = on_event(event, &self.media);
                    self.on_room(news).await
                }
                Some(event) = self.media_events.recv() => self.on_media(event),
                () = tokio::time::sleep_until(deadline.into()) => Err(self.overdue()),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    fn deadline(&self) -> Instant {
        match self.answered {
            Some(at) => at + self.plan.longest,
            None => self.arrived + self.plan.ringing,
        }
    }

    const fn overdue(&self) -> End {
        match self.answered {
            Some(_) => End::TooLong,
            None => End::Refused {
                status: 480,
                why: "nobody_answered",
            },
        }
    }

    async fn on_leg(&mut self, event: LegEvent) -> Result<(), End> {
        match event {
            LegEvent::Confirmed(body) => {
                self.on_confirmed(&body);
                Ok(())
            }
            LegEvent::Change(request) => {
                self.on_change(&request).await;
                Ok(())
            }
            LegEvent::Info { content_type, body } => {
                if let Some(digit) = relayed_key(&content_type, &body) {
                    self.press(digit);
                }
                Ok(())
            }
            LegEvent::Ended(cause) => Err(End::Phone(cause)),
        }
    }

    fn on_confirmed(&mut self, body: &[u8]) {
        if !body.is_empty()
            && let Some(agreement) = self.negotiation.accept(body)
        {
            self.agree(agreement);
        }
        if !std::mem::replace(&mut self.confirmed, true)
            && let Some(room) = self.room.clone()
        {
            self.chores
                .spawn(async move { set_status(&room, "active").await });
        }
    }

    /// A re-INVITE: hold, resume, a new address, or only a sign of life.
    async fn on_change(&mut self, request: &Request) {
        let leg = self.line.leg;
        let command = match self.negotiation.respond(&request.body) {
            Ok(Proposal { sdp, agreement }) => {
                if let Some(agreement) = agreement {
                    info!(held = agreement.on_hold(), "session changed");
                    self.agree(agreement);
                }
                Command::AnswerChange { leg, sdp }
            }
            Err(rejection) => Command::RefuseChange { leg, rejection },
        };
        self.line.tell(command).await;
    }

    fn agree(&self, agreement: trunkline_sip::sdp::Agreement) {
        if self.media.try_send(MediaCommand::Agree(agreement)).is_err() {
            warn!("media does not take its commands");
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
        let _ = self.media.try_send(MediaCommand::Publish(joined.track));
        if let Some(told) = &self.shared.config.joined
            && told.try_send(self.plan.room.clone()).is_err()
        {
            warn!("whoever follows calls is behind and misses this one");
        }
        self.room = Some(joined.room);
        self.room_events = Some(joined.events);
        if self.shared.config.answer == AnswerPolicy::OnRoom {
            self.answer().await;
        }
        Ok(())
    }

    async fn on_room(&mut self, news: RoomNews) -> Result<(), End> {
        match news {
            RoomNews::Voice => self.answer().await,
            RoomNews::Nothing => {}
            RoomNews::Over(reason) => {
                self.room_events = None;
                return Err(End::Room(reason));
            }
        }
        Ok(())
    }

    fn on_media(&mut self, event: MediaEvent) -> Result<(), End> {
        match event {
            MediaEvent::Key(digit) => {
                self.press(digit);
                Ok(())
            }
            MediaEvent::Silent => Err(End::MediaTimeout),
        }
    }

    /// Tells the room of a key, without making the call wait.
    fn press(&mut self, digit: char) {
        let Some(room) = self.room.clone() else {
            return;
        };
        let Some(code) = trunkline_sip::dtmf::code(digit) else {
            return;
        };
        if self.chores.len() >= MAX_CHORES {
            warn!("the room does not take keys");
            return;
        }
        self.chores.spawn(async move {
            if room
                .send_dtmf(u32::from(code), &digit.to_string())
                .await
                .is_err()
            {
                warn!("a key did not reach the room");
            }
        });
    }

    /// 200, once.
    async fn answer(&mut self) {
        let Some(proposal) = self.proposal.take() else {
            return;
        };
        let headers = answer_headers(&self.accepted, &self.plan.attributes);
        let leg = self.line.leg;
        self.line
            .tell(Command::Accept {
                leg,
                sdp: proposal.sdp,
                headers,
            })
            .await;
        let _ = self.media.try_send(MediaCommand::Start);
        let at = now();
        self.answered = Some(at);
        let setup = at.saturating_duration_since(self.arrived);
        observe(Timing::CallSetup, setup, &[]);
        info!(setup_ms = millis(setup), "call answered");
        let call = self.plan.call_id.clone();
        self.shared
            .store
            .later(Row::CallAnswered(call, wall_clock()));
    }

    fn first_row(&self) -> CallStart {
        let caller = self.invite.headers.from().map(|from| from.uri.number());
        CallStart {
            call_id: self.plan.call_id.clone(),
            room: self.plan.room.clone(),
            direction: Direction::Inbound,
            caller: Personal::new(caller.unwrap_or_default()),
            called: self.accepted.called.clone(),
            trunk_id: self.accepted.trunk.id.to_string(),
            rule_id: self.accepted.rule.id.to_string(),
            at: self.started,
        }
    }
}

/// A key sent as INFO: `Signal=5` (dtmf-relay) or just `5` (dtmf).
fn relayed_key(content_type: &str, body: &[u8]) -> Option<char> {
    let text = std::str::from_utf8(body).ok()?;
    let value = match content_type {
        "application/dtmf-relay" => text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("signal")
                .then(|| value.trim())
        })?,
        "application/dtmf" => text.trim(),
        _ => return None,
    };
    let mut chars = value.chars();
    let key = chars.next()?.to_ascii_uppercase();
    (chars.next().is_none() && trunkline_sip::dtmf::code(key).is_some()).then_some(key)
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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Commands waiting for media. Filling it means the media task is stuck.
const MEDIA_COMMANDS: usize = 64;

/// Events waiting for the call. Filling it loses keys, which then were typed faster than any hand.
const MEDIA_EVENTS: usize = 64;

/// Requests to the room under way at the same time. Filling it means the room does not answer.
const MAX_CHORES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_info_are_read() {
        let relay = "application/dtmf-relay";
        assert_eq!(
            relayed_key(relay, b"Signal=5\r\nDuration=160\r\n"),
            Some('5')
        );
        assert_eq!(relayed_key(relay, b"Signal= #\r\n"), Some('#'));
        assert_eq!(relayed_key("application/dtmf", b"a"), Some('A'));
        assert_eq!(relayed_key(relay, b"Signal=55"), None);
        assert_eq!(relayed_key("text/plain", b"5"), None);
        assert_eq!(relayed_key(relay, &[0xff]), None);
    }
}
