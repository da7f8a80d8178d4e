//! What calls of both directions are made of once they have a line: sound, offers and answers, hold,
//! keys.

mod outlive;

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{Instrument as _, error, info, warn};
use trunkline_client::room::Room;
use trunkline_sip::endpoint::Transport;
use trunkline_sip::message::Request;
use trunkline_sip::sdp::Agreement;

use super::super::journal::{Keeper, KeptPhone};
use super::super::media::{MediaCommand, MediaEvent, MediaSession, MediaSummary, Reel};
use super::super::signalling::{Command, Line, now};
use super::hold::{Hold, PhoneLine};
use super::keys::{Keys, Way, relayed_key};
use super::negotiate::{Negotiation, Proposal};
use super::prepared::{Ends, Prepared};

/// The talk of one call.
pub(super) struct Talk {
    media: mpsc::Sender<MediaCommand>,
    events: mpsc::Receiver<MediaEvent>,
    task: JoinHandle<MediaSummary>,
    pub(super) negotiation: Negotiation,
    hold: Hold,
    keys: Keys,
    /// What carries keys for all to read, until that is said.
    in_the_open: Option<Transport>,
    /// Requests to the room that nobody waits for.
    chores: JoinSet<()>,
    /// What is written down of the call.
    keeper: Option<Keeper>,
    /// Another phone than the one that was called has picked up, before there was a keeper.
    picked_up: Option<KeptPhone>,
}

impl Talk {
    /// Begins to listen to a phone.
    pub(super) fn begin(prepared: Prepared) -> Self {
        let Prepared {
            setup,
            negotiation,
            in_the_open,
        } = prepared;
        let (media, commands) = mpsc::channel(MEDIA_COMMANDS);
        let (tell, events) = mpsc::channel(MEDIA_EVENTS);
        let session = MediaSession::new(setup, tell).run(commands);
        #[expect(clippy::disallowed_methods, reason = "the call joins it at its end")]
        let task = tokio::spawn(session.in_current_span());
        Self {
            media,
            events,
            task,
            negotiation,
            hold: Hold::new(),
            keys: Keys::default(),
            in_the_open,
            chores: JoinSet::new(),
            keeper: None,
            picked_up: None,
        }
    }

    /// Packets are kept from now on, where there is what keeps them.
    pub(super) fn capture(&self, reel: Option<Box<Reel>>) {
        if let Some(reel) = reel {
            self.tell(MediaCommand::Keep(reel));
        }
    }

    /// Another phone comes in the place of this one: what it agreed to, unless that is still to come.
    pub(super) fn change_phone(&mut self, prepared: Prepared, agreement: Option<Agreement>) {
        let Prepared {
            setup,
            negotiation,
            in_the_open,
        } = prepared;
        self.tell(MediaCommand::ChangePhone(Box::new(setup)));
        self.negotiation = negotiation;
        self.in_the_open = in_the_open;
        self.keys = Keys::default();
        if let Some(agreement) = agreement {
            self.agree(agreement);
        }
        self.tell(MediaCommand::Start);
    }

    /// The phone has gone, and another one is to come: nobody is heard until then.
    pub(super) fn rest(&mut self) {
        if let Some(agreement) = self.negotiation.at_rest() {
            self.agree(agreement);
        }
    }

    /// The sound is to go to another place, with which nothing is agreed yet: what is offered there.
    pub(super) fn turn_to(&mut self, ends: &Ends) -> Bytes {
        self.negotiation.speak_from(ends.ours);
        self.tell(MediaCommand::Host {
            ours: self.negotiation.address(),
            theirs: ends.theirs,
        });
        self.in_the_open = Some(ends.transport).filter(|transport| !transport.is_encrypted());
        self.negotiation.proposed()
    }

