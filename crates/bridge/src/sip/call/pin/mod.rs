//! Asking a caller for a PIN, before there is a room.
//!
//! ```text
//! 200 ─► tone ─► keys, # ─► a rule's PIN ─► the call goes on, in that rule's room
//!           ▲        └─ none ─► tone ─┐
//!           └───── three tries ◄──────┴─► the third, or silence: BYE
//! ```
//! What is typed goes to the matcher and nowhere else: not to the log, the store or a room.

mod keypad;
mod prompt;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tracing::info;
use trunkline_base::id::{CallId, RoomName};
use trunkline_base::secret::Personal;
use trunkline_base::time::UnixTime;
use trunkline_service::metrics::{Counter, Timing, count, observe};
use trunkline_sip::endpoint::Rejection;
use trunkline_sip::message::name;
use trunkline_sip::routing::{Accepted, Question};
use trunkline_sip::sdp::Encryption;
use trunkline_store::{CallStart, Direction, Refusal, Row};

use super::super::config::CallNews;
use super::super::desk::{LONGEST, tell_asserted, wall_clock};
use super::super::media::{Cue, MediaCommand};
use super::super::signalling::{Arrival, Command, Line, now};
use super::end::End;
use super::listen::{Listening, listen};
use super::negotiate::codecs;
use super::prepared::Sound;
use super::record::{Ending, Moment};
use super::secure::{choose_encryption, encryption};
use super::setup::{Shared, answer_headers};
use super::talk::Talk;
use super::tries::{Shut, Who};
use prompt::Prompt;

/// A caller whose PIN was right, on a call that is answered.
pub(super) struct Known {
    pub(super) talk: Talk,
    pub(super) sound: Sound,
    pub(super) started: UnixTime,
    pub(super) answered: Instant,
}

/// Answers, and asks for a PIN. The arrival has the room of the PIN's rule then. `None` once the call
/// is over without one; its record is written.
pub(super) async fn ask(
    arrival: &mut Arrival,
    question: Question,
    shared: &Shared,
) -> Result<Option<Known>, Rejection> {
    let caller = arrival.invite.headers.from().map(|from| from.uri.number());
    let caller = caller.unwrap_or_default();
    let trunk = &question.first.trunk;
    let who = Who::calls(trunk, &caller, arrival.flow.remote.ip());
    if let Some(shut) = shared.tries.shut_out(&who, now()) {
        refuse(arrival, caller, &shut, shared).await;
        return Ok(None);
    }
    let timeout = trunk.media.media_timeout;
    let timeout = timeout.unwrap_or(shared.config.media_timeout);
    let wanted = encryption_for(&question, shared.config.encryption);
    let Listening {
        mut talk,
        mut sound,
        proposal,
    } = listen(arrival, (timeout, wanted), shared).await?;
    // Typing takes time and costs nothing.
    arrival.setup = None;
    let started = wall_clock();
    begin(arrival, caller, started, shared);
    let answered = answer(&arrival.line, &question.first, proposal.sdp, shared).await;
    observe(
        Timing::CallSetup,
        answered.saturating_duration_since(arrival.at),
        &[],
    );
    write_answered(arrival, shared);
    talk.tell(MediaCommand::Start);
    talk.tell(MediaCommand::Play(Cue::Ask));
    let longest = trunk.max_call_duration;
    let longest = longest.unwrap_or(shared.config.max_call_duration);
    let mut prompt = Prompt::new(
        (&mut arrival.line, &mut talk),
        (&question, who),
        (answered, longest.min(LONGEST)),
        shared,
    );
    let fate = prompt.until_known().await;
    match fate {
        Ok(mut accepted) => {
            info!("the PIN is a rule's");
            let demand = encryption(&accepted, shared.config.encryption);
            talk.negotiation.demand(demand);
            sound.codecs = codecs(&accepted, &shared.config.codecs);
            sound.encryption = demand;
            tell_asserted(&mut accepted, &arrival.invite);
            arrival.accepted = accepted;
            place(arrival, shared);
            tell_answered(arrival, shared);
            Ok(Some(Known {
                talk,
                sound,
                started,
                answered,
            }))
        }
        Err(end) => {
            tell_answered(arrival, shared);
            hang_up(&arrival.line, &end).await;
            close(arrival, talk, &end, answered, shared).await;
            Ok(None)
        }
    }
}

