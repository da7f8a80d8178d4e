//! The SIP of a call, as the store has it.

use bytes::Bytes;
use trunkline_base::class::Class;
use trunkline_sip::capture::Captured;
use trunkline_sip::endpoint::{Flow, Transport};
use trunkline_store::{SipMessage, Store};

use crate::failure::Failure;

pub(super) async fn captured(store: &Store, call: &str) -> Result<Vec<Captured>, Failure> {
    let messages = store.sip_messages().of_call(call).await?;
    Ok(messages.into_iter().filter_map(read).collect())
}

/// A remedy where there is nothing.
pub(super) fn needed(messages: &[Captured], call: &str) -> Result<(), Failure> {
    if !messages.is_empty() {
        return Ok(());
    }
    let text = format!("no SIP is kept of call {call}");
    Err(Failure::new(Class::Missing, "calls.no_sip", text).or_else(
        "see gateway.capture.sip of livekit-sip-correct.yaml and retention.sip of security.yaml; \
             calls of another gateway leave none here",
    ))
}

fn read(message: SipMessage) -> Option<Captured> {
    let all = [Transport::Udp, Transport::Tcp, Transport::Tls];
    let transport = all
        .into_iter()
        .find(|transport| transport.word() == message.transport)?;
    Some(Captured {
        seq: message.seq,
        at_us: message.at_us,
        sent: message.sent,
        flow: Flow {
            transport,
            local: message.local.parse().ok()?,
            remote: message.remote.parse().ok()?,
        },
        bytes: Bytes::from(message.bytes.into_inner()),
    })
}
