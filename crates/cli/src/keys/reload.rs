//! Takes up changed keys while the daemon runs. Every signer and verifier shares one ring, so
//! replacing its keys is all there is to do: nothing restarts and nobody is disconnected.

use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};
use trunkline_base::token::KeyRing;
use trunkline_service::tasks::Stop;

use super::file::{KeyFile, Stamp};

/// How often the files are looked at. A rotation waits for hours, so seconds do not matter.
const LOOK: Duration = Duration::from_secs(1);

/// Replaces the keys of `ring` whenever the key file changes or a hang-up signal asks for it, until
/// the drain begins. A file that is not there yet may come; development keys have none at all, and
/// the signal then does no harm.
pub(crate) async fn follow(file: Option<KeyFile>, ring: KeyRing, mut hangup: Signal, stop: Stop) {
    let mut seen = file.as_ref().map(KeyFile::stamp);
    if let Some(file) = &file {
        // Read again now that the files are watched: no change between is missed.
        let keys = file.load().ok().and_then(|book| book.ring());
        keys.iter().for_each(|keys| ring.replace(keys));
        tell_weak(&ring);
    }
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let asked = tokio::select! {
            biased;
            () = stop.draining() => return,
            _ = hangup.recv() => true,
            _ = looks.tick() => false,
        };
        let Some(file) = &file else {
            if asked {
                info!("no key file to reload; the keys stay");
            }
            continue;
        };
        let stamp: Stamp = file.stamp();
        if asked || seen != Some(stamp) {
            seen = Some(stamp);
            reload(file, &ring);
        }
    }
}

/// A file that cannot be used changes nothing.
fn reload(file: &KeyFile, ring: &KeyRing) {
    let book = match file.load() {
        Ok(book) => book,
        Err(error) => {
            error!(%error, "API keys not reloaded, the old ones stay");
            return;
        }
    };
    if let Some(new) = book.ring() {
        ring.replace(&new);
        tell_weak(ring);
        let verifying = new.keys().len();
        info!(active = new.active().id(), verifying, "API keys reloaded");
    }
}

fn tell_weak(ring: &KeyRing) {
    for key in ring.keys().iter().filter(|key| key.is_weak()) {
        warn!(
            key = key.id(),
            "the secret is shorter than 32 characters; rotate to a new key"
        );
    }
}
