//! Who else is in a call's room: a caller is not left with nobody to talk to.

use std::time::{Duration, Instant};

use trunkline_client::room::{ConnectionState, ParticipantKind, RoomSnapshot};

/// Whether the caller has company, and since when not.
#[derive(Debug)]
pub(super) struct Company {
    alone: Option<Instant>,
    /// How long the first to come may take.
    wait: Duration,
    /// Somebody was there.
    ever: bool,
    agent: bool,
    /// An agent was there.
    served: bool,
}

impl Company {
    /// Alone since `now`.
    pub(super) const fn new(now: Instant, wait: Duration) -> Self {
        Self {
            alone: Some(now),
            wait,
            ever: false,
            agent: false,
            served: false,
        }
    }

    /// The room as it is now. While the connection is away nothing is known, and nothing changes.
    pub(super) fn look(&mut self, room: &RoomSnapshot, now: Instant) {
        if room.connection != ConnectionState::Connected {
            return;
        }
        let somebody = |kind: ParticipantKind| {
            !matches!(kind, ParticipantKind::Egress | ParticipantKind::Ingress)
        };
        let others = || room.participants.values().map(|other| other.kind);
        self.agent = has_agent(room);
        self.served |= self.agent;
        if others().any(somebody) {
            self.ever = true;
            self.alone = None;
        } else {
            self.alone.get_or_insert(now);
        }
    }

    /// Whoever is alone is so from now on: until now it was on its way to somebody.
    pub(super) const fn wait_anew(&mut self, now: Instant) {
        if let Some(alone) = &mut self.alone {
            *alone = now;
        }
    }

    /// Whether an agent is there.
    pub(super) const fn has_agent(&self) -> bool {
        self.agent
    }

    /// Whether one should be asked for: nobody is there, or only people are where an agent is
    /// `expected` and has never been.
    pub(super) const fn lacks_agent(&self, expected: bool) -> bool {
        !self.agent && (self.alone.is_some() || (expected && !self.served))
    }

    /// When the caller has been alone for too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let wait = if self.ever { LEFT } else { self.wait };
        self.alone.map(|since| since + wait)
    }

    /// When somebody whom we called has been left by the agent for too long. Before one came, and
    /// among people, nothing says how long they may wait for each other.
    pub(super) fn left_by_agent(&self) -> Option<Instant> {
        self.alone.filter(|_| self.served).map(|since| since + LEFT)
    }

    /// What has become of the company, for store, log and metrics.
    pub(super) const fn lack(&self) -> &'static str {
        if self.ever { "agent_lost" } else { "no_agent" }
    }
}

/// Whether an agent is in the room.
pub(super) fn has_agent(room: &RoomSnapshot) -> bool {
    let mut others = room.participants.values();
    others.any(|other| other.kind == ParticipantKind::Agent)
}

/// How long a caller whose agent has gone is kept: another one joins within two or three seconds.
const LEFT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use trunkline_base::id::{ParticipantIdentity, ParticipantSid, RoomName};
    use trunkline_client::room::{ParticipantInfo, Permission};

    use super::*;

    fn participant(kind: ParticipantKind) -> ParticipantInfo {
        ParticipantInfo {
            sid: ParticipantSid::parse("PA_1").unwrap(),
            identity: ParticipantIdentity::parse(format!("{kind:?}")).unwrap(),
            name: String::new(),
            kind,
            attributes: BTreeMap::new(),
            metadata: String::new(),
            tracks: Vec::new(),
            permission: Permission::default(),
        }
    }

    fn room(others: &[ParticipantKind]) -> RoomSnapshot {
        let others = others.iter().map(|kind| participant(*kind));
        RoomSnapshot {
            name: RoomName::parse("r").unwrap(),
            sid: None,
            metadata: String::new(),
            recording: false,
            connection: ConnectionState::Connected,
            local: participant(ParticipantKind::Sip),
            participants: others.map(|one| (one.identity.clone(), one)).collect(),
        }
    }

    #[test]
    fn a_caller_waits_for_the_first_and_less_for_the_next() {
        let (start, wait) = (Instant::now(), Duration::from_secs(20));
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut company = Company::new(start, wait);
        company.look(&room(&[]), at(3));
        assert_eq!(company.deadline(), Some(at(20)));
        company.look(&room(&[ParticipantKind::Agent]), at(4));
        assert!(company.deadline().is_none() && company.has_agent());
        company.look(&room(&[ParticipantKind::Egress]), at(60));
        assert_eq!(company.deadline(), Some(at(60) + LEFT));
        assert_eq!(company.lack(), "agent_lost");
        company.look(&room(&[ParticipantKind::Standard]), at(62));
        assert_eq!(company.deadline(), None);
    }

    #[test]
    fn who_was_on_the_way_to_somebody_is_alone_from_when_that_came_to_nothing() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut company = Company::new(start, Duration::from_secs(20));
        company.look(&room(&[ParticipantKind::Agent]), at(1));
        company.wait_anew(at(2));
        assert_eq!(company.deadline(), None, "it is not alone");
        company.look(&room(&[]), at(3));
        company.wait_anew(at(30));
        assert_eq!(company.deadline(), Some(at(30) + LEFT));
        assert_eq!(company.left_by_agent(), Some(at(30) + LEFT));
    }

    /// A caller whom the agent had handed over to a person was given a second agent.
    #[test]
    fn among_people_an_agent_is_lacking_only_where_one_is_expected_and_never_came() {
        let now = Instant::now();
        let mut company = Company::new(now, Duration::from_secs(20));
        assert!(company.lacks_agent(false));
        company.look(&room(&[ParticipantKind::Standard]), now);
        assert!(company.lacks_agent(true) && !company.lacks_agent(false));
        company.look(&room(&[ParticipantKind::Agent]), now);
        assert!(!company.lacks_agent(true));
        company.look(&room(&[ParticipantKind::Standard]), now);
        assert!(!company.lacks_agent(true), "handed over");
        company.look(&room(&[]), now);
        assert!(company.lacks_agent(false), "alone again");
    }

    #[test]
    fn a_connection_that_is_sought_says_nothing_of_who_is_there() {
        let mut company = Company::new(Instant::now(), Duration::from_secs(1));
        company.look(&room(&[ParticipantKind::Agent]), Instant::now());
        let away = RoomSnapshot {
            connection: ConnectionState::Reconnecting,
            ..room(&[])
        };
        company.look(&away, Instant::now());
        assert!(company.has_agent() && company.deadline().is_none());
    }
}
