//! The room in virtual time: requests in, messages and notices out, no socket anywhere.

mod calling;
mod coming;
mod disagreeing;
mod going;
mod rights;
mod saying;

use std::collections::BTreeMap;
use std::time::Duration;

use proto::signal_request::Message as Asked;
use proto::signal_response::Message;
use trunkline_base::id::RoomName;
use trunkline_base::token::{ApiKey, Claims, KeyRing, VideoGrant};
use trunkline_rtc::sfu::Topology;

use super::*;
use crate::room::command::Admission;
use crate::room::error::JoinError;
use crate::room::join::JoinParams;

/// A room with a clock, and everything it said.
struct House {
    room: RoomState,
    now: Now,
    said: BTreeMap<ParticipantSid, Vec<Message>>,
    closed: Vec<ParticipantSid>,
    notices: Vec<RoomNotice>,
}

fn config() -> RoomsConfig {
    let keys = KeyRing::from(ApiKey::new("devkey", "secret"));
    RoomsConfig::new(SocketAddr::from(([127, 0, 0, 1], 7882)), keys, [1; 32])
}

fn spec() -> RoomSpec {
    RoomSpec {
        name: RoomName::parse("lobby").unwrap(),
        metadata: String::new(),
        empty_timeout: Duration::from_secs(300),
        departure_timeout: Duration::from_secs(20),
        max_participants: 0,
        agents: Vec::new(),
        before: None,
    }
}

fn params(identity: &str, grant: VideoGrant) -> JoinParams {
    let claims = Claims::new(identity, UnixTime::from_secs(1_000), 3_600).with_video(grant);
    let client = proto::ClientInfo {
        protocol: 17,
        ..proto::ClientInfo::default()
    };
    JoinParams::new(RoomName::parse("lobby").unwrap(), claims, client)
}

fn guest(identity: &str) -> JoinParams {
    params(identity, VideoGrant::join("lobby"))
}

impl House {
    fn new(spec: RoomSpec) -> Self {
        let now = Now {
            instant: Instant::now(),
            unix: UnixTime::from_secs(1_000),
        };
        let media = [SocketAddr::from(([127, 0, 0, 1], 7882))];
        let room = RoomState::new(spec, Arc::new(config()), &media, [7; 32], now);
        let mut house = Self {
            room,
            now,
            said: BTreeMap::new(),
            closed: Vec::new(),
            notices: Vec::new(),
        };
        house.gather();
        house
    }

    fn gather(&mut self) {
        while let Some(output) = self.room.poll_output() {
            match output {
                Output::Send(to, message) => {
                    let message = message.message().message.clone();
                    self.said.entry(to).or_default().extend(message);
                }
                Output::CloseSignal(of) => self.closed.push(of),
                Output::Notice(notice) => self.notices.push(*notice),
            }
        }
    }

    fn try_join(&mut self, params: JoinParams) -> Result<Entry, JoinError> {
        let entry = self.room.enter(params, Admission::Everybody, self.now);
        self.gather();
        entry
    }

    fn join(&mut self, params: JoinParams) -> ParticipantSid {
        match self.try_join(params).unwrap() {
            Entry::Joined(sid) | Entry::Resumed(sid) => sid,
            Entry::Mismatch(..) => panic!("a session to resume"),
        }
    }

    fn ask(&mut self, from: &ParticipantSid, asked: Asked) {
        let request = proto::SignalRequest {
            message: Some(asked),
        };
        self.room.on_request(from, request, self.now);
        self.gather();
    }

    fn pass(&mut self, time: Duration) {
        self.now.instant += time;
        self.now.unix = self.now.unix.plus(time);
        self.room.handle_timeout(self.now);
        self.gather();
    }

    /// What was said to a participant since this was last asked.
    fn heard(&mut self, by: &ParticipantSid) -> Vec<Message> {
        self.said.remove(by).unwrap_or_default()
    }

    fn forget(&mut self) {
        self.said.clear();
        self.notices.clear();
    }
}

fn leave(messages: &[Message]) -> Option<&proto::LeaveRequest> {
    messages.iter().find_map(|message| match message {
        Message::Leave(leave) => Some(leave),
        _ => None,
    })
}

fn updates(messages: &[Message]) -> Vec<&proto::ParticipantInfo> {
    let updates = messages.iter().filter_map(|message| match message {
        Message::Update(update) => Some(&update.participants),
        _ => None,
    });
    updates.flatten().collect()
}
