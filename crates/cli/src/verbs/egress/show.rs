//! An egress as it is shown.

use livekit_protocol as proto;

use crate::global::Global;
use crate::output::{self, plain};

/// Shows one egress.
pub(super) fn show(info: Option<proto::EgressInfo>, global: &Global) {
    let Some(info) = info else { return };
    output::answer(global.json, &info, || words(&info));
}

/// One egress in words.
pub(super) fn words(info: &proto::EgressInfo) -> String {
    let status = info.status().as_str_name();
    if info.error.is_empty() {
        format!("egress {}: {status}", info.egress_id)
    } else {
        format!(
            "egress {}: {status}: {}",
            info.egress_id,
            plain(&info.error)
        )
    }
}
