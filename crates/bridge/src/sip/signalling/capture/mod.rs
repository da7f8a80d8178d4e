//! SIP of each call, kept for those who ask later. The signalling task only says which call a message
//! belongs to; covering what is secret, the store and Homer are another task's.
//!
//! ```text
//! signalling ──Tape──► lane ──► keeper: masked ──► store, a second's worth at once
//!                       └ full: a gap             └──► Homer, over UDP
//! ```
//! Nothing is kept of whom no trunk lets in.

mod homer;
mod keeper;
mod note;
mod tape;

use tokio::sync::mpsc;
use trunkline_service::tasks::Tasks;
use trunkline_store::Store;

use super::lane::lane;
use crate::sip::config::Capture;
use keeper::Keeper;

pub(crate) use tape::Tape;

/// Starts what keeps messages, if anybody wants them.
pub(crate) fn start(capture: &Capture, store: &Store, tasks: &Tasks) -> Tape {
    if !capture.sip && capture.homer.is_none() {
        return Tape::new(None);
    }
    let (tell, notes) = lane(NOTES, NOTE_BYTES);
    let homer = capture.homer.clone().map(|homer| {
        let (tell, seen) = mpsc::channel(SEEN);
        tasks.session("sip_homer", homer::tell(homer, seen));
        tell
    });
    let store = capture.sip.then(|| store.clone());
    tasks.session("sip_capture", Keeper::new(store, homer).run(notes));
    Tape::new(Some(tell))
}

/// Messages on their way to the keeper, who waits for nothing. Filling it means that the scheduler
/// stands still.
const NOTES: usize = 4096;

/// Bytes of them.
const NOTE_BYTES: u32 = 8 * 1024 * 1024;

/// Messages on their way to Homer: two seconds of thirty calls a second. Filling it means that its
/// name is being looked up.
const SEEN: usize = 512;
