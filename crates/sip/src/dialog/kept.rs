//! A dialog as it is written down, so that another process can go on with it.

use serde::{Deserialize, Serialize};

use super::{Dialog, DialogKey};
use crate::message::NameAddr;
use crate::uri::Uri;

/// A dialog in words: who, where, and the last numbers either way. It names people, so it is not
/// printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptDialog {
    call_id: String,
    local_tag: String,
    remote_tag: String,
    local: String,
    remote: String,
    target: String,
    routes: Vec<String>,
    local_seq: u32,
    remote_seq: Option<u32>,
}

impl Dialog {
    /// Writes it down.
    pub fn keep(&self) -> KeptDialog {
        KeptDialog {
            call_id: self.key.call_id.clone(),
            local_tag: self.key.local_tag.clone(),
            remote_tag: self.key.remote_tag.clone(),
            local: self.local.to_string(),
            remote: self.remote.to_string(),
            target: self.target.to_string(),
            routes: self.routes.iter().map(ToString::to_string).collect(),
            local_seq: self.local_seq,
            remote_seq: self.remote_seq,
        }
    }

    /// Goes on with one that was written down; `None` for what was not written by [`Self::keep`].
    ///
    /// Requests of ours may have gone out since, so their numbers go on a little further: what is
    /// left out between two of them is nobody's error (RFC 3261 12.2.2).
    pub fn restore(kept: &KeptDialog) -> Option<Self> {
        let routes = kept.routes.iter().map(|route| NameAddr::parse(route));
        let mut dialog = Self {
            key: DialogKey {
                call_id: kept.call_id.clone(),
                local_tag: kept.local_tag.clone(),
                remote_tag: kept.remote_tag.clone(),
            },
            local: NameAddr::parse(&kept.local)?,
            remote: NameAddr::parse(&kept.remote)?,
            target: Uri::lenient(&kept.target)?,
            routes: routes.collect::<Option<_>>()?,
            local_seq: kept.local_seq,
            remote_seq: kept.remote_seq,
        };
        dialog.count_from(kept.local_seq.saturating_add(UNWRITTEN));
        Some(dialog)
    }

    /// The number of the last request they sent.
    pub const fn remote_seq(&self) -> Option<u32> {
        self.remote_seq
    }
}

/// Requests of ours that may have gone out after the last writing: it is a second old at the most,
/// and inside a call nothing of ours goes out more often than that.
const UNWRITTEN: u32 = 16;
