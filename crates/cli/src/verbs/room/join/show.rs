//! What happens in a room, a line an event.

use serde_json::{Value, json};
use trunkline_client::room::{DisconnectReason, ParticipantInfo, Room, RoomEvent, TrackInfo};

use crate::output::{self, plain};

/// Tells events: words for people, a document a line for programs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Show {
    pub(super) json: bool,
}

impl Show {
    pub(super) fn joined(self, room: &Room) {
        let (name, identity) = (room.name(), room.local_identity());
        self.say(
            "joined",
            json!({ "room": name, "identity": identity }),
            || {
                format!(
                    "joined {} as {}",
                    plain(name.as_str()),
                    plain(identity.as_str())
                )
            },
        );
    }

    pub(super) fn left(self, reason: DisconnectReason) {
        self.say("disconnected", json!({ "reason": reason.as_str() }), || {
            format!("disconnected: {reason}")
        });
    }

    pub(super) fn published(self, what: &str) {
        self.say("published", json!({ "what": what }), || {
            format!("published {}", plain(what))
        });
    }

    pub(super) fn event(self, room: &Room, event: RoomEvent) {
        match event {
            RoomEvent::ParticipantJoined(who) => self.who("participant_joined", "came", &who),
            RoomEvent::ParticipantChanged(who) => self.who("participant_changed", "changed", &who),
            RoomEvent::ParticipantLeft { info, reason } => {
                let identity = &info.identity;
                let fields = json!({ "identity": identity, "reason": reason.as_str() });
                self.say("participant_left", fields, || {
                    format!("{} left: {reason}", plain(identity.as_str()))
                });
            }
            RoomEvent::TrackPublished { participant, track } => {
                self.track("track_published", "published", participant.as_str(), &track);
            }
            RoomEvent::TrackUnpublished { participant, track } => {
                self.track(
                    "track_unpublished",
                    "withdrew",
                    participant.as_str(),
                    &track,
                );
            }
            RoomEvent::TrackSubscribed(track) => {
                let (whose, sid) = (track.participant, track.sid);
                let fields = json!({ "identity": whose, "sid": sid, "mime": track.mime_type });
                self.say("track_subscribed", fields, || {
                    format!("hearing {sid} of {}", plain(whose.as_str()))
                });
            }
            RoomEvent::TrackUnsubscribed { participant, sid } => {
                let fields = json!({ "identity": participant, "sid": sid });
                self.say("track_unsubscribed", fields, || {
                    format!("no longer hearing {sid} of {}", plain(participant.as_str()))
                });
            }
            RoomEvent::TrackMuted {
                participant,
                sid,
                muted,
            } => {
                let fields = json!({ "identity": participant, "sid": sid, "muted": muted });
                self.say("track_muted", fields, || {
                    let word = if muted { "muted" } else { "unmuted" };
                    format!("{sid} of {} is {word}", plain(participant.as_str()))
                });
            }
            other => self.rest(room, other),
        }
    }

    fn rest(self, room: &Room, event: RoomEvent) {
        let from = |who: Option<String>| who.unwrap_or_else(|| "the server".to_owned());
        match event {
            RoomEvent::Data(data) => {
                let whose = data.from.map(String::from);
                let text = String::from_utf8_lossy(&data.payload).into_owned();
                let fields = json!({ "identity": whose, "topic": data.topic, "data": text });
                self.say("data", fields, || {
                    let topic = data.topic.map(|topic| format!(" on {topic}"));
                    let topic = plain(&topic.unwrap_or_default());
                    format!("data of {}{topic}: {}", plain(&from(whose)), plain(&text))
                });
            }
            RoomEvent::Dtmf {
                from: who, digit, ..
            } => {
                let whose = who.map(String::from);
                let fields = json!({ "identity": whose, "digit": digit });
                self.say("dtmf", fields, || {
                    format!("key {} of {}", plain(&digit), plain(&from(whose)))
                });
            }
            RoomEvent::Text(text) => {
                let whose = text.from.map(String::from);
                let said = text.text.expose();
                let fields = json!({ "identity": whose, "topic": text.topic, "text": said });
                self.say("text", fields, || {
                    let topic = plain(&text.topic);
                    format!(
                        "text of {} on {topic}: {}",
                        plain(&from(whose)),
                        plain(said)
                    )
                });
            }
            RoomEvent::RoomUpdated => {
                let metadata = room.snapshot().metadata.clone();
                self.say("room_updated", json!({ "metadata": metadata }), || {
                    format!("the room changed; metadata: {}", plain(&metadata))
                });
            }
            RoomEvent::LocalTrackSubscribed(sid) => {
                self.say("local_track_subscribed", json!({ "sid": sid }), || {
                    format!("somebody hears {sid}")
                });
            }
            RoomEvent::Reconnecting => {
                self.say("reconnecting", json!({}), || "reconnecting".to_owned());
            }
            RoomEvent::Reconnected => {
                self.say("reconnected", json!({}), || "reconnected".to_owned());
            }
            // Speakers change several times a second; the others are told above.
            _ => {}
        }
    }

    fn who(self, name: &str, word: &str, who: &ParticipantInfo) {
        let fields = json!({
            "identity": who.identity, "sid": who.sid, "kind": who.kind.as_str(),
            "name": who.name, "metadata": who.metadata, "attributes": who.attributes,
        });
        self.say(name, fields, || {
            format!(
                "{} {word} ({})",
                plain(who.identity.as_str()),
                who.kind.as_str()
            )
        });
    }

    fn track(self, name: &str, word: &str, whose: &str, track: &TrackInfo) {
        let fields = json!({
            "identity": whose, "sid": track.sid, "name": track.name, "mime": track.mime_type,
        });
        self.say(name, fields, || {
            let mime = plain(&track.mime_type);
            format!("{} {word} {} ({mime})", plain(whose), track.sid)
        });
    }

    fn say(self, event: &str, mut fields: Value, words: impl FnOnce() -> String) {
        if !self.json {
            output::line(&words());
            return;
        }
        let mut document = json!({ "event": event });
        if let (Some(all), Some(more)) = (document.as_object_mut(), fields.as_object_mut()) {
            all.append(more);
        }
        output::line(&document.to_string());
    }
}
