//! Calls of participants' methods by the API: what LiveKit's RPC knows of failure.

use super::error::RoomError;

/// How a call ended, or why it could not be made.
pub(crate) type RpcOutcome = Result<Result<String, RpcFailure>, RoomError>;

/// Why a call failed, as participants tell it: number, text, and a word more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("RpcError {code}: {message}{}{data}", if data.is_empty() { "" } else { ": " })]
pub struct RpcFailure {
    pub code: u32,
    pub message: String,
    pub data: String,
}

impl RpcFailure {
    pub const UNSUPPORTED_METHOD: u32 = 1400;
    pub const NO_RECIPIENT: u32 = 1401;
    pub const REQUEST_TOO_LARGE: u32 = 1402;
    pub const UNSUPPORTED_SERVER: u32 = 1403;
    pub const UNSUPPORTED_VERSION: u32 = 1404;
    pub const CONNECTION_TIMEOUT: u32 = 1501;
    pub const RESPONSE_TIMEOUT: u32 = 1502;
    pub const DISCONNECTED: u32 = 1503;
    pub const SEND_FAILED: u32 = 1505;

    /// A failure on the way.
    pub(crate) fn built_in(code: u32) -> Self {
        let message = match code {
            Self::REQUEST_TOO_LARGE => "Request payload too large",
            Self::CONNECTION_TIMEOUT => "Connection timeout",
            Self::RESPONSE_TIMEOUT => "Response timeout",
            Self::DISCONNECTED => "Recipient disconnected",
            _ => "Failed to send",
        };
        Self {
            code,
            message: message.to_owned(),
            data: String::new(),
        }
    }

    /// What the participant said.
    pub(crate) fn told(error: livekit_protocol::RpcError) -> Self {
        Self {
            code: error.code,
            message: error.message,
            data: error.data,
        }
    }
}

/// The largest payload a participant takes in one packet.
pub(crate) const MAX_PAYLOAD: usize = 15_360;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_as_participants_write_it() {
        let late = RpcFailure::built_in(RpcFailure::RESPONSE_TIMEOUT);
        assert_eq!(late.to_string(), "RpcError 1502: Response timeout");
        let told = RpcFailure {
            code: 1500,
            message: "Application error in method handler".to_owned(),
            data: "no tea".to_owned(),
        };
        let text = "RpcError 1500: Application error in method handler: no tea";
        assert_eq!(told.to_string(), text);
    }
}
