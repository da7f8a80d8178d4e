//! The two ways in which LiveKit's messages are written.

use http::{HeaderMap, header};

/// How a message is written; its answer is written the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    Protobuf,
}

impl Encoding {
    /// Reads the content type of a request; parameters such as a charset are ignored.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, String> {
        let given = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let given = given.unwrap_or_default();
        let kind = given.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/json") {
            Ok(Self::Json)
        } else if kind.eq_ignore_ascii_case("application/protobuf") {
            Ok(Self::Protobuf)
        } else {
            Err(given.to_owned())
        }
    }
}
