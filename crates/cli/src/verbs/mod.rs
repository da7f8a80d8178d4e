//! One file a verb: what was typed becomes what is done and shown.

pub(crate) mod call;
pub(crate) mod calls;
pub(crate) mod config;
pub(crate) mod dispatch;
pub(crate) mod doctor;
pub(crate) mod egress;
pub(crate) mod ingress;
pub(crate) mod init;
pub(crate) mod keys;
pub(crate) mod models;
pub(crate) mod pairs;
pub(crate) mod reload;
pub(crate) mod room;
pub(crate) mod serve;
pub(crate) mod sip;
pub(crate) mod store;
pub(crate) mod token;
pub(crate) mod trunk;

use trunkline_base::class::Class;
use trunkline_base::token::KeyRing;
use trunkline_store::Store;

use crate::failure::{self, Failure};
use crate::global::Global;
use crate::settings::{self, Settings};
use crate::target;

/// The settings, or what is wrong with them.
pub(crate) fn settings(global: &Global) -> Result<Settings, Failure> {
    settings::load(global, &global.env).map_err(|report| failure::config(&report))
}

/// The keys of the server that a verb would talk to.
pub(crate) fn keys(global: &Global) -> Result<KeyRing, Failure> {
    Ok(target::open(global)?.keys)
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
