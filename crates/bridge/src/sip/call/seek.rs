//! Asking for an agent again, while a caller waits for one.
//!
//! The token of the first who joins a room brings its agents. That is not enough: a server that
//! finds no worker free says so and forgets the wish, and a room that is older than this call has
//! had its agents. So a room without an agent is looked at after a second, and again after growing
//! waits; a wish that brings nobody is taken back and made anew, so that it brings one agent at the
//! most.

use std::time::Duration;

use livekit_protocol as proto;
use tracing::{debug, info};
use trunkline_base::id::{DispatchId, RoomName};
use trunkline_client::api::{ApiError, LiveKitApiClient};
use trunkline_client::room::Room;
use trunkline_sip::routing::Accepted;

use super::company::has_agent;

/// What the agents of a room are asked with.
pub(super) struct Seek {
    pub(super) api: LiveKitApiClient,
    pub(super) name: RoomName,
    pub(super) room: Room,
    /// Those the rule names.
    pub(super) wanted: Vec<proto::RoomAgentDispatch>,
}

impl Seek {
    /// Asks until an agent is there. Cancelled with the call.
    pub(super) async fn run(self) {
        let mut waited = Duration::ZERO;
        let mut wait = FIRST_LOOK;
        loop {
            tokio::time::sleep(wait).await;
            waited += wait;
            if has_agent(&self.room.snapshot()) {
                return;
            }
            if let Err(error) = self.ask(waited).await {
                debug!(%error, "no agent can be asked for");
            }
            wait = (wait * 2).clamp(SECOND_LOOK, LONGEST);
        }
    }

    async fn ask(&self, waited: Duration) -> Result<(), ApiError> {
        let (people, dispatches) = tokio::try_join!(
            self.api.list_participants(&self.name),
            self.api.list_dispatch(&self.name, None),
        )?;
        let identity = self.room.local_identity();
        let ourselves = people.iter().find(|one| one.identity == identity.as_str());
        let sight = Sight {
            joined_ms: ourselves.map_or(i64::MAX, |one| one.joined_at_ms),
            waited,
            people: &people,
        };
        for Renewal { stale, wish } in sight.renewals(&self.wanted, &dispatches) {
            info!("asking for an agent again");
            for id in stale {
                // One that is gone already brings nobody either.
                let _ = self.api.delete_dispatch(&self.name, &id).await;
            }
            let request = proto::CreateAgentDispatchRequest {
                room: self.name.to_string(),
                agent_name: wish.agent_name,
                metadata: wish.metadata,
                restart_policy: wish.restart_policy,
                deployment: wish.deployment,
                attributes: wish.attributes,
            };
            self.api.create_dispatch(request).await?;
        }
        Ok(())
    }
}

/// The agents a rule names for its rooms.
pub(super) fn wanted(accepted: &Accepted) -> Vec<proto::RoomAgentDispatch> {
    let config = accepted.rule.room_config.clone();
    let config = config.and_then(|config| serde_json::from_value(config).ok());
    config.map_or_else(Vec::new, |config: proto::RoomConfiguration| config.agents)
}

/// A wish to make anew, in place of those that brought nobody.
#[derive(Debug, PartialEq)]
struct Renewal {
    stale: Vec<DispatchId>,
    wish: proto::RoomAgentDispatch,
}

/// A room without an agent, by its server's clock.
struct Sight<'a> {
    joined_ms: i64,
    /// For how long this call has been without one.
    waited: Duration,
    people: &'a [proto::ParticipantInfo],
}

impl Sight<'_> {
    fn renewals(
        &self,
        wanted: &[proto::RoomAgentDispatch],
        dispatches: &[proto::AgentDispatch],
    ) -> Vec<Renewal> {
        let mut wishes = wanted.to_vec();
        if wishes.is_empty() {
            wishes.extend(dispatches.iter().map(wish));
            wishes.dedup_by(|a, b| a.agent_name == b.agent_name);
        }
        if wishes.is_empty() {
            wishes.push(proto::RoomAgentDispatch::default());
        }
        let renewed = wishes.into_iter().filter_map(|wish| {
            let same = |one: &&proto::AgentDispatch| one.agent_name == wish.agent_name;
            let its: Vec<_> = dispatches.iter().filter(same).collect();
            let promising = its.iter().any(|one| self.may_still_bring(one));
            let stale = its
                .iter()
                .filter_map(|one| DispatchId::parse(one.id.as_str()).ok());
            let stale = stale.collect();
            (!promising).then_some(Renewal { stale, wish })
        });
        renewed.collect()
    }

    /// Whether an agent of this dispatch is here, or on its way.
    fn may_still_bring(&self, dispatch: &proto::AgentDispatch) -> bool {
        let Some(state) = &dispatch.state else {
            return false;
        };
        let mut open = state.jobs.iter().filter_map(|job| job.state.as_ref());
        // Servers list a job as running long after it has ended.
        let on_its_way = open.any(|job| {
            let here = |one: &proto::ParticipantInfo| one.identity == job.participant_identity;
            let young = self.is_of_this_call(job.started_at) && self.waited < PATIENCE;
            job.ended_at == 0 && (young || self.people.iter().any(here))
        });
        let asked = state.jobs.is_empty() && self.is_of_this_call(state.created_at);
        on_its_way || (asked && self.waited < SECOND_LOOK)
    }

    fn is_of_this_call(&self, nanos: i64) -> bool {
        nanos / 1_000_000 + SAME_MOMENT_MS >= self.joined_ms
    }
}