/// What is agreed before it is known whose room it is for: what all rules ask for, else encryption
/// where the phone can, so that a rule that wants it can be met.
fn encryption_for(question: &Question, ours: Encryption) -> Encryption {
    let trunk = question.first.trunk.media.encryption;
    let rules = question.rules().iter();
    let mut wishes = rules.map(|rule| choose_encryption(rule.media.encryption, trunk, ours));
    let first = wishes.next().unwrap_or(ours);
    if wishes.all(|wish| wish == first) {
        first
    } else {
        Encryption::Allow
    }
}

/// 200, with nothing of any rule in it.
async fn answer(line: &Line, first: &Accepted, sdp: Bytes, shared: &Shared) -> Instant {
    let headers = answer_headers(first, &BTreeMap::new());
    let leg = line.leg;
    line.tell(Command::Accept { leg, sdp, headers }).await;
    info!(
        patience_s = shared.config.pin_wait.as_secs(),
        "call answered, to ask for a PIN"
    );
    now()
}

/// Whoever has typed too many wrong PINs is not answered; a row says so the first time.
async fn refuse(arrival: &Arrival, caller: String, shut: &Shut, shared: &Shared) {
    info!(who = shut.who.word(), "too many wrong PINs were typed");
    count(Counter::CallsRefused, 1, &[("reason", "pin")]);
    let leg = arrival.line.leg;
    let seconds = shut.left.as_secs().saturating_add(1);
    let rejection = Rejection::status(403).with(name::RETRY_AFTER, seconds.to_string());
    arrival.line.tell(Command::Reject { leg, rejection }).await;
    if !shared.tries.tell_once(&shut.who) {
        return;
    }
    let at = wall_clock();
    shared.store.later(Row::Refused(Refusal {
        at,
        source: Personal::new(arrival.flow.remote.ip().to_canonical().to_string()),
        caller: Personal::new(caller),
        called: arrival.accepted.called.clone(),
        sip_status: 403,
        reason: "pin_locked".to_owned(),
        considered: serde_json::Value::Array(Vec::new()),
        count: 1,
        last_at: at,
    }));
}

fn begin(arrival: &Arrival, caller: String, started: UnixTime, shared: &Shared) {
    count(Counter::CallsStarted, 1, &[("direction", "inbound")]);
    let Some(call_id) = call_id(arrival) else {
        return;
    };
    shared.write(Row::CallStarted(CallStart {
        call_id,
        room: None,
        direction: Direction::Inbound,
        caller: Personal::new(caller),
        called: arrival.accepted.called.clone(),
        trunk_id: arrival.accepted.trunk.id.to_string(),
        rule_id: String::new(),
        at: started,
    }));
}

fn write_answered(arrival: &Arrival, shared: &Shared) {
    if let Some(call) = call_id(arrival) {
        shared.store.later(Row::CallAnswered(call, wall_clock()));
    }
}

/// Whoever follows calls hears of the answer once it is known which room it is for, or that it is for
/// none: by its room they know whose call it is.
fn tell_answered(arrival: &Arrival, shared: &Shared) {
    if let Some(call) = call_id(arrival) {
        shared.journal().tell(CallNews::Answered(call));
    }
}

/// The record has the PIN's rule, and its room.
fn place(arrival: &Arrival, shared: &Shared) {
    let accepted = &arrival.accepted;
    let room = RoomName::parse(accepted.room.as_str());
    if let (Some(call), Ok(room)) = (call_id(arrival), room) {
        shared.write(Row::CallPlaced(call, room, accepted.rule.id.to_string()));
    }
}

fn call_id(arrival: &Arrival) -> Option<CallId> {
    CallId::parse(arrival.tag.as_str()).ok()
}

async fn hang_up(line: &Line, end: &End) {
    if end.is_ours() {
        let leg = line.leg;
        let headers = vec![("Reason".to_owned(), end.reason_header())];
        line.tell(Command::Hangup { leg, headers }).await;
    }
}

/// Writes down the end of a call that came to no room.
async fn close(arrival: &Arrival, talk: Talk, end: &End, answered: Instant, shared: &Shared) {
    let over = Moment::now();
    let mut rest = talk.end();
    let summary = rest.figures(LEAVE).await;
    rest.over(LEAVE).await;
    let Some(call) = call_id(arrival) else { return };
    let ending = Ending {
        call: &call,
        reason: end.word(),
        status: end.status(),
        cause: Some(end.cause(None)),
        direction: Direction::Inbound,
        by: end.by(Direction::Inbound),
        began: arrival.at,
        answered: Some(answered),
        over,
        price: shared.guard.price_in(arrival.accepted.called.expose()),
    };
    ending.note(&shared.journal(), &summary);
}

/// What is under way may take this long to end.
const LEAVE: Duration = Duration::from_secs(2);
