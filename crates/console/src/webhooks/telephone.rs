//! Phone calls of a server whose gateway is not ours, as its events tell them. LiveKit has no event
//! of calls: a call is a participant of kind SIP with `sip.*` attributes, seen when it joins and
//! when it leaves. A call of our own gateway is in the store already, under the same id, and is
//! left as it is.

use async_trait::async_trait;
use livekit_protocol::DisconnectReason;
use trunkline_base::id::CallId;
use trunkline_base::secret::Personal;
use trunkline_base::time::UnixTime;
use trunkline_base::token::ParticipantKind;
use trunkline_client::webhook::{Happening, ParticipantEvent};
use trunkline_store::{CallEnd, CallStart, Direction, Sighting, Store};

use super::consumer::{Consumer, ConsumerError, Received};

/// Writes calls as events tell them.
#[derive(Debug)]
pub(super) struct SipCalls(pub(super) Store);

#[async_trait]
impl Consumer for SipCalls {
    async fn apply(&self, received: &Received) -> Result<(), ConsumerError> {
        let at = received.at();
        let seen = match received.event.happening() {
            Happening::ParticipantJoined(phone) => sighting(&phone, at, None),
            Happening::ParticipantLeft(phone) => {
                let reason = reason(phone.participant.disconnect_reason());
                sighting(&phone, at, Some(reason))
            }
            Happening::ParticipantConnectionAborted(phone) => sighting(&phone, at, Some("aborted")),
            Happening::RoomFinished(room) => {
                // Told in whole seconds, and calls begin within them.
                let end = UnixTime(at.0.saturating_add(999));
                let closed = self.0.calls().room_over(&room.name, end).await;
                return closed.map(drop).map_err(|error| (&error).into());
            }
            _ => None,
        };
        let Some(seen) = seen else { return Ok(()) };
        let written = self.0.calls().sighted(&seen).await;
        written.map_err(|error| (&error).into())
    }
}

/// What an event tells of a call; `None` when it is not about one.
fn sighting(
    phone: &ParticipantEvent<'_>,
    at: UnixTime,
    ended: Option<&'static str>,
) -> Option<Sighting> {
    if phone.kind != ParticipantKind::Sip {
        return None;
    }
    let attribute = |name: &str| {
        let value = phone.participant.attributes.get(name);
        value.cloned().unwrap_or_default()
    };
    let call_id = CallId::parse(attribute("sip.callID")).ok()?;
    let (ours, theirs) = (
        Personal::new(attribute("sip.trunkPhoneNumber")),
        Personal::new(attribute("sip.phoneNumber")),
    );
    let rule_id = attribute("sip.ruleID");
    // Only a call that came in was placed by a rule.
    let (direction, caller, called) = if rule_id.is_empty() {
        (Direction::Outbound, ours, theirs)
    } else {
        (Direction::Inbound, theirs, ours)
    };
    let status = attribute("sip.callStatus");
    let answered_at = (status == "active" && ended.is_none()).then_some(at);
    let end = ended.map(|reason| CallEnd {
        at,
        reason: reason.to_owned(),
        // LiveKit tells no status in its events.
        sip_status: None,
        summary: serde_json::json!({ "call_status": status }),
        ..CallEnd::default()
    });
    Some(Sighting {
        start: CallStart {
            call_id,
            room: Some(phone.room.name.clone()),
            direction,
            caller,
            called,
            trunk_id: attribute("sip.trunkID"),
            rule_id,
            at: joined(phone).unwrap_or(at),
        },
        answered_at,
        end,
    })
}

fn joined(phone: &ParticipantEvent<'_>) -> Option<UnixTime> {
    let (millis, seconds) = (phone.participant.joined_at_ms, phone.participant.joined_at);
    let of = |value: i64| u64::try_from(value).ok().filter(|value| *value > 0);
    of(millis)
        .map(UnixTime)
        .or_else(|| of(seconds).map(UnixTime::from_secs))
}