fn wish(dispatch: &proto::AgentDispatch) -> proto::RoomAgentDispatch {
    proto::RoomAgentDispatch {
        agent_name: dispatch.agent_name.clone(),
        metadata: dispatch.metadata.clone(),
        restart_policy: dispatch.restart_policy,
        deployment: dispatch.deployment.clone(),
        attributes: dispatch.attributes.clone(),
    }
}

/// Nearly every agent is there by then, and nothing is asked.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// A worker may take this long to say that it takes a job.
const SECOND_LOOK: Duration = Duration::from_secs(3);
const LONGEST: Duration = Duration::from_secs(5);
/// An agent that took a job joins within this, its process started anew.
const PATIENCE: Duration = Duration::from_secs(10);
/// A room that this call has made is made a moment before the call joins it.
const SAME_MOMENT_MS: i64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    const JOINED_MS: i64 = 1_800_000_000_000;

    fn dispatch(id: &str, created_ms: i64, jobs: &[(i64, i64)]) -> proto::AgentDispatch {
        let jobs = jobs.iter().map(|(started_ms, ended_ms)| proto::Job {
            state: Some(proto::JobState {
                started_at: started_ms * 1_000_000,
                ended_at: ended_ms * 1_000_000,
                participant_identity: "agent-1".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        });
        proto::AgentDispatch {
            id: id.to_owned(),
            agent_name: "bot".to_owned(),
            metadata: "m".to_owned(),
            state: Some(proto::AgentDispatchState {
                created_at: created_ms * 1_000_000,
                jobs: jobs.collect(),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    fn renewed(after_secs: u64, dispatches: &[proto::AgentDispatch]) -> Vec<Renewal> {
        let sight = Sight {
            joined_ms: JOINED_MS,
            waited: Duration::from_secs(after_secs),
            people: &[],
        };
        sight.renewals(&[], dispatches)
    }

    #[test]
    fn a_room_of_this_call_is_given_time_and_then_asked_for_again() {
        let fresh = [dispatch("AD_1", JOINED_MS - 20, &[])];
        assert!(renewed(1, &fresh).is_empty());
        let renewed = renewed(4, &fresh);
        assert_eq!(renewed.len(), 1);
        assert_eq!(renewed[0].stale[0].as_str(), "AD_1");
        assert_eq!(renewed[0].wish.metadata, "m");
    }

    #[test]
    fn a_room_whose_agent_has_gone_is_asked_for_at_once() {
        let old = JOINED_MS - 15_000;
        let ended = [dispatch("AD_1", old, &[(old, old + 9_000)])];
        assert_eq!(renewed(1, &ended).len(), 1);
        let still_listed = [dispatch("AD_1", old, &[(old, 0)])];
        assert_eq!(renewed(1, &still_listed).len(), 1);
    }

    #[test]
    fn an_agent_on_its_way_is_waited_for() {
        let coming = [dispatch("AD_1", JOINED_MS, &[(JOINED_MS + 200, 0)])];
        assert!(renewed(4, &coming).is_empty());
        assert_eq!(renewed(11, &coming).len(), 1);
    }

    #[test]
    fn an_agent_that_is_there_is_not_asked_for_again() {
        let people = [proto::ParticipantInfo {
            identity: "agent-1".to_owned(),
            ..Default::default()
        }];
        let sight = Sight {
            joined_ms: JOINED_MS,
            waited: Duration::from_secs(30),
            people: &people,
        };
        let there = [dispatch("AD_1", 0, &[(0, 0)])];
        assert!(sight.renewals(&[], &there).is_empty());
    }

    #[test]
    fn a_room_without_any_dispatch_gets_the_rules() {
        let named = proto::RoomAgentDispatch {
            agent_name: "bot".to_owned(),
            ..Default::default()
        };
        let sight = Sight {
            joined_ms: JOINED_MS,
            waited: Duration::from_secs(1),
            people: &[],
        };
        let renewals = sight.renewals(&[named], &[]);
        assert_eq!(renewals[0].wish.agent_name, "bot");
        assert!(renewals[0].stale.is_empty());
        assert_eq!(sight.renewals(&[], &[])[0].wish.agent_name, "");
    }
}
