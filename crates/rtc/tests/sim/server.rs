//! The least signalling a media plane needs to serve clients.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use livekit_protocol as proto;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use trunkline_base::id::{ParticipantIdentity, ParticipantSid};
use trunkline_rtc::sfu::{
    AddedTrack, AudioConfig, Described, Joining, Permissions, Sfu, SfuConfig, SfuEvent, Topology,
};

pub(crate) struct Server {
    pub(crate) sfu: Sfu,
    people: BTreeMap<ParticipantSid, proto::ParticipantInfo>,
    /// Messages for clients, in order.
    pub(crate) outbox: Vec<(ParticipantSid, Response)>,
    pub(crate) seen: Vec<SfuEvent>,
    pub(crate) refuse_resume: bool,
    next: u32,
}

impl Server {
    pub(crate) fn new(addr: SocketAddr, now: Instant) -> Self {
        let config = SfuConfig {
            candidates: vec![addr],
            audio: AudioConfig::default(),
        };
        Self {
            sfu: Sfu::new(config, [7; 32], now),
            people: BTreeMap::new(),
            outbox: Vec::new(),
            seen: Vec::new(),
            refuse_resume: false,
            next: 0,
        }
    }

    pub(crate) fn join(
        &mut self,
        identity: &str,
        topology: Topology,
        permissions: Permissions,
        now: Instant,
    ) -> ParticipantSid {
        let old = self
            .people
            .values()
            .find(|p| p.identity == identity)
            .map(|p| p.sid.clone());
        if let Some(old) = old {
            self.remove(&ParticipantSid::parse(old).unwrap(), now);
        }
        self.next += 1;
        let sid = ParticipantSid::parse(format!("PA_{:012}", self.next)).unwrap();
        let info = proto::ParticipantInfo {
            sid: sid.to_string(),
            identity: identity.to_owned(),
            state: proto::participant_info::State::Joined as i32,
            ..Default::default()
        };
        let others = self.people.values().cloned().collect();
        let subscriber_primary = topology == Topology::Dual && permissions.can_subscribe;
        self.say(
            &sid,
            Response::Join(proto::JoinResponse {
                room: Some(proto::Room {
                    sid: "RM_1".into(),
                    name: "room".into(),
                    ..Default::default()
                }),
                participant: Some(info.clone()),
                other_participants: others,
                subscriber_primary,
                fast_publish: true,
                ping_interval: 5,
                ping_timeout: 15,
                ..Default::default()
            }),
        );
        self.people.insert(sid.clone(), info);
        self.broadcast(&sid);
        let identity = ParticipantIdentity::parse(identity).unwrap();
        let (auto_subscribe, opens_by_packet) = (true, false);
        let sid_ = sid.clone();
        let joining = Joining {
            sid: sid_,
            identity,
            topology,
            subscriber_primary,
            permissions,
            auto_subscribe,
            opens_by_packet,
        };
        self.sfu.join(joining, now);
        sid
    }

    pub(crate) fn resume(&mut self, sid: &ParticipantSid, now: Instant) -> bool {
        if self.refuse_resume || !self.people.contains_key(sid) {
            return false;
        }
        let last_message_seq = self.sfu.last_sequence(sid);
        let response = proto::ReconnectResponse {
            last_message_seq,
            ..Default::default()
        };
        self.say(sid, Response::Reconnect(response));
        let participants = self.people.values().cloned().collect();
        self.say(
            sid,
            Response::Update(proto::ParticipantUpdate { participants }),
        );
        self.sfu.resume(sid, now).unwrap();
        true
    }

    pub(crate) fn remove(&mut self, sid: &ParticipantSid, now: Instant) {
        self.sfu.leave(sid, now);
        let Some(mut info) = self.people.remove(sid) else {
            return;
        };
        info.state = proto::participant_info::State::Disconnected as i32;
        info.version += 1;
        let update = proto::ParticipantUpdate {
            participants: vec![info],
        };
        for other in self.people.keys().cloned().collect::<Vec<_>>() {
            self.say(&other, Response::Update(update.clone()));
        }
    }

