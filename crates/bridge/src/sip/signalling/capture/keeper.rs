//! Covers what is secret, and brings messages to the store and to Homer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use trunkline_service::metrics::{Counter, count};
use trunkline_sip::capture::Captured;
use trunkline_sip::message::masked;
use trunkline_store::{Row, SipMessage, Store};

use super::super::lane::Receiver;
use super::note::Note;

/// What homer is told.
pub(super) type Seen = (Arc<str>, Captured);

/// The one task that keeps.
pub(super) struct Keeper {
    store: Option<Store>,
    homer: Option<mpsc::Sender<Seen>>,
    waiting: Vec<SipMessage>,
    waiting_bytes: usize,
    /// Messages of each call in this second.
    lately: BTreeMap<Arc<str>, u32>,
    /// Bytes written since the store was last looked at.
    written: usize,
}

impl Keeper {
    pub(super) const fn new(store: Option<Store>, homer: Option<mpsc::Sender<Seen>>) -> Self {
        Self {
            store,
            homer,
            waiting: Vec::new(),
            waiting_bytes: 0,
            lately: BTreeMap::new(),
            // What earlier processes left counts too.
            written: LOOK_AFTER,
        }
    }

    /// Runs until signalling is gone, and writes the last.
    pub(super) async fn run(mut self, mut notes: Receiver<Note>) {
        let mut second = interval(SECOND);
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = second.tick() => {
                    self.lately.clear();
                    self.write();
                }
                note = notes.recv() => match note {
                    Some(note) => self.keep(note),
                    None => break,
                },
            }
        }
        self.write();
    }

    fn keep(&mut self, note: Note) {
        let Note { call, mut message } = note;
        let lately = self.lately.entry(Arc::clone(&call)).or_default();
        *lately += 1;
        if *lately > MOST_A_SECOND {
            count(Counter::CaptureDropped, 1, &[("reason", "flood")]);
            return;
        }
        message.bytes = Bytes::from(masked(&message.bytes));
        if self.store.is_some() {
            self.waiting_bytes += message.bytes.len();
            self.waiting.push(row(&call, &message));
        }
        if let Some(homer) = &self.homer
            && homer.try_send((call, message)).is_err()
        {
            count(Counter::CaptureDropped, 1, &[("reason", "homer")]);
        }
        if self.waiting.len() >= BATCH || self.waiting_bytes >= BATCH_BYTES {
            self.write();
        }
    }

    fn write(&mut self) {
        let Some(store) = &self.store else { return };
        if self.waiting.is_empty() {
            return;
        }
        store.later(Row::Sip(std::mem::take(&mut self.waiting)));
        self.written += std::mem::take(&mut self.waiting_bytes);
        if self.written >= LOOK_AFTER {
            self.written = 0;
            store.later(Row::SipTrim);
        }
    }
}

fn row(call: &Arc<str>, message: &Captured) -> SipMessage {
    SipMessage {
        call_id: call.to_string(),
        seq: message.seq,
        at_us: message.at_us,
        sent: message.sent,
        transport: message.flow.transport.word().to_owned(),
        local: message.flow.local.to_string(),
        remote: message.flow.remote.to_string(),
        bytes: message.bytes.to_vec().into(),
    }
}

/// How often is written: one transaction for all calls.
const SECOND: Duration = Duration::from_secs(1);

/// Messages of one call in a second; a call of many takes twenty.
const MOST_A_SECOND: u32 = 100;

/// What is written at once.
const BATCH: usize = 512;

/// Bytes of it.
const BATCH_BYTES: usize = 1024 * 1024;

/// After so many bytes the store is asked whether it holds too much.
const LOOK_AFTER: usize = 8 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use trunkline_sip::endpoint::{Flow, Transport};

    use super::super::super::lane::lane;
    use super::*;

    fn note(seq: u64, text: &str) -> Note {
        let flow = Flow {
            transport: Transport::Tcp,
            local: ([192, 0, 2, 1], 5060).into(),
            remote: ([198, 51, 100, 7], 5080).into(),
        };
        let message = Captured {
            seq,
            at_us: seq,
            sent: false,
            flow,
            bytes: Bytes::copy_from_slice(text.as_bytes()),
        };
        Note {
            call: "SCL_1".into(),
            message,
        }
    }

    #[tokio::test]
    async fn nothing_secret_reaches_the_store_or_homer() {
        let store = Store::open(":memory:").await.unwrap();
        let (tell, notes) = lane(8, 1 << 20);
        let (homer, mut seen) = mpsc::channel(8);
        let secret = "REGISTER sip:a SIP/2.0\r\nAuthorization: Digest response=\"5e4f\"\r\n\r\n";
        assert!(tell.try_send(note(1, secret)).is_ok());
        drop(tell);
        Keeper::new(Some(store.clone()), Some(homer))
            .run(notes)
            .await;
        assert!(store.written(Duration::from_secs(5)).await);
        let kept = store.sip_messages().of_call("SCL_1").await.unwrap();
        assert_eq!((kept.len(), kept[0].transport.as_str()), (1, "tcp"));
        let told = seen.recv().await.unwrap().1.bytes;
        for bytes in [kept[0].bytes.expose(), &told.to_vec()] {
            let text = String::from_utf8_lossy(bytes);
            assert!(
                text.contains("[masked]") && !text.contains("5e4f"),
                "{text}"
            );
        }
    }

    #[tokio::test]
    async fn a_flood_inside_a_call_is_a_gap() {
        let store = Store::open(":memory:").await.unwrap();
        let (tell, notes) = lane(1024, 1 << 20);
        for seq in 1..=1000 {
            assert!(
                tell.try_send(note(seq, "INFO sip:a SIP/2.0\r\n\r\n"))
                    .is_ok()
            );
        }
        drop(tell);
        Keeper::new(Some(store.clone()), None).run(notes).await;
        assert!(store.written(Duration::from_secs(5)).await);
        let kept = store.sip_messages().of_call("SCL_1").await.unwrap();
        assert!(kept.len() <= 2 * MOST_A_SECOND as usize, "{}", kept.len());
    }
}
