//! Takes up changed keys while the daemon runs. Every signer and verifier shares one ring, so
//! replacing its keys is all there is to do: nothing restarts and nobody is disconnected.

use tokio::signal::unix::Signal;
use tracing::{error, info, warn};
use trunkline_base::token::KeyRing;
use trunkline_service::tasks::Stop;
use trunkline_service::watch::Watch;

use super::file::KeyFile;

/// Replaces the keys of `ring` whenever the key file changes or a hang-up signal asks for it, until
/// the drain begins. A file that is not there yet may come; development keys have none at all, and
/// the signal then does no harm.
pub(crate) async fn follow(file: Option<KeyFile>, ring: KeyRing, mut hangup: Signal, stop: Stop) {
    let paths = file.iter().flat_map(KeyFile::files);
    let mut watch = Watch::new(paths);
    if let Some(file) = &file {
        // Read again now that the files are watched: no change between is missed.
        let keys = file.load().ok().and_then(|book| book.ring());
        keys.iter().for_each(|keys| ring.replace(keys));
        tell_weak(&ring);
    }
    loop {
        let asked = tokio::select! {
            biased;
            () = stop.draining() => return,
            asked = watch.wait(hangup.recv()) => asked,
        };
        match &file {
            None if asked.is_some() => info!("no key file to reload; the keys stay"),
            Some(file) if watch.is_due() => reload(file, &mut watch, &ring),
            None | Some(_) => {}
        }
    }
}

/// A file that cannot be used changes nothing, and one that is being written is not looked at.
fn reload(file: &KeyFile, watch: &mut Watch, ring: &KeyRing) {
    let book = match watch.read(|| file.load()) {
        None => return,
        Some(Ok(book)) => book,
        Some(Err(error)) => {
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
