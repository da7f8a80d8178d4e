//! A track that we publish.

use tokio::sync::mpsc;
use trunkline_base::id::TrackSid;

use super::command::{Command, OutgoingFrame, Published, ask};
use super::error::RequestError;
use super::media::OpusFrame;

/// A track of ours. A cheap handle: clones are the same track.
#[derive(Clone, Debug)]
pub struct AudioTrack {
    published: Published,
    /// Weak: a track does not keep its room open.
    commands: mpsc::WeakSender<Command>,
}

impl AudioTrack {
    pub(super) const fn new(published: Published, commands: mpsc::WeakSender<Command>) -> Self {
        Self {
            published,
            commands,
        }
    }

    /// Sends a packet. Never waits; false once the room is over. A packet that finds the lane full
    /// pushes out the oldest one.
    pub fn send(&self, frame: OpusFrame) -> bool {
        self.published.lane.push(OutgoingFrame {
            track: self.published.key,
            frame,
        })
    }

    /// The track's id; a full reconnect gives it a new one.
    pub fn sid(&self) -> TrackSid {
        self.published.state.borrow().sid.clone()
    }

    pub fn is_muted(&self) -> bool {
        self.published.state.borrow().muted
    }

    /// Waits until somebody hears it; false when the track ends first.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn subscribed(&self) -> bool {
        self.published
            .state
            .clone()
            .wait_for(|state| state.subscribed)
            .await
            .is_ok()
    }

    /// Mutes or unmutes.
    ///
    /// # Errors
    /// [`RequestError::Closed`] when the room is over.
    pub async fn mute(&self, muted: bool) -> Result<(), RequestError> {
        let commands = self.commands.upgrade().ok_or(RequestError::Closed)?;
        ask(&commands, |answer| Command::Mute {
            track: self.published.key,
            muted,
            answer,
        })
        .await
    }

    /// Withdraws the track.
    ///
    /// # Errors
    /// [`RequestError::Closed`] when the room is over.
    pub async fn unpublish(self) -> Result<(), RequestError> {
        let commands = self.commands.upgrade().ok_or(RequestError::Closed)?;
        ask(&commands, |answer| Command::Unpublish {
            track: self.published.key,
            answer,
        })
        .await
    }
}
