//! A call out that outlives its process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tracing::Instrument as _;
use trunkline_base::id::{CallId, ParticipantIdentity, RoomName};
use trunkline_sip::endpoint::Transport;
use trunkline_sip::message::NameAddr;
use trunkline_sip::routing::HeaderOptions;
use trunkline_sip::sdp::{Codec, Encryption};
use trunkline_sip::uri::Uri;
use trunkline_store::Direction;

use super::super::super::desk::wall_clock;
use super::super::super::journal::{Keeper, KeptCall, then, when};
use super::super::super::media::MediaCommand;
use super::super::super::returning::{Returning, tell_going_on};
use super::super::super::signalling::now;
use super::super::company::Company;
use super::super::onward::Account;
use super::super::prepared::{Ends, Sound};
use super::super::record::millis;
use super::super::room::{Joined, rejoin};
use super::super::setup::Shared;
use super::super::talk::Talk;
use super::super::tell::STATUS;
use super::live::Outbound;
use super::place::{dialled, leg};
use super::plan::Plan;
use super::request::{From, Hop};
use super::route::Route;
use super::underway::{Asked, Stage, Underway};

impl Outbound {
    /// What is written down of it from its answer on.
    pub(super) fn keeper(&self) -> Option<Keeper> {
        let journal = self.shared.journal.clone()?;
        let plan = &self.plan;
        let mut attributes = self.room.snapshot().local.attributes.clone();
        attributes.insert(STATUS.to_owned(), "active".to_owned());
        let kept = KeptCall {
            direction: Direction::Outbound,
            room: plan.room.to_string(),
            identity: plan.identity.to_string(),
            name: plan.name.clone(),
            metadata: plan.metadata.clone(),
            attributes,
            room_config: None,
            attributes_to_headers: plan.attributes_to_headers.clone(),
            caller: plan.caller.clone(),
            called: plan.callee.clone(),
            trunk_id: plan.trunk_id.clone(),
            trunk_mark: plan.trunk_key.clone().unwrap_or_default(),
            rule_id: String::new(),
            source: self.route.at().flow.remote.ip(),
            began: when(self.placed),
            answered: when(now()),
            longest_ms: millis(plan.longest),
            media_timeout_ms: millis(plan.sound.timeout),
            dialog: None,
            account: None,
            sound: None,
        };
        Some(Keeper::new(journal, plan.call_id.clone(), kept))
    }
}

/// Goes on with a call of a process that was killed, or ends it in words.
pub(crate) async fn resume(returning: Returning, shared: Shared, underway: Underway) {
    let span = tracing::info_span!("call", call = %returning.call);
    async move {
        let parting = returning.parting(shared.journal.clone());
        match Box::pin(again(returning, shared, &underway)).await {
            Ok(call) => {
                tell_going_on();
                Box::pin(call.live()).await;
            }
            Err(why) => parting.part(why).await,
        }
    }
    .instrument(span)
    .await;
}

async fn again(
    returning: Returning,
    shared: Shared,
    underway: &Underway,
) -> Result<Outbound, &'static str> {
    let Returning { call, line, kept } = returning;
    let mut kept = *kept;
    let sound = kept.sound.take().ok_or(UNREADABLE)?;
    let plan = remembered(call, &kept, shared.config.opus_complexity).ok_or(UNREADABLE)?;
    let asked = underway.ask(plan.room.clone(), plan.identity.clone(), &plan.callee);
    let Asked::New(claim, _) = asked else {
        return Err("called_twice");
    };
    let ends = Ends {
        ours: sound.local.address().ip(),
        theirs: kept.source,
        transport: Transport::Udp,
    };
    let keeper = shared.journal.clone();
    let keeper = keeper.map(|journal| Keeper::new(journal, plan.call_id.clone(), kept.clone()));
    let talk = Talk::reopen(&shared, &ends, (keeper, sound), plan.sound.timeout).await?;
    let age = wall_clock().since(kept.began);
    talk.capture(shared.reels.reel(&plan.call_id, age));
    let joined = rejoin(shared.clone(), plan.token()).await;
    let Joined {
        room,
        events,
        track,
        setup,
    } = joined.map_err(|_| "room_unavailable")?;
    talk.tell(MediaCommand::Publish(track));
    shared.tell_of(&plan.room);
    let dialled = dialled(&plan, &room);
    claim.stage.send_replace(Stage::Answered(dialled.clone()));
    let mut company = Company::new(now(), plan.longest);
    company.look(&room.snapshot(), now());
    let mut leg = leg((line, talk), &plan, &shared, &room);
    let account = kept.account.as_ref();
    leg.adopt(account.and_then(|kept| Account::again(kept, shared.journal(), &shared.guard)));
    // It was let out before; from here on it counts beside the others.
    let (trunk, asked, sent) = plan.for_guard();
    let permit = shared.guard.go_on(&trunk, &asked, &sent);
    let route = Route::settled(&shared, SocketAddr::new(kept.source, SIP_PORT));
    Ok(Outbound {
        permit,
        setup: Some(setup),
        dialled,
        leg,
        route,
        room,
        room_events: events,
        company,
        placed: then(kept.began),
        answered: Some(then(kept.answered)),
        rang: true,
        agreed: true,
        automating: false,
        declined: None,
        unreached: None,
        shared,
        plan,
        claim,
    })
}

/// What is left of a plan once the call is up; `None` for what nobody wrote.
fn remembered(call_id: CallId, kept: &KeptCall, complexity: u8) -> Option<Plan> {
    let hop = Uri::sip(None, SocketAddr::new(kept.source, SIP_PORT));
    Some(Plan {
        call_id,
        room: RoomName::parse(kept.room.as_str()).ok()?,
        identity: ParticipantIdentity::parse(kept.identity.as_str()).ok()?,
        name: kept.name.clone(),
        metadata: kept.metadata.clone(),
        attributes: kept.attributes.clone(),
        trunk_id: kept.trunk_id.clone(),
        trunk_key: Some(kept.trunk_mark.clone()).filter(|key| !key.is_empty()),
        caller: kept.caller.clone(),
        callee: kept.called.clone(),
        target: Uri {
            user: Some(kept.called.clone()),
            ..hop.clone()
        },
        to: None,
        from: From::Given(NameAddr::new(hop.clone())),
        hop: Hop::new(&hop, Some(Transport::Udp), None),
        transport: Some(Transport::Udp),
        login: None,
        headers: Vec::new(),
        headers_to_attributes: BTreeMap::new(),
        attributes_to_headers: kept.attributes_to_headers.clone(),
        include_headers: HeaderOptions::None,
        sound: Sound {
            codecs: Codec::ALL.to_vec(),
            encryption: Encryption::default(),
            timeout: Duration::from_millis(kept.media_timeout_ms),
            complexity,
        },
        keys: String::new(),
        dialtone: false,
        ringing: Duration::ZERO,
        longest: Duration::from_millis(kept.longest_ms),
        waits: false,
    })
}

/// Where a peer listens as a rule.
const SIP_PORT: u16 = 5060;

const UNREADABLE: &str = "journal_unreadable";
