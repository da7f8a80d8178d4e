//! From an order to an INVITE: address, ports, room.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tracing::info;
use trunkline_base::class::Classified as _;
use trunkline_base::dialling::Denied;
use trunkline_base::secret::Personal;
use trunkline_client::room::Room;
use trunkline_sip::endpoint::{CallRequest, CommandError, Flow};
use trunkline_sip::message::NameAddr;
use trunkline_sip::uri::Uri;
use trunkline_store::{Direction, EndedBy};

use super::super::super::config::route;
use super::super::super::load::Setup;
use super::super::super::media::{MediaCommand, MediaSummary, NoPort};
use super::super::super::signalling::{Command, Line, NoLine, now};
use super::super::company::Company;
use super::super::guard::Permit;
use super::super::leg::Leg;
use super::super::onward::Onward;
use super::super::prepared::{Ends, Prepared};
use super::super::record::{Ending, Moment};
use super::super::room::{Joined, join};
use super::super::setup::Shared;
use super::super::talk::Talk;
use super::super::transfer::Transfers;
use super::live::Outbound;
use super::order::{DialError, Dialled};
use super::plan::Plan;
use super::request::From;
use super::route::{Route, Stop};
use super::underway::{Claim, Stage};

/// A call that may be placed.
pub(crate) struct Order {
    pub(crate) plan: Plan,
    pub(crate) claim: Claim,
    pub(crate) setup: Setup,
}

/// An order that came to nothing before an INVITE was out.
pub(super) struct Unplaced {
    shared: Shared,
    plan: Plan,
    claim: Claim,
    error: DialError,
    began: std::time::Instant,
}

impl Unplaced {
    pub(super) fn denied(order: Order, shared: Shared, denied: Denied) -> Self {
        Self {
            shared,
            plan: order.plan,
            claim: order.claim,
            error: denied.into(),
            began: now(),
        }
    }

    /// Tells whoever asked, and writes it down.
    pub(super) fn note(self) {
        let error = self.error;
        info!(%error, code = error.code(), "call not placed");
        let ending = Ending {
            call: &self.plan.call_id,
            reason: error.word(),
            status: None,
            cause: None,
            direction: Direction::Outbound,
            by: EndedBy::Gateway,
            began: self.began,
            answered: None,
            over: Moment::now(),
            price: None,
        };
        ending.note(&self.shared.journal(), &MediaSummary::default());
        self.claim.stage.send_replace(Stage::Failed(error));
    }
}

/// Joins the room and sends the INVITE.
pub(super) async fn place(
    order: Order,
    permit: Permit,
    shared: Shared,
) -> Result<Outbound, Box<Unplaced>> {
    let Order {
        plan,
        claim,
        mut setup,
    } = order;
    let began = now();
    let placed = async {
        let mut route = Route::find(&plan, &shared).await?;
        let mut prepared = prepare(&plan, &shared, route.at()).await?;
        setup.stands();
        let joined = enter(&plan, &claim, &shared, setup).await?;
        let line = invite(&shared, &plan, &mut route, |ends| prepared.offer(ends)).await;
        let talk = Talk::begin(prepared);
        talk.capture(shared.reels.reel(&plan.call_id, Duration::ZERO));
        talk.tell(MediaCommand::Publish(joined.track.clone()));
        match line {
            Ok(line) => Ok((route, talk, joined, line)),
            Err(error) => {
                joined.room.leave().await;
                Err(error)
            }
        }
    };
    let (route, talk, joined, line) = match Box::pin(placed).await {
        Ok(placed) => placed,
        Err(error) => {
            return Err(Box::new(Unplaced {
                shared,
                plan,
                claim,
                error,
                began,
            }));
        }
    };
    let Joined {
        room,
        events,
        setup,
        ..
    } = joined;
    let dialled = dialled(&plan, &room);
    claim.stage.send_replace(Stage::Joined(dialled.clone()));
    let placed = now();
    let mut company = Company::new(placed, plan.longest);
    company.look(&room.snapshot(), placed);
    let leg = leg((line, talk), &plan, &shared, &room);
    Ok(Outbound {
        permit,
        setup: Some(setup),
        dialled,
        leg,
        route,
        room,
        room_events: events,
        company,
        placed,
        answered: None,
        rang: false,
        agreed: false,
        automating: false,
        declined: None,
        unreached: None,
        shared,
        plan,
        claim,
    })
}

