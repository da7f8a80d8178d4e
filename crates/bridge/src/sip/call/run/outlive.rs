//! A call in that outlives its process.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::Instrument as _;
use trunkline_base::id::{CallId, ParticipantIdentity, RoomName, RuleId, TrunkId};
use trunkline_base::secret::Personal;
use trunkline_client::room::Room;
use trunkline_sip::endpoint::Transport;
use trunkline_sip::routing::{Accepted, DispatchRule, InboundTrunk, RuleKind};
use trunkline_store::Direction;

use super::super::super::desk::wall_clock;
use super::super::super::journal::{Keeper, KeptCall, then};
use super::super::super::returning::{Returning, tell_going_on};
use super::super::super::signalling::now;
use super::super::company::Company;
use super::super::leg::Leg;
use super::super::onward::{Account, Onward};
use super::super::prepared::{Ends, Sound};
use super::super::record::millis;
use super::super::room::{rejoin, spec};
use super::super::setup::{Plan, Shared};
use super::super::talk::Talk;
use super::super::tell::STATUS;
use super::super::transfer::Transfers;
use super::{Call, Joining};

impl Call {
    /// What is written down of it from its answer on.
    pub(super) fn keeper(&self) -> Option<Keeper> {
        let journal = self.shared.journal.clone()?;
        let (plan, accepted) = (&self.plan, &self.accepted);
        let room = self.room.as_ref().map(Room::snapshot);
        let mut attributes = room.map_or_else(BTreeMap::new, |room| room.local.attributes.clone());
        attributes.insert(STATUS.to_owned(), "active".to_owned());
        let kept = KeptCall {
            direction: Direction::Inbound,
            room: plan.room.to_string(),
            identity: plan.name.identity().to_string(),
            name: accepted.name.expose().clone(),
            metadata: accepted.metadata.clone(),
            attributes,
            room_config: accepted.rule.room_config.clone(),
            attributes_to_headers: accepted.trunk.attributes_to_headers.clone(),
            caller: self.caller.expose().clone(),
            called: accepted.called.expose().clone(),
            trunk_id: accepted.trunk.id.to_string(),
            trunk_mark: accepted.trunk.metadata.clone(),
            rule_id: accepted.rule.id.to_string(),
            source: self.source,
            began: self.started,
            answered: wall_clock(),
            longest_ms: millis(plan.longest),
            media_timeout_ms: millis(plan.media_timeout),
            dialog: None,
            account: None,
            sound: None,
        };
        Some(Keeper::new(journal, plan.call_id.clone(), kept))
    }

    /// Goes on with a call of a process that was killed, or ends it in words.
    pub(crate) async fn resume(returning: Returning, shared: Shared) {
        let span = tracing::info_span!("call", call = %returning.call);
        async move {
            let parting = returning.parting(shared.journal.clone());
            match Box::pin(Self::again(returning, shared)).await {
                Ok(call) => {
                    tell_going_on();
                    Box::pin(call.live_on()).await;
                }
                Err(why) => parting.part(why).await,
            }
        }
        .instrument(span)
        .await;
    }

    async fn again(returning: Returning, shared: Shared) -> Result<Self, &'static str> {
        let Returning { call, line, kept } = returning;
        let mut kept = *kept;
        let sound = kept.sound.take().ok_or("journal_incomplete")?;
        let remembered = remembered(call, &kept, &shared);
        let (plan, accepted) = remembered.ok_or("journal_unreadable")?;
        let ends = Ends {
            ours: sound.local.address().ip(),
            theirs: kept.source,
            transport: Transport::Udp,
        };
        let heard = Sound {
            codecs: shared.config.codecs.clone(),
            encryption: shared.config.encryption,
            timeout: plan.media_timeout,
            complexity: shared.config.opus_complexity,
        };
        let keeper = shared.journal.clone();
        let keeper = keeper.map(|journal| Keeper::new(journal, plan.call_id.clone(), kept.clone()));
        let talk = Talk::reopen(&shared, &ends, (keeper, sound), plan.media_timeout).await?;
        let age = wall_clock().since(kept.began);
        talk.capture(shared.reels.reel(&plan.call_id, age));
        let origin = plan.origin(&accepted);
        let (room, identity) = (plan.room.clone(), origin.identity.clone());
        let transfers = Transfers::of(&shared, room, identity);
        let onward = Onward::new(origin, shared.passing.clone());
        let company = Company::new(now(), shared.config.agent_wait);
        let mut leg = Leg::new(line, (talk, heard), transfers, onward);
        let account = kept.account.as_ref();
        leg.adopt(account.and_then(|kept| Account::again(kept, shared.journal(), &shared.guard)));
        Ok(Self {
            leg,
            accepted: Box::new(accepted),
            caller: Personal::new(kept.caller),
            seeking: JoinSet::new(),
            company,
            source: kept.source,
            room: None,
            room_events: None,
            arrived: then(kept.began),
            started: kept.began,
            answered: Some(then(kept.answered)),
            confirmed: true,
            proposal: None,
            setup: None,
            shared,
            plan,
        })
    }

    async fn live_on(mut self) {
        let spec = spec(&self.plan, &self.accepted);
        let joining: Joining = Box::pin(rejoin(self.shared.clone(), spec));
        let end = self.until_end(joining).await;
        self.close(end).await;
    }
}

/// Names, limits and routing as they were; `None` for what nobody wrote.
fn remembered(call_id: CallId, kept: &KeptCall, shared: &Shared) -> Option<(Plan, Accepted)> {
    let room = RoomName::parse(kept.room.as_str()).ok()?;
    let identity = ParticipantIdentity::parse(kept.identity.as_str()).ok()?;
    let mut trunk = InboundTrunk::new(TrunkId::parse(kept.trunk_id.as_str()).ok()?);
    trunk
        .attributes_to_headers
        .clone_from(&kept.attributes_to_headers);
    trunk.metadata.clone_from(&kept.trunk_mark);
    let kind = RuleKind::Direct {
        room_name: kept.room.clone(),
        pin: String::new(),
    };
    let mut rule = DispatchRule::new(RuleId::parse(kept.rule_id.as_str()).ok()?, kind);
    rule.room_config.clone_from(&kept.room_config);
    let accepted = Accepted {
        trunk,
        rule,
        room: kept.room.clone(),
        identity: kept.identity.clone(),
        name: Personal::new(kept.name.clone()),
        metadata: kept.metadata.clone(),
        attributes: BTreeMap::new(),
        called: Personal::new(kept.called.clone()),
    };
    let name = shared.names.take(&room, identity, &mut rand::rng());
    let plan = Plan {
        call_id,
        room,
        name,
        attributes: kept.attributes.clone(),
        ringing: Duration::ZERO,
        longest: Duration::from_millis(kept.longest_ms),
        media_timeout: Duration::from_millis(kept.media_timeout_ms),
    };
    Some((plan, accepted))
}