    pub(crate) fn handle(&mut self, from: &ParticipantSid, request: Request, now: Instant) {
        match request {
            Request::Offer(offer) => self.sfu.offer(from, offer.id, &offer.sdp, now).unwrap(),
            Request::Answer(answer) => self.sfu.answer(from, answer.id, &answer.sdp, now).unwrap(),
            Request::AddTrack(add) => match self.sfu.add_track(from, &add, now).unwrap() {
                AddedTrack::Accepted(info) => {
                    let response = proto::TrackPublishedResponse {
                        cid: add.cid,
                        track: Some(*info),
                    };
                    self.say(from, Response::TrackPublished(response));
                }
                AddedTrack::Queued => {}
            },
            Request::Mute(mute) => {
                self.sfu.mute(from, &mute.sid, mute.muted, now).unwrap();
            }
            Request::Subscription(wish) => {
                self.sfu
                    .subscribe(from, &wish.track_sids, wish.subscribe, now)
                    .unwrap();
            }
            Request::PingReq(ping) => {
                let pong = proto::Pong {
                    last_ping_timestamp: ping.timestamp,
                    timestamp: 0,
                };
                self.say(from, Response::PongResp(pong));
            }
            Request::Leave(_) => self.remove(from, now),
            _ => {}
        }
    }

    /// Turns what the media plane says into messages.
    pub(crate) fn speak(&mut self) {
        while let Some(event) = self.sfu.poll_event() {
            self.seen.push(event.clone());
            match event {
                SfuEvent::Answer { to, description } => {
                    self.say(&to, Response::Answer(wire("answer", description)));
                }
                SfuEvent::Offer { to, description } => {
                    self.say(&to, Response::Offer(wire("offer", description)));
                }
                SfuEvent::TrackPublished { by, info } => {
                    self.change(&by, |p| p.tracks.push(info.clone()));
                }
                SfuEvent::TrackChanged { by, info } => self.change(&by, |p| {
                    p.tracks.retain(|t| t.sid != info.sid);
                    p.tracks.push(info.clone());
                }),
                SfuEvent::TrackUnpublished { by, info, .. } => {
                    self.change(&by, |p| p.tracks.retain(|t| t.sid != info.sid));
                }
                SfuEvent::TrackSubscribed { publisher, track } => {
                    let heard = proto::TrackSubscribed {
                        track_sid: track.to_string(),
                    };
                    self.say(&publisher, Response::TrackSubscribed(heard));
                }
                SfuEvent::Speakers { to, speakers } => {
                    let changed = proto::SpeakersChanged { speakers };
                    self.say(&to, Response::SpeakersChanged(changed));
                }
                SfuEvent::SectionsRequired { to, audios, videos } => {
                    let wanted = proto::MediaSectionsRequirement {
                        num_audios: audios,
                        num_videos: videos,
                    };
                    self.say(&to, Response::MediaSectionsRequirement(wanted));
                }
                _ => {}
            }
        }
    }

    fn change(&mut self, by: &ParticipantSid, act: impl FnOnce(&mut proto::ParticipantInfo)) {
        if let Some(info) = self.people.get_mut(by) {
            act(info);
            info.version += 1;
            self.broadcast(by);
        }
    }

    fn broadcast(&mut self, about: &ParticipantSid) {
        let participants = vec![self.people[about].clone()];
        for other in self
            .people
            .keys()
            .filter(|s| *s != about)
            .cloned()
            .collect::<Vec<_>>()
        {
            let update = proto::ParticipantUpdate {
                participants: participants.clone(),
            };
            self.say(&other, Response::Update(update));
        }
    }

    fn say(&mut self, to: &ParticipantSid, message: Response) {
        self.outbox.push((to.clone(), message));
    }

    pub(crate) fn saw(&self, wanted: impl Fn(&SfuEvent) -> bool) -> bool {
        self.seen.iter().any(wanted)
    }
}

fn wire(kind: &str, described: Described) -> proto::SessionDescription {
    proto::SessionDescription {
        r#type: kind.into(),
        sdp: described.sdp,
        id: described.id,
        mid_to_track_id: described.mid_to_track_id.into_iter().collect(),
    }
}