    /// The next thing that happens here; chores that are done are none of it. `None` once the media
    /// has ended, which it does of itself only when it is broken.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn next(&mut self) -> Option<MediaEvent> {
        let event = loop {
            tokio::select! {
                Some(_) = self.chores.join_next() => {}
                event = self.events.recv() => match event {
                    Some(MediaEvent::Reached(place)) => self.note(*place),
                    event => break event,
                },
            }
        };
        if event.is_none() {
            error!("the media of this call is broken; the call ends");
        }
        event
    }

    /// Tells the media; it is never waited for.
    pub(super) fn tell(&self, command: MediaCommand) {
        if self.media.try_send(command).is_err() {
            warn!("media does not take its commands");
        }
    }

    pub(super) const fn lane(&self) -> &mpsc::Sender<MediaCommand> {
        &self.media
    }

    /// Both sides agreed, for the first time or anew.
    pub(super) fn agree(&mut self, agreement: Agreement) {
        if agreement.keys.is_some()
            && let Some(transport) = self.in_the_open.take()
        {
            let transport = transport.as_str();
            info!(
                transport,
                "the keys of the audio came unencrypted: others may have read them"
            );
        }
        self.hold.agree(PhoneLine::of(&agreement), now());
        self.tell(MediaCommand::Agree(agreement));
    }

    /// Reads their answer to our offer; whether they can be talked to.
    pub(super) fn accept(&mut self, body: &[u8]) -> bool {
        let agreement = self.negotiation.accept(body);
        let agreed = agreement.is_some();
        if let Some(agreement) = agreement {
            self.agree(agreement);
        }
        agreed
    }

    /// A re-INVITE: hold, resume, a new address, or only a sign of life.
    pub(super) async fn change(&mut self, request: &Request, line: &Line) {
        let leg = line.leg;
        let command = match self.negotiation.respond(&request.body) {
            Ok(Proposal { sdp, agreement }) => {
                if let Some(agreement) = agreement {
                    let encrypted = agreement.keys.is_some();
                    info!(held = agreement.on_hold(), encrypted, "session changed");
                    self.agree(agreement);
                }
                Command::AnswerChange { leg, sdp }
            }
            Err(rejection) => Command::RefuseChange { leg, rejection },
        };
        line.tell(command).await;
    }

    /// When the call has been on hold for too long.
    pub(super) fn held_until(&self, limit: Duration) -> Option<Instant> {
        self.hold.ends_at(limit)
    }

    /// The room is there: it hears of holds from now on.
    pub(super) fn enter(&mut self, room: &Room) {
        self.chores.spawn(self.hold.tell(room.clone()));
    }

    /// Something to ask of the room, for which nobody waits.
    pub(super) fn chore(&mut self, chore: impl Future<Output = ()> + Send + 'static) {
        if self.chores.len() >= MAX_CHORES {
            warn!("the room does not answer; a request to it is left out");
            return;
        }
        self.chores.spawn(chore);
    }

    /// Is this a press that has not come the other way already?
    pub(super) fn is_new(&mut self, way: Way, (digit, held): (char, Duration)) -> bool {
        self.keys.is_new(way, digit, held, now())
    }

    /// A key in an INFO that the call keeps to itself, if it is one and a new press.
    pub(super) fn keep_relayed(&mut self, content_type: &str, body: &[u8]) -> Option<char> {
        let relayed = relayed_key(content_type, body)?;
        let is_new = self.is_new(Way::Info, (relayed.key, relayed.held));
        is_new.then_some(relayed.key)
    }

    /// A key in an INFO, if it is one.
    pub(super) fn relay(&mut self, room: Option<&Room>, content_type: &str, body: &[u8]) {
        if let Some(relayed) = relayed_key(content_type, body) {
            self.press(room, Way::Info, (relayed.key, relayed.held));
        }
    }

    /// Tells the room of a key, without making the call wait.
    pub(super) fn press(&mut self, room: Option<&Room>, way: Way, (digit, held): (char, Duration)) {
        if !self.is_new(way, (digit, held)) {
            return;
        }
        let _ = self.media.try_send(MediaCommand::Pressed);
        let (Some(room), Some(code)) = (room.cloned(), trunkline_sip::dtmf::code(digit)) else {
            return;
        };
        self.chore(async move {
            let told = room.send_dtmf(u32::from(code), &digit.to_string()).await;
            if told.is_err() {
                warn!("a key did not reach the room");
            }
        });
    }

    /// Lets go of sound and hold; what is under way ends by itself.
    pub(super) fn end(self) -> Rest {
        Rest {
            task: self.task,
            chores: self.chores,
        }
    }
}

/// What is left of a talk that is over.
pub(super) struct Rest {
    task: JoinHandle<MediaSummary>,
    chores: JoinSet<()>,
}

impl Rest {
    /// Waits for its figures, not for long.
    pub(super) async fn figures(&mut self, limit: Duration) -> MediaSummary {
        match tokio::time::timeout(limit, &mut self.task).await {
            Ok(Ok(summary)) => summary,
            _ => {
                self.task.abort();
                MediaSummary::default()
            }
        }
    }

    /// Waits for what was asked of the room, not for long.
    pub(super) async fn over(mut self, limit: Duration) {
        let rest = async { while self.chores.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(limit, rest).await;
    }
}

/// Commands waiting for media. Filling it means the media task is stuck.
const MEDIA_COMMANDS: usize = 64;

/// Events waiting for the call. Filling it loses keys, which then were typed faster than any hand.
const MEDIA_EVENTS: usize = 64;

/// Requests to the room under way at the same time. Filling it means the room does not answer.
const MAX_CHORES: usize = 32;

#[cfg(test)]
mod tests {
    use trunkline_sip::sdp::{Codec, Encryption};

    use super::*;

    #[expect(
        clippy::disallowed_methods,
        reason = "a task of this test, which ends it"
    )]
    #[tokio::test]
    async fn media_that_breaks_is_noticed_while_chores_go_on() {
        let (media, commands) = mpsc::channel(1);
        let (tell, events) = mpsc::channel(1);
        let task = async move {
            let _held = (commands, tell);
            panic!("a packet that nobody has thought of")
        };
        let address = ([192, 0, 2, 1], 10_000).into();
        let mut chores = JoinSet::new();
        chores.spawn(std::future::pending());
        let mut talk = Talk {
            media,
            events,
            task: tokio::spawn(task),
            negotiation: Negotiation::new(address, vec![Codec::Pcmu], Encryption::Disable, 1),
            hold: Hold::new(),
            keys: Keys::default(),
            in_the_open: None,
            chores,
            keeper: None,
            picked_up: None,
        };
        assert!(talk.next().await.is_none());
    }
}
