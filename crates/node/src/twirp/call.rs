//! One Twirp call: who asks, in which encoding, and the typed function that answers.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{Code, TwirpError};
use super::json;
use crate::caller::Caller;
use crate::encoding::Encoding;

/// A call on its way to a service method.
pub(crate) struct Call {
    pub(crate) caller: Caller,
    /// What the body is written in, or the content type that says nothing known. Looked at only
    /// once the method is known to exist.
    pub(crate) encoding: Result<Encoding, String>,
    pub(crate) body: Bytes,
    pub(crate) path: String,
}

impl Call {
    /// Decodes, asks `answer`, encodes.
    pub(crate) async fn run<Request, Reply, Answer>(
        self,
        answer: impl FnOnce(Caller, Request) -> Answer,
    ) -> Response
    where
        Request: Message + Default + DeserializeOwned,
        Reply: Message + Serialize,
        Answer: Future<Output = Result<Reply, TwirpError>> + Send,
    {
        let encoding = match self.encoding {
            Ok(encoding) => encoding,
            Err(given) => {
                let text = format!("unexpected Content-Type: {given:?}");
                return bad_route(text, "POST", &self.path);
            }
        };
        let request = match decode::<Request>(encoding, self.body) {
            Ok(request) => request,
            Err(error) => return error.into_response(),
        };
        match answer(self.caller, request).await {
            Ok(reply) => encode(encoding, &reply),
            Err(error) => {
                tracing::debug!(path = %self.path, code = error.code.as_str(), "call refused");
                error.into_response()
            }
        }
    }

    /// The method does not exist in this service.
    pub(crate) fn no_method(&self) -> Response {
        bad_route(
            format!("no handler for path {:?}", self.path),
            "POST",
            &self.path,
        )
    }
}

/// The answer to a path, verb or content type that is no Twirp call.
pub(crate) fn bad_route(msg: String, method: &str, path: &str) -> Response {
    TwirpError::new(Code::BadRoute, msg)
        .with_meta("twirp_invalid_route", format!("{method} {path}"))
        .into_response()
}

fn decode<Request>(encoding: Encoding, body: Bytes) -> Result<Request, TwirpError>
where
    Request: Message + Default + DeserializeOwned,
{
    let malformed = |what: &str| {
        TwirpError::new(
            Code::Malformed,
            format!("the {what} request could not be decoded"),
        )
    };
    match encoding {
        Encoding::Protobuf => Request::decode(body).map_err(|_| malformed("protobuf")),
        Encoding::Json => json::read(&body).map_err(|_| malformed("json")),
    }
}

fn encode<Reply: Message + Serialize>(encoding: Encoding, reply: &Reply) -> Response {
    let (kind, body) = match encoding {
        Encoding::Protobuf => ("application/protobuf", reply.encode_to_vec()),
        Encoding::Json => match json::write(reply) {
            Ok(body) => ("application/json", body),
            Err(error) => {
                tracing::error!(%error, "an API reply could not be written");
                return TwirpError::new(Code::Internal, "internal error").into_response();
            }
        },
    };
    let mut response = Response::new(Body::from(body));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use livekit_protocol as proto;

    #[test]
    fn json_is_read_in_both_spellings_and_unknown_fields_are_skipped() {
        let body = br#"{"name":"a","empty_timeout":7,"departureTimeout":8,"later":1}"#;
        let request: proto::CreateRoomRequest =
            decode(Encoding::Json, Bytes::from_static(body)).unwrap();
        assert_eq!((request.empty_timeout, request.departure_timeout), (7, 8));
    }

    #[test]
    fn a_body_that_is_not_the_message_is_malformed() {
        let body = Bytes::from_static(b"\xff\xff\xff");
        for encoding in [Encoding::Json, Encoding::Protobuf] {
            let error = decode::<proto::CreateRoomRequest>(encoding, body.clone()).unwrap_err();
            assert_eq!(error.code, Code::Malformed);
        }
        let empty = decode::<proto::CreateRoomRequest>(Encoding::Json, Bytes::new());
        assert_eq!(empty.unwrap_err().code, Code::Malformed, "no JSON at all");
        assert!(decode::<proto::CreateRoomRequest>(Encoding::Protobuf, Bytes::new()).is_ok());
    }

    #[test]
    fn a_charset_does_not_change_the_encoding() {
        let mut headers = HeaderMap::new();
        assert!(Encoding::of(&headers).is_err());
        let value = HeaderValue::from_static("application/json;charset=UTF-8");
        headers.insert(header::CONTENT_TYPE, value);
        assert_eq!(Encoding::of(&headers), Ok(Encoding::Json));
    }
}
