//! What the server says on the signal socket.

use std::time::Instant;

use livekit_protocol as proto;
use livekit_protocol::leave_request::Action;
use livekit_protocol::request_response::Request as Echo;
use livekit_protocol::signal_response::Message;
use trunkline_base::secret::Secret;

use super::Participant;
use super::event::{End, Event};

impl Participant {
    /// A message from the server.
    pub fn handle_signal(&mut self, response: proto::SignalResponse, now: Instant) {
        let Some(message) = response.message else {
            return;
        };
        if self.is_over() {
            return;
        }
        self.pulse.heard(now);
        if self.awaits_greeting() {
            self.greet(message, now);
        } else {
            self.converse(message, now);
        }
        self.check_connected(now);
        self.pump(now);
    }

    /// The first message decides; anything else is not a LiveKit server speaking to us.
    fn greet(&mut self, message: Message, now: Instant) {
        match message {
            Message::Join(join) => self.on_join(&join, now),
            Message::Reconnect(reconnect) => self.on_reconnect(&reconnect, now),
            Message::Leave(leave) => self.on_leave(&leave, now),
            _ => tracing::debug!("message before the greeting ignored"),
        }
    }

    fn converse(&mut self, message: Message, now: Instant) {
        match message {
            Message::Answer(answer) => self.on_answer(&answer, now),
            Message::Offer(offer) => self.on_offer(offer, now),
            Message::Trickle(trickle) => self.on_trickle(&trickle, now),
            Message::Update(update) => self.on_update(update),
            Message::TrackPublished(published) => self.on_track_published(published, now),
            Message::TrackUnpublished(ended) => self.on_track_unpublished(&ended.track_sid, now),
            Message::TrackSubscribed(heard) => self.on_track_heard(&heard.track_sid),
            Message::Mute(mute) => self.on_mute(&mute, now),
            Message::Leave(leave) => self.on_leave(&leave, now),
            Message::PongResp(pong) => self.pulse.pong(&pong, now),
            Message::RoomUpdate(update) => {
                self.roster.room = update.room;
                self.events.push_back(Event::RoomUpdated);
            }
            Message::SpeakersChanged(changed) => {
                self.events.push_back(Event::Speakers(changed.speakers));
            }
            Message::ConnectionQuality(quality) => {
                self.events.push_back(Event::Quality(quality.updates));
            }
            Message::RefreshToken(token) => {
                self.events
                    .push_back(Event::TokenRefreshed(Secret::new(token)));
            }
            Message::SubscriptionResponse(failed) => {
                self.events.push_back(Event::SubscriptionFailed {
                    sid: failed.track_sid,
                });
            }
            Message::RequestResponse(answered) => self.on_request_response(answered),
            _ => tracing::trace!("signal message not used by this client"),
        }
    }

    fn on_join(&mut self, join: &proto::JoinResponse, now: Instant) {
        self.links.down_primary = join.subscriber_primary;
        self.pulse.configure(join, now);
        self.entered(now);
        let events = self.roster.enter(join);
        self.events.push_back(Event::Joined);
        self.events.extend(events);
        self.repeat_wishes();
        self.publish_due(now);
        self.links.touch(now);
    }

    fn on_reconnect(&mut self, reconnect: &proto::ReconnectResponse, now: Instant) {
        self.resumed(now);
        let state = self.sync_state();
        self.requests.push_front(state);
        self.replay_data(reconnect.last_message_seq);
        self.restart_links(now);
    }

    fn on_leave(&mut self, leave: &proto::LeaveRequest, now: Instant) {
        let action = Action::try_from(leave.action).unwrap_or(Action::Disconnect);
        let older = leave.can_reconnect && action == Action::Disconnect;
        match action {
            Action::Resume => self.reconnect(true, now),
            Action::Reconnect => self.reconnect(false, now),
            Action::Disconnect if older => self.reconnect(false, now),
            Action::Disconnect => {
                let reason = proto::DisconnectReason::try_from(leave.reason);
                self.finish(End::Server(reason.unwrap_or_default()), now);
            }
        }
    }

    fn on_request_response(&mut self, answered: proto::RequestResponse) {
        use proto::request_response::Reason;
        let reason = Reason::try_from(answered.reason).unwrap_or(Reason::UnclassifiedError);
        if let Some(Echo::AddTrack(request)) = &answered.request
            && !matches!(reason, Reason::Ok | Reason::Queued)
        {
            self.on_track_refused(&request.cid, &answered.message);
        }
        self.events.push_back(Event::RequestAnswered {
            request_id: answered.request_id,
            reason,
            message: answered.message,
        });
    }

    /// A new session knows nothing of our wishes; sids of this room still mean the same tracks.
    fn repeat_wishes(&mut self) {
        for wanted in [true, false] {
            let sids = self.wishes.iter().filter(|(_, w)| **w == wanted);
            let track_sids: Vec<String> = sids.map(|(sid, _)| sid.clone()).collect();
            if !track_sids.is_empty() {
                self.request(proto::signal_request::Message::Subscription(
                    proto::UpdateSubscription {
                        track_sids,
                        subscribe: wanted,
                        participant_tracks: Vec::new(),
                    },
                ));
            }
        }
    }
}
