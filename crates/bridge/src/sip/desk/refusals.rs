//! Refusals on their way to the store.

use std::net::IpAddr;

use serde_json::Value;
use tokio::sync::mpsc;
use tracing::warn;
use trunkline_base::secret::Personal;
use trunkline_base::time::UnixTime;
use trunkline_sip::routing::Refusal;
use trunkline_store::Store;

/// One refusal.
pub(crate) struct RefusalNote {
    pub(crate) at: UnixTime,
    pub(crate) source: IpAddr,
    pub(crate) caller: Personal<String>,
    pub(crate) called: Personal<String>,
    pub(crate) status: u16,
    pub(crate) why: Why,
}

/// What was lacking.
pub(crate) enum Why {
    /// A trunk or a rule.
    Route(Refusal),
    /// Something the call needed later, by the word it ends with.
    Call(&'static str),
}

/// Writes refusals until nobody sends any.
pub(crate) async fn write_refusals(store: Store, mut notes: mpsc::Receiver<RefusalNote>) {
    while let Some(note) = notes.recv().await {
        let (reason, considered) = match note.why {
            Why::Route(refusal) => (
                serde_json::to_value(refusal.reason).unwrap_or_default(),
                serde_json::to_value(&refusal.considered).unwrap_or_default(),
            ),
            Why::Call(word) => (word.into(), Value::Array(Vec::new())),
        };
        let row = trunkline_store::Refusal {
            at: note.at,
            source: Personal::new(note.source.to_string()),
            caller: note.caller,
            called: note.called,
            sip_status: note.status,
            reason: reason.as_str().unwrap_or("unknown").to_owned(),
            considered,
        };
        if let Err(error) = store.refusals().put(&row).await {
            warn!(%error, "refusal could not be stored");
        }
    }
}