/// The call, as whoever asked for it is told.
pub(super) fn dialled(plan: &Plan, room: &Room) -> Dialled {
    Dialled {
        call_id: plan.call_id.clone(),
        room: plan.room.clone(),
        identity: plan.identity.clone(),
        participant: room.snapshot().local.sid.clone(),
    }
}

/// The phone of the call, in its room.
pub(super) fn leg((line, talk): (Line, Talk), plan: &Plan, shared: &Shared, room: &Room) -> Leg {
    let (place, identity) = (plan.room.clone(), plan.identity.clone());
    let transfers = Transfers::of(shared, place, identity);
    let onward = Onward::new(plan.origin(), shared.passing.clone());
    let mut leg = Leg::new(line, (talk, plan.sound.clone()), transfers, onward);
    leg.enter(room);
    leg
}

/// The ends of sound with whoever is there.
const fn ends(stop: &Stop) -> Ends {
    Ends {
        ours: stop.flow.local.ip(),
        theirs: stop.flow.remote.ip(),
        transport: stop.flow.transport,
    }
}

/// The sound that is offered.
pub(super) async fn prepare(
    plan: &Plan,
    shared: &Shared,
    stop: &Stop,
) -> Result<Prepared, DialError> {
    let opened = Prepared::open(shared.sockets(), &ends(stop), &plan.sound).await;
    opened.map_err(|NoPort| DialError::Full)
}

/// Joins the room, unless nobody wants the call any more.
async fn enter(
    plan: &Plan,
    claim: &Claim,
    shared: &Shared,
    setup: Setup,
) -> Result<Joined, DialError> {
    tokio::select! {
        biased;
        () = shared.ending() => Err(DialError::Withdrawn("drained")),
        () = claim.stage.closed(), if plan.waits => Err(DialError::Withdrawn("not_wanted")),
        joined = join(shared.clone(), plan.token(), setup) => {
            joined.map_err(|error| DialError::Room(Arc::new(error)))
        }
    }
}

fn request(plan: &Plan, flow: Flow, sdp: Bytes) -> CallRequest {
    CallRequest {
        target: plan.target.clone(),
        to: plan.to.clone(),
        from: from(&plan.from, flow),
        tag: Some(plan.call_id.to_string()),
        flow,
        routes: plan.hop.proxy.iter().map(route).collect(),
        sdp,
        login: plan.login.clone(),
        headers: plan.headers.clone(),
    }
}

fn from(from: &From, flow: Flow) -> NameAddr {
    match from {
        From::Given(from) => from.clone(),
        From::Number { user, host, name } => {
            let mut uri = Uri::sip(Some(user), flow.local);
            if let Some(host) = host {
                // A domain stands for a provider, not for a port of ours.
                uri.port = host.port;
                uri.host.clone_from(&host.name);
            }
            let mut from = NameAddr::new(uri);
            from.name = name.clone().map(Personal::new);
            from
        }
    }
}

/// Sends the INVITE to where the call is, and to the next place where none may go out to this one.
/// `offer` makes the description for whoever is there.
pub(super) async fn invite(
    shared: &Shared,
    plan: &Plan,
    route: &mut Route,
    mut offer: impl FnMut(&Ends) -> Bytes,
) -> Result<Line, DialError> {
    loop {
        let stop = route.at().clone();
        let sdp = offer(&ends(&stop));
        let sent = send(shared, request(plan, stop.flow, sdp), stop.domain()).await;
        match sent {
            Ok(line) => {
                route.sent();
                return Ok(line);
            }
            Err(DialError::Unreached(why)) => {
                route.failed(None);
                info!(%why, "the call cannot go there");
                if route.next().is_none() {
                    return Err(why.into());
                }
            }
            Err(error) => return Err(error),
        }
    }
}

async fn send(
    shared: &Shared,
    request: CallRequest,
    domain: Option<String>,
) -> Result<Line, DialError> {
    let (line, placed) = oneshot::channel();
    let command = Command::Call {
        request: Box::new(request),
        domain,
        line,
    };
    let gone = DialError::Withdrawn("drained");
    if shared.commands.send(command).await.is_err() {
        return Err(gone);
    }
    match placed.await {
        Ok(Ok(line)) => Ok(line),
        Ok(Err(NoLine::Way(why))) => Err(why.into()),
        Ok(Err(NoLine::Command(CommandError::Full))) => Err(DialError::Full),
        Ok(Err(NoLine::Command(_))) | Err(_) => Err(gone),
    }
}
