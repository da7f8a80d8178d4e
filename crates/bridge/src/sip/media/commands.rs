//! What a call and its media say to each other.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use trunkline_base::id::TrackSid;
use trunkline_client::room::{AudioTrack, RemoteTrack};
use trunkline_sip::sdp::Agreement;

use super::super::load::Inside;
use super::Pair;
use super::cue::Cue;
use super::place::Place;
use super::summary::Rating;
use super::tap::Reel;

/// What a media task begins with.
pub(crate) struct Setup {
    pub(crate) pair: Pair,
    /// Where we take RTP, as the phone is told.
    pub(crate) ours: SocketAddr,
    /// Where the signalling comes from.
    pub(crate) host: IpAddr,
    /// End of patience with a silent wire.
    pub(crate) media_timeout: Duration,
    /// How hard Opus works on the caller's voice.
    pub(crate) complexity: u8,
    /// SSRC, first sequence number and timestamp.
    pub(crate) start: (u32, u16, u32),
    pub(crate) cname: String,
    /// Its place among the calls, and where its packets are counted beside theirs.
    pub(crate) load: Inside,
}

/// What the call tells its media.
pub(crate) enum MediaCommand {
    /// The sides agreed, for the first time or anew.
    Agree(Agreement),
    /// The call is answered: send from now on.
    Start,
    /// Before anything was agreed: where we are for whoever is there, and from where their signalling
    /// comes.
    Host { ours: SocketAddr, theirs: IpAddr },
    /// Packets are kept from now on.
    Keep(Box<Reel>),
    /// The caller's voice goes into this track.
    Publish(AudioTrack),
    /// The caller hears this track.
    Hear(RemoteTrack),
    /// No longer.
    Forget(TrackSid),
    /// Keys for the phone.
    Press(String),
    /// The room hears the tone of a line that rings, or no longer.
    Tone(bool),
    /// The phone hears the tone of a line that rings, and not the room, or no longer.
    Ringback(bool),
    /// The phone hears this, once.
    Play(Cue),
    /// A key that came to the room, by whichever way.
    Pressed,
    /// Say now where both streams are.
    Tell,
    /// Both streams go on from where a process that is gone wrote them down.
    GoOn(Box<Place>),
    /// Another phone takes the place of this one, once it is agreed with and started.
    ChangePhone(Box<Setup>),
}

/// What media tells the call.
#[derive(Debug)]
pub(crate) enum MediaEvent {
    /// The caller pressed a key.
    Key(char),
    /// Nothing comes from the phone any more.
    Silent,
    /// The keys for the phone are all pressed.
    Played,
    /// It sounds better or worse than was told before.
    Rated(Rating),
    /// Where both streams are, for whoever writes that down.
    Reached(Box<Place>),
}
