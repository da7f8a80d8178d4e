//! What a refusal means: for the journal in a word, for the room as a reason to leave.

use trunkline_client::room::DisconnectReason;

/// A word for the journal and the metrics.
pub(super) const fn word(status: u16) -> &'static str {
    match status {
        486 | 600 => "busy",
        401 | 407 => "login_refused",
        404 | 410 | 484 | 604 => "no_such_number",
        408 | 480 | 487 => "unavailable",
        488 | 606 | 415 => "no_common_media",
        300..=399 => "moved",
        500..=599 => "trunk_failed",
        _ => "rejected",
    }
}

/// The reason others in the room see. LiveKit honours few when a participant gives them itself.
pub(super) const fn reason(status: u16) -> DisconnectReason {
    match status {
        401 | 403 | 407 | 486 | 488 | 600..=699 => DisconnectReason::UserRejected,
        _ => DisconnectReason::UserUnavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_is_a_refusal_and_nobody_home_is_none() {
        assert_eq!(reason(486), DisconnectReason::UserRejected);
        assert_eq!(reason(603), DisconnectReason::UserRejected);
        assert_eq!(reason(480), DisconnectReason::UserUnavailable);
        assert_eq!((word(600), word(503)), ("busy", "trunk_failed"));
    }
}