/// The store's words for LiveKit's reasons. Who hung up is not among them.
const fn reason(reason: DisconnectReason) -> &'static str {
    match reason {
        DisconnectReason::ClientInitiated => "hung_up",
        DisconnectReason::UserUnavailable => "unavailable",
        DisconnectReason::UserRejected => "rejected",
        DisconnectReason::SipTrunkFailure => "trunk_failed",
        DisconnectReason::ParticipantRemoved => "removed",
        DisconnectReason::RoomDeleted | DisconnectReason::RoomClosed => "room_ended",
        DisconnectReason::ServerShutdown => "drained",
        DisconnectReason::MediaFailure => "media_failed",
        DisconnectReason::ConnectionTimeout
        | DisconnectReason::SignalClose
        | DisconnectReason::StateMismatch => "room_lost",
        _ => "left",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};
    use trunkline_client::webhook::WebhookEvent;
    use trunkline_store::{Call, CallSource};

    use super::*;

    const AT: u64 = 1_800_000_000;

    fn event(word: &str, at: u64, participant: &Value) -> Received {
        let body = json!({
            "event": word, "id": format!("EV_{word}_{at}"), "createdAt": at.to_string(),
            "room": { "sid": "RM_1", "name": "call-1" }, "participant": participant,
        });
        Received {
            seq: 1,
            received_at: UnixTime::from_secs(at),
            event: Arc::new(WebhookEvent::parse(body.to_string().as_bytes()).unwrap()),
        }
    }

    fn phone(status: &str, extra: &Value) -> Value {
        let mut attributes = json!({
            "sip.callID": "SCL_1", "sip.callStatus": status, "sip.trunkID": "ST_1",
            "sip.phoneNumber": "+15550100", "sip.trunkPhoneNumber": "+15550199",
        });
        attributes
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        json!({
            "sid": "PA_1", "identity": "sip_1", "kind": "SIP", "joinedAt": AT.to_string(),
            "attributes": attributes,
        })
    }

    async fn told(events: &[Received]) -> Option<Call> {
        let store = Store::open(":memory:").await.unwrap();
        let calls = SipCalls(store.clone());
        for event in events {
            calls.apply(event).await.unwrap();
        }
        store.calls().get("SCL_1").await.unwrap()
    }

    fn left(reason: &str, status: &str) -> Received {
        let mut participant = phone(status, &json!({ "sip.ruleID": "SDR_1" }));
        participant["disconnectReason"] = reason.into();
        event("participant_left", AT + 60, &participant)
    }

    #[tokio::test]
    async fn an_inbound_call_is_told_from_its_joining_to_its_end() {
        let joined = phone("active", &json!({ "sip.ruleID": "SDR_1" }));
        let joined = event("participant_joined", AT + 2, &joined);
        let call = told(&[joined, left("CLIENT_INITIATED", "hangup")])
            .await
            .unwrap();
        assert_eq!(call.direction, Direction::Inbound);
        assert_eq!(
            (call.caller.expose().as_str(), call.called.expose().as_str()),
            ("+15550100", "+15550199")
        );
        assert_eq!(
            (call.trunk_id.as_str(), call.rule_id.as_str()),
            ("ST_1", "SDR_1")
        );
        assert_eq!(call.started_at, UnixTime::from_secs(AT));
        assert_eq!(call.answered_at, Some(UnixTime::from_secs(AT + 2)));
        assert_eq!(call.ended_at, Some(UnixTime::from_secs(AT + 60)));
        assert_eq!(call.end_reason.as_deref(), Some("hung_up"));
        assert_eq!(call.source, CallSource::Webhooks);
    }

    #[tokio::test]
    async fn an_outbound_call_that_is_refused_was_never_answered() {
        let mut refused = phone("ringing", &json!({}));
        let joined = event("participant_joined", AT, &refused);
        refused["disconnectReason"] = "USER_REJECTED".into();
        let call = told(&[joined, event("participant_left", AT + 9, &refused)])
            .await
            .unwrap();
        assert_eq!(call.direction, Direction::Outbound);
        assert_eq!(call.called.expose(), "+15550100");
        assert_eq!(
            (call.answered_at, call.end_reason.as_deref()),
            (None, Some("rejected"))
        );
    }

    #[tokio::test]
    async fn an_end_told_before_the_beginning_and_twice_changes_nothing() {
        let joined = phone("ringing", &json!({ "sip.ruleID": "SDR_1" }));
        let joined = event("participant_joined", AT + 1, &joined);
        let ended = left("PARTICIPANT_REMOVED", "active");
        let call = told(&[ended.clone(), joined, ended]).await.unwrap();
        assert_eq!(call.end_reason.as_deref(), Some("removed"));
        assert_eq!(call.started_at, UnixTime::from_secs(AT));
    }

    #[tokio::test]
    async fn a_lost_end_is_made_up_for_when_the_room_is_over() {
        let joined = phone("active", &json!({ "sip.ruleID": "SDR_1" }));
        let joined = event("participant_joined", AT, &joined);
        let over = event("room_finished", AT + 90, &Value::Null);
        let call = told(&[joined, over]).await.unwrap();
        assert_eq!(call.end_reason.as_deref(), Some("room_ended"));
    }

    #[tokio::test]
    async fn people_agents_and_calls_without_an_id_are_no_calls() {
        let mut person = phone("active", &json!({}));
        person["kind"] = "STANDARD".into();
        let mut nameless = phone("active", &json!({}));
        nameless["attributes"] = json!({});
        for participant in [person, nameless] {
            let joined = event("participant_joined", AT, &participant);
            assert!(told(&[joined]).await.is_none());
        }
    }
}
