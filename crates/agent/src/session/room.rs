//! Between a conversation and a LiveKit room: joining, finding the caller, carrying sound and
//! notes, and ending the call.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use trunkline_base::id::{CallId, ParticipantIdentity, RoomName, TrackSid};
use trunkline_client::api::LiveKitApiClient;
use trunkline_client::room::audio::{PcmReader, PcmWriter};
use trunkline_client::room::{
    AudioOptions, ConnectError, DisconnectReason, ParticipantInfo, ParticipantKind, PublishError,
    RemoteTrack, Room, RoomEvent, RoomEvents, RoomOptions, RoomToken, TrackKind, Transcription,
};
use trunkline_client::url::ServerUrl;
use trunkline_service::metrics::{Counter, count};
use trunkline_service::tasks::Stop;
use trunkline_store::{Row, Store};

use super::conversation::{Conversation, Facts};
use super::desk::{Desk, event};
use super::journal::Journal;
use super::stage::{Doing, Incoming, Note, Piece, Stage};
use super::{CloseReason, Shared, VOICE_FRAME, VOICE_RATE};
use crate::provider::SPEECH_RATE;
use crate::tools::Target;
use crate::turn::Line;

/// Where to go, and as whom.
pub(crate) struct Joining {
    pub(crate) url: ServerUrl,
    pub(crate) token: RoomToken,
    pub(crate) room: RoomName,
}

