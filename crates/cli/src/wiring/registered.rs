//! Writes down how registrations stand, for whoever asks from outside.

use std::time::Duration;

use tracing::warn;
use trunkline_bridge::sip::GatewayHandle;
use trunkline_service::tasks::Stop;
use trunkline_store::Store;

use crate::clock::now;
use crate::sip::registered::{EVERY, Sheet};

/// Until the process ends: then it says that they are taken back.
pub(super) async fn follow(mut gateway: GatewayHandle, store: Store, stop: Stop) {
    let mut is_told = false;
    loop {
        let sheet = Sheet::of(gateway.registrations(), now());
        let written = sheet.write(&store).await;
        if let Err(error) = &written
            && !std::mem::replace(&mut is_told, true)
        {
            warn!(%error, "how registrations stand cannot be written down");
        }
        is_told &= written.is_err();
        tokio::select! {
            biased;
            () = stop.hurry() => break,
            is_known = gateway.registration_changed() => if is_known {
                // A thousand trunks that come back are one change.
                tokio::time::sleep(SETTLE).await;
            } else {
                stop.hurry().await;
                break;
            },
            () = tokio::time::sleep(EVERY) => {}
        }
    }
    let last = Sheet {
        ended: true,
        ..Sheet::of(gateway.registrations(), now())
    };
    // A store that is gone says nothing of anybody.
    let _gone = last.write(&store).await;
}

const SETTLE: Duration = Duration::from_millis(200);
