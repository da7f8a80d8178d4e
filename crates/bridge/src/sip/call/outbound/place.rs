//! From an order to an INVITE: address, ports, room.

use std::net::SocketAddr;

use tokio::sync::oneshot;
use tracing::info;
use trunkline_base::class::Classified as _;
use trunkline_base::dialling::Denied;
use trunkline_base::secret::Personal;
use trunkline_sip::endpoint::{CallRequest, CommandError, Flow, Transport};
use trunkline_sip::message::NameAddr;
use trunkline_sip::uri::Uri;
use trunkline_store::{Direction, EndedBy};

use super::super::super::media::{MediaCommand, MediaSummary, NoPort};
use super::super::super::signalling::{Advertised, Command, Line, now};
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
use super::address;
use super::live::Outbound;
use super::order::{DialError, Dialled};
use super::plan::Plan;
use super::request::From;
use super::underway::{Claim, Stage};

/// A call that may be placed.
pub(crate) struct Order {
    pub(crate) plan: Plan,
    pub(crate) claim: Claim,
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
            reason: word(&error),
            status: None,
            cause: None,
            direction: Direction::Outbound,
            by: EndedBy::Gateway,
            began: self.began,
            answered: None,
            over: Moment::now(),
        };
        ending.note(&self.shared.journal(), &MediaSummary::default());
        self.claim.stage.send_replace(Stage::Failed(error));
    }
}

const fn word(error: &DialError) -> &'static str {
    match error {
        DialError::Denied(denied) => denied.word(),
        DialError::Host { .. } => "host_unknown",
        DialError::Full => "no_room",
        DialError::Room(_) => "room_unavailable",
        DialError::Withdrawn(why) => why,
        _ => "not_placed",
    }
}

/// Joins the room and sends the INVITE.
pub(super) async fn place(
    order: Order,
    permit: Permit,
    shared: Shared,
) -> Result<Outbound, Box<Unplaced>> {
    let Order { plan, claim } = order;
    let began = now();
    let placed = async {
        let flow = way(&plan, &shared).await?;
        let mut prepared = prepare(&plan, &shared, flow).await?;
        let joined = enter(&plan, &claim, &shared).await?;
        let request = request(&plan, flow, &mut prepared);
        let talk = Talk::begin(prepared);
        talk.tell(MediaCommand::Publish(joined.track.clone()));
        match invite(&shared, request).await {
            Ok(line) => Ok((talk, joined, line, flow.remote.ip())),
            Err(error) => {
                joined.room.leave().await;
                Err(error)
            }
        }
    };
    let (talk, joined, line, source) = match Box::pin(placed).await {
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
    let Joined { room, events, .. } = joined;
    let dialled = Dialled {
        call_id: plan.call_id.clone(),
        room: plan.room.clone(),
        identity: plan.identity.clone(),
        participant: room.snapshot().local.sid.clone(),
    };
    claim.stage.send_replace(Stage::Joined(dialled.clone()));
    let placed = now();
    let mut company = Company::new(placed, plan.longest);
    company.look(&room.snapshot(), placed);
    let origin = plan.origin();
    let (place, identity) = (plan.room.clone(), plan.identity.clone());
    let transfers = Transfers::of(&shared.exchange, place, identity);
    let onward = Onward::new(origin, shared.passing.clone());
    let mut leg = Leg::new(line, (talk, plan.sound.clone()), transfers, onward);
    leg.enter(&room);
    Ok(Outbound {
        permit,
        dialled,
        leg,
        room,
        room_events: events,
        company,
        source,
        placed,
        answered: None,
        rang: false,
        agreed: false,
        automating: false,
        declined: None,
        shared,
        plan,
        claim,
    })
}

/// The way to the trunk's host.
pub(super) async fn way(plan: &Plan, shared: &Shared) -> Result<Flow, DialError> {
    let bound: SocketAddr = match plan.transport {
        Transport::Udp => shared.bound.udp,
        _ => shared.bound.tcp.unwrap_or(shared.bound.udp),
    };
    let remote = address::find(&plan.hop, bound).await?;
    let (public, inside) = (
        shared.config.public_ip,
        shared.config.local_networks.clone(),
    );
    let mut advertised = Advertised::new(bound, public, inside);
    let local = advertised.towards(remote);
    Ok(Flow {
        transport: plan.transport,
        local,
        remote,
    })
}

/// The sound that is offered.
pub(super) async fn prepare(
    plan: &Plan,
    shared: &Shared,
    flow: Flow,
) -> Result<Prepared, DialError> {
    let ends = Ends {
        ours: flow.local.ip(),
        theirs: flow.remote.ip(),
        transport: flow.transport,
    };
    let opened = Prepared::open(shared.sockets(), &ends, &plan.sound).await;
    opened.map_err(|NoPort| DialError::Full)
}

/// Joins the room, unless nobody wants the call any more.
async fn enter(plan: &Plan, claim: &Claim, shared: &Shared) -> Result<Joined, DialError> {
    tokio::select! {
        biased;
        () = shared.ending() => Err(DialError::Withdrawn("drained")),
        () = claim.stage.closed(), if plan.waits => Err(DialError::Withdrawn("not_wanted")),
        joined = join(shared.clone(), plan.token()) => {
            joined.map_err(|error| DialError::Room(error.to_string()))
        }
    }
}

pub(super) fn request(plan: &Plan, flow: Flow, prepared: &mut Prepared) -> CallRequest {
    let offer = prepared.negotiation.respond(b"");
    let sdp = offer.map_or_else(|_| bytes::Bytes::new(), |proposal| proposal.sdp);
    CallRequest {
        target: plan.target.clone(),
        to: plan.to.clone(),
        from: from(&plan.from, flow),
        tag: Some(plan.call_id.to_string()),
        flow,
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

pub(super) async fn invite(shared: &Shared, request: CallRequest) -> Result<Line, DialError> {
    let (line, placed) = oneshot::channel();
    let command = Command::Call {
        request: Box::new(request),
        line,
    };
    let gone = DialError::Withdrawn("drained");
    if shared.commands.send(command).await.is_err() {
        return Err(gone);
    }
    match placed.await {
        Ok(Ok(line)) => Ok(line),
        Ok(Err(CommandError::Full)) => Err(DialError::Full),
        Ok(Err(_)) | Err(_) => Err(gone),
    }
}
