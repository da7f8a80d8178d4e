//! One file a verb: what was typed becomes what is done and shown.

pub(crate) mod calls;
pub(crate) mod config;
pub(crate) mod dispatch;
pub(crate) mod egress;
pub(crate) mod ingress;
pub(crate) mod keys;
pub(crate) mod models;
pub(crate) mod pairs;
pub(crate) mod room;
pub(crate) mod serve;
pub(crate) mod sip;
pub(crate) mod store;
pub(crate) mod token;

use std::time::SystemTime;

use trunkline_base::class::Class;
use trunkline_base::time::UnixTime;
use trunkline_base::token::KeyRing;
use trunkline_store::Store;

use crate::args::Global;
use crate::failure::{self, Failure};
use crate::settings::{self, Settings};
use crate::target;

pub(crate) fn now() -> UnixTime {
    UnixTime::from_system(SystemTime::now())
}

/// The settings, or what is wrong with them.
pub(crate) fn settings(global: &Global) -> Result<Settings, Failure> {
    settings::load(global, &global.env).map_err(|report| failure::config(&report))
}

/// The keys of the server that a verb would talk to.
pub(crate) fn keys(global: &Global) -> Result<KeyRing, Failure> {
    Ok(target::open(global)?.keys)
}

pub(crate) fn no_keys() -> Failure {
    Failure::new(Class::Denied, "auth.no_key", "there is no API key").or_else(
        "set LIVEKIT_API_KEY and LIVEKIT_API_SECRET, pass --api-key and --api-secret, \
         name a --project, make a key file with `trunkline keys add`, \
         or pass --dev for a development server",
    )
}

/// The store of the settings; it must be there already.
pub(crate) async fn store(global: &Global) -> Result<Store, Failure> {
    let path = settings(global)?.livekit.store;
    if !path.exists() {
        let text = format!(
            "there is no store at {} yet; `trunkline serve` makes it, TRUNKLINE_STORE names another",
            path.display()
        );
        return Err(Failure::new(Class::Missing, "store.missing", text));
    }
    Ok(Store::open(&path.display().to_string()).await?)
}