/// Why a conversation never began.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("the room cannot be joined")]
    Connect(#[from] ConnectError),
    #[error("the agent's voice cannot be published")]
    Publish(#[from] PublishError),
}

/// Sound and events waiting for the conversation. Full means that it does not get to run for
/// 300 ms; what comes then waits in the track's lane, and is counted where that is full.
const INCOMING_LANE: usize = 16;

/// Notes waiting for the room. Full means that the signal socket does not move.
const NOTE_LANE: usize = 64;

/// How long to wait for somebody to hear the agent's track before it speaks.
const HEARD_LIMIT: Duration = Duration::from_secs(3);

/// How long the end of a call may take.
const END_LIMIT: Duration = Duration::from_secs(3);

/// Joins, talks, ends the call.
pub(crate) async fn run(
    shared: Shared,
    joining: Joining,
    api: LiveKitApiClient,
    terminated: impl Future<Output = ()> + Send,
    stop: Stop,
) -> Result<CloseReason, SessionError> {
    let options = RoomOptions {
        attributes: BTreeMap::from([(STATE_ATTRIBUTE.to_owned(), "initializing".to_owned())]),
        wire: shared.config.wire.clone(),
        ..RoomOptions::default()
    };
    let (room, mut events) = Room::connect(&joining.url, joining.token, options).await?;
    let track = room.publish_audio(AudioOptions::default()).await?;
    let mut voice = match PcmWriter::new(track.clone(), VOICE_RATE) {
        Ok(voice) => voice,
        Err(error) => {
            tracing::error!(%error, "the voice rate is not one Opus knows");
            room.leave().await;
            return Ok(CloseReason::Error);
        }
    };
    let mut terminated = std::pin::pin!(terminated);
    let search = async {
        let found = find_caller(&room, &mut events, shared.config.caller_timeout).await;
        if found.is_some() {
            // Speaking into a track that nobody hears yet would lose the first words.
            drop(timeout(HEARD_LIMIT, track.subscribed()).await);
        }
        found
    };
    let found = tokio::select! {
        biased;
        () = stop.hurry() => None,
        () = &mut terminated => None,
        found = search => found,
        () = hum(&mut voice) => None,
    };
    let Some(caller) = found else {
        room.leave().await;
        return Ok(CloseReason::NoCaller);
    };
    let facts = Facts {
        call: caller.call.clone(),
        identity: caller.identity.to_string().into(),
        attributes: caller.attributes.clone().into(),
        ..Facts::new(joining.room.clone())
    };
    let desk = Desk::new(
        (api.clone(), room.clone()),
        joining.room.clone(),
        (caller.identity.clone(), caller.is_telephone),
        shared.store.clone(),
    );
    let mut helpers = JoinSet::new();
    let (notes, noted) = mpsc::channel(NOTE_LANE);
    let speaker = caller.clone_facts();
    helpers.spawn(tell(room.clone(), speaker, noted));
    let (lane, incoming) = mpsc::channel(INCOMING_LANE);
    helpers.spawn(listen(caller, events, lane.clone()));
    let stage = RoomStage { voice, notes, desk };
    let store = shared.store.clone();
    let call = facts.call.clone();
    let journal = Journal::Store(store.clone());
    let conversation = Conversation::new(shared, facts, Box::new(stage), journal);
    let talk = conversation.run(incoming, stop);
    let mut talk = std::pin::pin!(talk);
    let reason = tokio::select! {
        biased;
        reason = &mut talk => reason,
        () = &mut terminated => {
            drop(lane.send(Incoming::Closed).await);
            talk.await
        }
    };
    if reason.is_agents() {
        store_end(&store, &joining.room, call, reason);
        end_call(&api, &joining.room).await;
    }
    helpers.abort_all();
    room.leave().await;
    Ok(reason)
}

/// Sends silence while the caller is awaited, so that whoever waits for the agent's sound before
/// answering the telephone finds some, and its buffers have settled when the greeting comes.
async fn hum(voice: &mut PcmWriter) {
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    loop {
        pace.tick().await;
        if voice.write_20ms(&[0; VOICE_FRAME]).is_err() {
            return;
        }
    }
}

/// The attribute clients watch.
const STATE_ATTRIBUTE: &str = "lk.agent.state";

/// Ends the call: the room goes, and with it the telephone.
async fn end_call(api: &LiveKitApiClient, room: &RoomName) {
    match timeout(END_LIMIT, api.delete_room(room)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the room was not deleted"),
        Err(_) => tracing::warn!("the room was not deleted in time"),
    }
}

/// The one the agent talks to.
struct Caller {
    identity: ParticipantIdentity,
    call: Option<CallId>,
    attributes: BTreeMap<String, String>,
    is_telephone: bool,
    track: Option<RemoteTrack>,
    track_sid: Option<TrackSid>,
    line: Line,
}

/// The part of a caller that transcripts name.
struct Speaker {
    identity: ParticipantIdentity,
    track: Option<TrackSid>,
}

impl Caller {
    fn clone_facts(&self) -> Speaker {
        Speaker {
            identity: self.identity.clone(),
            track: self.track_sid.clone(),
        }
    }
}

/// Waits for somebody to talk to: a telephone before anybody else, and not before it is answered. How
/// long it may ring is for whoever called it to say.
async fn find_caller(room: &Room, events: &mut RoomEvents, limit: Duration) -> Option<Caller> {
    let mut tracks: BTreeMap<ParticipantIdentity, RemoteTrack> = BTreeMap::new();
    let mut until = Instant::now() + limit;
    loop {
        if let Some(info) = pick(room) {
            let track = tracks.remove(&info.identity);
            let announced = info
                .tracks
                .iter()
                .find(|track| track.kind == TrackKind::Audio);
            return Some(Caller {
                call: info
                    .attribute("sip.callID")
                    .and_then(|id| CallId::parse(id).ok()),
                track_sid: announced.map(|track| track.sid.clone()),
                line: line_of(&info),
                is_telephone: info.kind == ParticipantKind::Sip,
                attributes: info.attributes,
                identity: info.identity,
                track,
            });
        }
        let event = if has_telephone(room) {
            until = Instant::now() + limit;
            events.next().await
        } else {
            timeout_at(until, events.next()).await.ok()?
        };
        match event? {
            RoomEvent::TrackSubscribed(track) if is_voice(&track) => {
                tracks.insert(track.participant.clone(), track);
            }
            RoomEvent::Disconnected { .. } => return None,
            _ => {}
        }
    }
}

fn has_telephone(room: &Room) -> bool {
    let snapshot = room.snapshot();
    let mut people = snapshot.participants.values();
    people.any(|info| info.kind == ParticipantKind::Sip)
}

/// What the gateway says of the caller's line.
fn line_of(info: &ParticipantInfo) -> Line {
    match info.attribute("sip.hold") {
        Some("held") => Line::Held,
        Some("muted") => Line::Muted,
        _ => Line::Open,
    }
}

fn is_voice(track: &RemoteTrack) -> bool {
    track.mime_type.is_empty() || track.mime_type.to_ascii_lowercase().starts_with("audio/")
}

fn pick(room: &Room) -> Option<ParticipantInfo> {
    let snapshot = room.snapshot();
    let mut people = snapshot.participants.values();
    let telephone = snapshot
        .participants
        .values()
        .find(|info| info.kind == ParticipantKind::Sip);
    if let Some(telephone) = telephone {
        let status = telephone.attribute("sip.callStatus");
        return status
            .is_none_or(|status| status == "active")
            .then(|| telephone.clone());
    }
    people
        .find(|info| info.kind == ParticipantKind::Standard)
        .cloned()
}

/// Carries sound and events to the conversation.
async fn listen(caller: Caller, mut events: RoomEvents, lane: mpsc::Sender<Incoming>) {
    let mut ear = caller.track.and_then(reader);
    let mut line = caller.line;
    if line != Line::Open && lane.send(Incoming::Line(line)).await.is_err() {
        return;
    }
    loop {
        let event = tokio::select! {
            biased;
            event = events.next() => event,
            frame = next_frame(&mut ear) => {
                match frame {
                    Some(frame) => {
                        if !hear(&lane, frame).await {
                            return;
                        }
                    }
                    None => ear = None,
                }
                continue;
            }
        };
        let told = match event {
            None | Some(RoomEvent::Disconnected { .. }) => Incoming::Closed,
            Some(RoomEvent::ParticipantLeft { info, reason })
                if info.identity == caller.identity && !has_come_again(reason) =>
            {
                Incoming::Left
            }
            Some(RoomEvent::ParticipantChanged(info)) if info.identity == caller.identity => {
                let now = line_of(&info);
                if std::mem::replace(&mut line, now) == now {
                    continue;
                }
                Incoming::Line(now)
            }
            Some(RoomEvent::TrackSubscribed(track))
                if track.participant == caller.identity && is_voice(&track) =>
            {
                ear = reader(track);
                continue;
            }
            Some(RoomEvent::Dtmf { from, digit, .. })
                if from.as_ref().is_none_or(|from| *from == caller.identity) =>
            {
                match digit.chars().next() {
                    Some(key) => Incoming::Digit(key),
                    None => continue,
                }
            }
            Some(_) => continue,
        };
        let last = matches!(told, Incoming::Left | Incoming::Closed);
        if lane.send(told).await.is_err() || last {
            return;
        }
    }
}

/// Has whoever left only given way to itself? A gateway that was killed comes back so to a call that
/// is up, with a track of its own.
const fn has_come_again(reason: DisconnectReason) -> bool {
    matches!(reason, DisconnectReason::DuplicateIdentity)
}

/// The caller's track, and what was missed of it so far.
struct Ear {
    reader: PcmReader,
    missed: u64,
}

impl Ear {
    async fn next_frame(&mut self) -> Option<Vec<i16>> {
        let frame = self.reader.next_20ms().await.map(<[i16]>::to_vec);
        let missed = self.reader.missed();
        let more = missed - std::mem::replace(&mut self.missed, missed);
        if more > 0 {
            count(Counter::SoundLost, more, &[]);
        }
        frame
    }
}

fn reader(track: RemoteTrack) -> Option<Ear> {
    PcmReader::new(track.packets, SPEECH_RATE)
        .inspect_err(|error| tracing::error!(%error, "the caller's track cannot be read"))
        .ok()
        .map(|reader| Ear { reader, missed: 0 })
}

async fn next_frame(ear: &mut Option<Ear>) -> Option<Vec<i16>> {
    match ear {
        Some(ear) => ear.next_frame().await,
        None => std::future::pending().await,
    }
}

/// Hands a frame on. A conversation that did not get to run hears late what it would otherwise hear
/// never: words that lack a part are others. False if it is over.
async fn hear(lane: &mpsc::Sender<Incoming>, frame: Vec<i16>) -> bool {
    lane.send(Incoming::Frame(frame)).await.is_ok()
}

struct RoomStage {
    voice: PcmWriter,
    notes: mpsc::Sender<Note>,
    desk: Desk,
}

impl Stage for RoomStage {
    fn play(&mut self, frame: &[i16; VOICE_FRAME]) -> bool {
        self.voice.write_20ms(frame).is_ok()
    }

    fn tell(&mut self, note: Note) {
        if self.notes.try_send(note).is_err() {
            tracing::debug!("a note to the room was dropped");
        }
    }

    fn transfer(&mut self, name: &str, target: &Target) -> Doing {
        self.desk.transfer(name, target)
    }

    fn press(&mut self, keys: &str) -> Doing {
        self.desk.press(keys)
    }
}

/// Tells the room what the conversation notes, one thing after the other.
async fn tell(room: Room, caller: Speaker, mut notes: mpsc::Receiver<Note>) {
    let own_track = room
        .snapshot()
        .local
        .tracks
        .first()
        .map(|track| track.sid.clone());
    while let Some(note) = notes.recv().await {
        let told = match note {
            Note::State(state) => attribute(&room, STATE_ATTRIBUTE, state.as_str()).await,
            Note::Transcript(Piece {
                segment,
                text,
                last,
                by_caller,
            }) => {
                let transcription = Transcription {
                    segment_id: segment,
                    is_final: last,
                    track: if by_caller {
                        caller.track.clone()
                    } else {
                        own_track.clone()
                    },
                    speaker: by_caller.then(|| caller.identity.clone()),
                };
                room.publish_transcription(text.expose(), transcription)
                    .await
            }
            Note::Attribute { key, value } => attribute(&room, &key, &value).await,
        };
        if let Err(error) = told {
            tracing::debug!(%error, "the room was not told");
        }
    }
}

async fn attribute(
    room: &Room,
    key: &str,
    value: &str,
) -> Result<(), trunkline_client::room::RequestError> {
    room.set_attributes(BTreeMap::from([(key.to_owned(), value.to_owned())]))
        .await
}

/// Why the agent ended the call: with the call, and among the events of its room.
fn store_end(store: &Store, room: &RoomName, call: Option<CallId>, reason: CloseReason) {
    let body = serde_json::json!({"reason": reason.as_str(), "call": call});
    store.later(Row::Event(event("agent_hung_up", room, body)));
    if let Some(call) = call {
        store.later(Row::CallEnding(call, reason.as_str().to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sound that came while the conversation did not get to run was given up without a word, and
    /// what was left of a sentence was another one.
    #[tokio::test]
    async fn what_a_conversation_was_kept_from_hearing_it_hears_whole() {
        let (lane, mut incoming) = mpsc::channel(INCOMING_LANE);
        let mut caller = JoinSet::new();
        caller.spawn(async move {
            for number in 0..50 {
                assert!(hear(&lane, vec![number]).await);
            }
            lane
        });
        tokio::task::yield_now().await;
        for number in 0..50 {
            let heard = incoming.recv().await;
            assert!(matches!(heard, Some(Incoming::Frame(frame)) if frame == [number]));
        }
        drop(incoming);
        let lane = caller.join_next().await.unwrap().unwrap();
        assert!(!hear(&lane, Vec::new()).await, "it is over");
    }
}
