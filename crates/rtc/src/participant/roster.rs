//! Who is in the room, by the server's updates.
//!
//! Updates carry a version; an older one than known is ignored. A new session of a known
//! identity is a departure and an arrival. A departure counts only for the session it names.

use std::collections::BTreeMap;

use livekit_protocol as proto;
use livekit_protocol::participant_info::State;

use super::event::Event;

/// The room and its participants.
#[derive(Debug, Default)]
pub(super) struct Roster {
    pub(super) room: Option<proto::Room>,
    pub(super) own: Option<proto::ParticipantInfo>,
    /// By identity.
    pub(super) others: BTreeMap<String, proto::ParticipantInfo>,
}

impl Roster {
    /// A track of somebody else and its publisher.
    pub(super) fn track(&self, sid: &str) -> Option<(&proto::ParticipantInfo, &proto::TrackInfo)> {
        self.others
            .values()
            .find_map(|p| Some((p, p.tracks.iter().find(|t| t.sid == sid)?)))
    }

    /// Takes over the state of a new session and says how it differs from the old one.
    pub(super) fn enter(&mut self, join: &proto::JoinResponse) -> Vec<Event> {
        self.room.clone_from(&join.room);
        self.own.clone_from(&join.participant);
        let present =
            |p: &&proto::ParticipantInfo| join.other_participants.iter().any(|o| o.sid == p.sid);
        let gone: Vec<_> = self
            .others
            .values()
            .filter(|p| !present(p))
            .cloned()
            .collect();
        let mut events = Vec::new();
        for participant in gone {
            events.extend(self.remove(&participant));
        }
        for participant in &join.other_participants {
            events.extend(self.upsert(participant.clone()));
        }
        events
    }

    /// Takes over one update of somebody else.
    pub(super) fn update(&mut self, info: proto::ParticipantInfo) -> Vec<Event> {
        if info.state == State::Disconnected as i32 {
            return self.remove(&info);
        }
        self.upsert(info)
    }

    fn remove(&mut self, info: &proto::ParticipantInfo) -> Vec<Event> {
        let known = self
            .others
            .get(&info.identity)
            .filter(|p| p.sid == info.sid);
        let Some(identity) = known.map(|p| p.identity.clone()) else {
            return Vec::new();
        };
        let Some(before) = self.others.remove(&identity) else {
            return Vec::new();
        };
        let unpublished = before.tracks.iter().map(|t| Event::TrackUnpublished {
            by: before.clone(),
            track: t.clone(),
        });
        let mut events: Vec<Event> = unpublished.collect();
        let mut left = before.clone();
        left.state = info.state;
        left.disconnect_reason = info.disconnect_reason;
        if info.version > before.version {
            // What it said last may come with its goodbye alone.
            left.name.clone_from(&info.name);
            left.metadata.clone_from(&info.metadata);
            left.attributes.clone_from(&info.attributes);
        }
        events.push(Event::ParticipantLeft(left));
        events
    }

    fn upsert(&mut self, now: proto::ParticipantInfo) -> Vec<Event> {
        let Some(before) = self.others.get(&now.identity).cloned() else {
            return self.arrive(now);
        };
        if before.sid != now.sid {
            let mut events = self.remove(&before);
            events.extend(self.arrive(now));
            return events;
        }
        if now.version < before.version {
            return Vec::new();
        }
        self.others.insert(now.identity.clone(), now.clone());
        let mut events = track_changes(&before, &now);
        let same = proto::ParticipantInfo {
            tracks: before.tracks.clone(),
            version: before.version,
            is_publisher: before.is_publisher,
            ..now.clone()
        };
        if same != before {
            events.push(Event::ParticipantChanged { before, now });
        }
        events
    }

    fn arrive(&mut self, now: proto::ParticipantInfo) -> Vec<Event> {
        self.others.insert(now.identity.clone(), now.clone());
        let published = now.tracks.iter().map(|t| Event::TrackPublished {
            by: now.clone(),
            track: t.clone(),
        });
        std::iter::once(Event::ParticipantJoined(now.clone()))
            .chain(published)
            .collect()
    }
}

fn track_changes(before: &proto::ParticipantInfo, now: &proto::ParticipantInfo) -> Vec<Event> {
    let in_list = |list: &[proto::TrackInfo], sid: &str| list.iter().any(|t| t.sid == sid);
    let ended = before
        .tracks
        .iter()
        .filter(|t| !in_list(&now.tracks, &t.sid));
    let mut events: Vec<Event> = ended
        .map(|t| Event::TrackUnpublished {
            by: now.clone(),
            track: t.clone(),
        })
        .collect();
    for track in &now.tracks {
        let (by, track) = (now.clone(), track.clone());
        match before.tracks.iter().find(|t| t.sid == track.sid) {
            None => events.push(Event::TrackPublished { by, track }),
            Some(old) if *old != track => events.push(Event::TrackChanged { by, track }),
            Some(_) => {}
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(sid: &str, identity: &str, version: u32) -> proto::ParticipantInfo {
        proto::ParticipantInfo {
            sid: sid.into(),
            identity: identity.into(),
            version,
            ..Default::default()
        }
    }

    #[test]
    fn an_older_version_is_ignored() {
        let mut roster = Roster::default();
        roster.update(info("PA_1", "a", 5));
        let mut old = info("PA_1", "a", 4);
        old.name = "old".into();
        assert!(roster.update(old).is_empty());
        assert_eq!(roster.others["a"].name, "");
    }

    #[test]
    fn a_late_goodbye_of_an_old_session_does_not_remove_the_new_one() {
        let mut roster = Roster::default();
        roster.update(info("PA_1", "a", 1));
        let events = roster.update(info("PA_2", "a", 1));
        assert!(matches!(events[0], Event::ParticipantLeft(_)));
        assert!(matches!(events[1], Event::ParticipantJoined(_)));
        let mut bye = info("PA_1", "a", 9);
        bye.state = State::Disconnected as i32;
        assert!(roster.update(bye).is_empty());
        assert_eq!(roster.others["a"].sid, "PA_2");
    }

    /// An app reads of the last attributes why a call failed.
    #[test]
    fn what_somebody_said_last_may_come_with_its_goodbye() {
        for (version, status) in [(2, "486"), (1, "180"), (0, "180")] {
            let mut roster = Roster::default();
            let mut callee = info("PA_1", "a", 1);
            callee.attributes.insert("status".into(), "180".into());
            roster.update(callee);
            let mut bye = info("PA_1", "a", version);
            bye.state = State::Disconnected as i32;
            bye.attributes.insert("status".into(), "486".into());
            let events = roster.update(bye);
            let [Event::ParticipantLeft(left)] = &events[..] else {
                panic!("{events:?}");
            };
            assert_eq!(left.attributes["status"], status, "version {version}");
        }
    }

    #[test]
    fn tracks_come_change_and_go() {
        let mut roster = Roster::default();
        let mut p = info("PA_1", "a", 1);
        roster.update(p.clone());
        p.version = 2;
        p.tracks = vec![proto::TrackInfo {
            sid: "TR_1".into(),
            ..Default::default()
        }];
        assert!(matches!(
            roster.update(p.clone())[..],
            [Event::TrackPublished { .. }]
        ));
        assert!(roster.track("TR_1").is_some());
        p.version = 3;
        p.tracks[0].muted = true;
        assert!(matches!(
            roster.update(p.clone())[..],
            [Event::TrackChanged { .. }]
        ));
        p.version = 4;
        p.tracks.clear();
        assert!(matches!(
            roster.update(p)[..],
            [Event::TrackUnpublished { .. }]
        ));
    }
}
