//! What a participant may do.

use livekit_protocol as proto;
use trunkline_base::token::VideoGrant;

use super::sources::Sources;

/// The rights of one session: from the token at join, replaced whole by UpdateParticipant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Permission {
    pub(crate) subscribe: bool,
    pub(crate) publish: bool,
    pub(crate) publish_data: bool,
    pub(crate) sources: Sources,
    pub(crate) hidden: bool,
    pub(crate) recorder: bool,
    pub(crate) agent: bool,
    pub(crate) update_metadata: bool,
    pub(crate) subscribe_metrics: bool,
    pub(crate) manage_agent_session: bool,
}

impl Permission {
    pub(crate) fn from_grant(grant: &VideoGrant) -> Self {
        Self {
            subscribe: grant.may_subscribe(),
            publish: grant.may_publish(),
            publish_data: grant.may_publish_data(),
            sources: Sources::from_words(&grant.can_publish_sources),
            hidden: grant.hidden,
            recorder: grant.recorder,
            agent: grant.agent,
            update_metadata: grant.may_update_own_metadata(),
            subscribe_metrics: grant.can_subscribe_metrics.unwrap_or(false),
            manage_agent_session: grant.can_manage_agent_session.unwrap_or(false),
        }
    }

    /// The rights after UpdateParticipant. What a participant is (recorder, agent) stays.
    #[must_use]
    pub(crate) fn replaced_by(&self, wire: &proto::ParticipantPermission) -> Self {
        Self {
            subscribe: wire.can_subscribe,
            publish: wire.can_publish,
            publish_data: wire.can_publish_data,
            sources: Sources::from_wire(&wire.can_publish_sources),
            hidden: wire.hidden,
            recorder: self.recorder,
            agent: self.agent,
            update_metadata: wire.can_update_metadata,
            subscribe_metrics: wire.can_subscribe_metrics,
            manage_agent_session: wire.can_manage_agent_session,
        }
    }

    #[expect(deprecated, reason = "older clients read the deprecated fields")]
    pub(crate) fn to_wire(&self) -> proto::ParticipantPermission {
        proto::ParticipantPermission {
            can_subscribe: self.subscribe,
            can_publish: self.publish,
            can_publish_data: self.publish_data,
            can_publish_sources: self.sources.to_wire(),
            hidden: self.hidden,
            recorder: self.recorder,
            can_update_metadata: self.update_metadata,
            agent: self.agent,
            can_subscribe_metrics: self.subscribe_metrics,
            can_manage_agent_session: self.manage_agent_session,
        }
    }

    /// Writes these rights into a grant, for a refreshed token.
    pub(crate) fn write_to(&self, grant: &mut VideoGrant) {
        grant.can_subscribe = Some(self.subscribe);
        grant.can_publish = Some(self.publish);
        grant.can_publish_data = Some(self.publish_data);
        grant.can_publish_sources = self.sources.words();
        grant.hidden = self.hidden;
        grant.can_update_own_metadata = Some(self.update_metadata);
        grant.can_subscribe_metrics = self.subscribe_metrics.then_some(true);
        grant.can_manage_agent_session = self.manage_agent_session.then_some(true);
    }
}

#[cfg(test)]
mod tests {
    use proto::TrackSource;

    use super::*;

    #[test]
    fn absent_rights_take_livekits_defaults() {
        let permission = Permission::from_grant(&VideoGrant::join("r"));
        assert!(permission.subscribe && permission.publish && permission.publish_data);
        assert!(!permission.update_metadata && !permission.hidden);
        assert_eq!(permission.sources, Sources::Any);
    }

    #[test]
    fn listed_sources_exclude_the_others() {
        let grant = VideoGrant {
            can_publish_sources: vec!["mic".to_owned(), "microphone".to_owned()],
            ..VideoGrant::join("r")
        };
        let told = Permission::from_grant(&grant).to_wire();
        let sources: Vec<_> = told.can_publish_sources().collect();
        assert_eq!(sources, [TrackSource::Unknown, TrackSource::Microphone]);
    }

    #[test]
    fn a_refreshed_grant_gives_the_same_rights_again() {
        let grant = VideoGrant {
            can_publish: Some(false),
            can_publish_sources: vec!["camera".to_owned(), "mic".to_owned()],
            can_update_own_metadata: Some(true),
            hidden: true,
            ..VideoGrant::join("r")
        };
        let permission = Permission::from_grant(&grant);
        let mut refreshed = grant;
        permission.write_to(&mut refreshed);
        assert_eq!(Permission::from_grant(&refreshed), permission);
    }

    #[test]
    fn an_update_does_not_change_what_a_participant_is() {
        let grant = VideoGrant {
            agent: true,
            ..VideoGrant::join("r")
        };
        let before = Permission::from_grant(&grant);
        let after = before.replaced_by(&proto::ParticipantPermission::default());
        assert!(after.agent && !after.publish && !after.subscribe);
    }
}
