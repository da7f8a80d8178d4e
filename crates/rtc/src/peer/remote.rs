//! What the far end's last description said about its media.

use std::collections::{BTreeMap, BTreeSet};

use crate::sdp::{Description, Direction, Excess, Kind, Msid, Section, within};

use super::codec::Codec;
use super::event::PeerEvent;
use super::section::{MediaKind, Mid, RemoteMedia};

/// The far end's sections.
#[derive(Debug, Default)]
pub(super) struct RemoteSections {
    sending: BTreeMap<Mid, RemoteMedia>,
    receiving: Vec<(Mid, MediaKind)>,
    application: bool,
    /// ICE user fragment and password.
    credentials: Option<(String, String)>,
    /// Every source ever declared. The engine keeps a stream for each.
    sources: BTreeSet<u32>,
}

/// Sources one far end may declare in its life: more than a browser does that publishes and
/// gives up a track every ten seconds of a day.
const MAX_SOURCES: usize = 10_000;

/// Media the far end sends according to a description, without touching any peer. Used to match
/// sections to announced tracks before the description is accepted.
pub(crate) fn sending(description: &Description) -> Vec<RemoteMedia> {
    let sections = description.sections().iter();
    sections
        .filter(|s| !s.rejected() && s.direction().sends())
        .filter_map(read)
        .collect()
}

fn read(section: &Section) -> Option<RemoteMedia> {
    let Msid { stream, track } = section.msid().unwrap_or_default();
    Some(RemoteMedia {
        mid: section.mid()?.into(),
        kind: media_kind(section.kind())?,
        stream_id: stream,
        track_id: track,
        codecs: section.codec_names().map(Codec::from_name).collect(),
    })
}

pub(super) fn media_kind(kind: Kind) -> Option<MediaKind> {
    match kind {
        Kind::Audio => Some(MediaKind::Audio),
        Kind::Video => Some(MediaKind::Video),
        Kind::Application | Kind::Other => None,
    }
}

impl RemoteSections {
    /// Looks at a description that has not been accepted yet.
    ///
    /// # Errors
    /// With it the far end would have declared too many sources.
    pub(super) fn admit(&mut self, description: &Description) -> Result<(), Excess> {
        let declared = description.sections().iter().flat_map(Section::sources);
        self.sources.extend(declared);
        within("sources", self.sources.len(), MAX_SOURCES)
    }

    /// ICE user fragment and password of the description accepted last.
    pub(super) const fn credentials(&self) -> Option<&(String, String)> {
        self.credentials.as_ref()
    }

    /// Takes over a new description and says what changed.
    pub(super) fn update(&mut self, description: &Description) -> Vec<PeerEvent> {
        let now: BTreeMap<Mid, RemoteMedia> = sending(description)
            .into_iter()
            .map(|m| (m.mid, m))
            .collect();
        let mut events = Vec::new();
        for (mid, old) in &self.sending {
            if !now.contains_key(mid) {
                events.push(PeerEvent::MediaRemoved(old.clone()));
            }
        }
        for (mid, new) in &now {
            match self.sending.get(mid) {
                None => events.push(PeerEvent::MediaAdded(new.clone())),
                Some(old) if old.stream_id != new.stream_id || old.track_id != new.track_id => {
                    events.push(PeerEvent::MediaChanged(new.clone()));
                }
                Some(_) => {}
            }
        }
        let credentials = description.credentials();
        self.credentials = credentials.map(|(ufrag, pass)| (ufrag.to_owned(), pass.to_owned()));
        self.sending = now;
        self.receiving = receiving(description);
        self.application |= description
            .sections()
            .iter()
            .any(|s| s.kind() == Kind::Application);
        events
    }

    /// Sections on which the far end only receives, in order.
    pub(super) fn receiving(&self) -> impl Iterator<Item = (Mid, MediaKind)> + '_ {
        self.receiving.iter().copied()
    }

    pub(super) fn is_sending(&self, mid: Mid) -> bool {
        self.sending.contains_key(&mid)
    }

    pub(super) fn has_application(&self) -> bool {
        self.application
    }
}

fn receiving(description: &Description) -> Vec<(Mid, MediaKind)> {
    let open = |s: &&Section| !s.rejected() && s.direction() == Direction::RecvOnly;
    let sections = description.sections().iter().filter(open);
    sections
        .filter_map(|s| Some((s.mid()?.into(), media_kind(s.kind())?)))
        .collect()
}
