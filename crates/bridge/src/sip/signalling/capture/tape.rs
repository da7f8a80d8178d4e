//! Which call a message belongs to.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use trunkline_service::metrics::{Counter, count};
use trunkline_sip::capture::Captured;
use trunkline_sip::endpoint::{Flow, Invitation, LegId, Transmit};

use super::super::lane::Sender;
use super::note::Note;

/// The calls whose messages are kept, and the latest messages of nobody's: a call begins with an
/// INVITE that is nobody's yet, and perhaps with a challenge before.
pub(crate) struct Tape<L = LegId> {
    keeper: Option<Sender<Note>>,
    /// By Call-ID. Two of our own calls have the same one where we call ourselves.
    calls: BTreeMap<Vec<u8>, Vec<Taped<L>>>,
    ids: BTreeMap<L, Vec<u8>>,
    /// Calls that are over, oldest first: their last messages are still to come.
    over: VecDeque<(Instant, L)>,
    early: VecDeque<Captured>,
    early_bytes: usize,
}

/// A call whose messages are kept.
struct Taped<L> {
    call: Arc<str>,
    leg: L,
    /// Messages so far.
    seq: u64,
}

impl<L: Copy + Ord> Tape<L> {
    /// Without a keeper nothing is looked at.
    pub(super) const fn new(keeper: Option<Sender<Note>>) -> Self {
        Self {
            keeper,
            calls: BTreeMap::new(),
            ids: BTreeMap::new(),
            over: VecDeque::new(),
            early: VecDeque::new(),
            early_bytes: 0,
        }
    }

    /// A message came.
    pub(crate) fn heard(&mut self, flow: Flow, bytes: &Bytes) {
        self.note(false, flow, bytes);
    }

    /// A message goes.
    pub(crate) fn sent(&mut self, transmit: &Transmit) {
        self.note(true, transmit.flow, &transmit.bytes);
    }

    fn note(&mut self, sent: bool, flow: Flow, bytes: &Bytes) {
        let Some(keeper) = &self.keeper else { return };
        let Some(id) = call_id(bytes) else { return };
        let message = Captured {
            seq: 0,
            at_us: micros(),
            sent,
            flow,
            bytes: bytes.clone(),
        };
        match self.calls.get_mut(id) {
            Some(calls) => {
                for taped in calls {
                    taped.tell(keeper, message.clone());
                }
            }
            None => self.remember(message),
        }
    }

    fn remember(&mut self, message: Captured) {
        self.early_bytes += message.bytes.len();
        self.early.push_back(message);
        while self.early.len() > EARLY || self.early_bytes > EARLY_BYTES {
            let Some(gone) = self.early.pop_front() else {
                return;
            };
            self.early_bytes -= gone.bytes.len();
        }
    }

    /// A call that was let in.
    pub(crate) fn let_in(&mut self, leg: L, tag: &str, invitation: &Invitation) {
        let Ok(id) = invitation.request.headers.call_id() else {
            return;
        };
        let id = id.as_bytes().to_vec();
        let known = self
            .early
            .iter()
            .any(|early| !early.sent && call_id(&early.bytes) == Some(&id));
        if !known && self.keeper.is_some() {
            // It waited for longer than others left it a place.
            self.remember(Captured {
                seq: 0,
                at_us: micros(),
                sent: false,
                flow: invitation.flow,
                bytes: invitation.request.to_bytes(),
            });
        }
        self.begin(leg, tag, id);
    }

    /// A call, from here on and from the messages of it that are still remembered.
    pub(crate) fn begin(&mut self, leg: L, tag: &str, id: Vec<u8>) {
        let Some(keeper) = &self.keeper else { return };
        let mut taped = Taped {
            call: tag.into(),
            leg,
            seq: 0,
        };
        let ours = |early: &Captured| call_id(&early.bytes) == Some(&id);
        for early in self.early.iter().filter(|early| ours(early)) {
            taped.tell(keeper, early.clone());
        }
        self.ids.insert(leg, id.clone());
        let calls = self.calls.entry(id).or_default();
        if calls.len() < MOST_ALIKE {
            calls.push(taped);
        }
    }

    /// A call is over; what is still exchanged about it is kept for a while.
    pub(crate) fn over(&mut self, leg: L, now: Instant) {
        if self.ids.contains_key(&leg) {
            self.over.push_back((now, leg));
        }
        while self.over.len() > MOST_OVER {
            self.forget_first();
        }
    }

    /// Forgets calls that are over for good.
    pub(crate) fn sweep(&mut self, now: Instant) {
        let is_past = |at: &Instant| now.saturating_duration_since(*at) > AFTERWARDS;
        while self.over.front().is_some_and(|(at, _)| is_past(at)) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        let Some((_, leg)) = self.over.pop_front() else {
            return;
        };
        let Some(id) = self.ids.remove(&leg) else {
            return;
        };
        if let Some(calls) = self.calls.get_mut(&id) {
            calls.retain(|taped| taped.leg != leg);
            if calls.is_empty() {
                self.calls.remove(&id);
            }
        }
    }
}

impl<L> Taped<L> {
    /// Never waits. What finds no room is a gap in the numbers.
    fn tell(&mut self, keeper: &Sender<Note>, message: Captured) {
        self.seq += 1;
        let message = Captured {
            seq: self.seq,
            ..message
        };
        let call = Arc::clone(&self.call);
        if keeper.try_send(Note { call, message }).is_err() {
            count(Counter::CaptureDropped, 1, &[("reason", "behind")]);
        }
    }
}

fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_micros()).unwrap_or(u64::MAX)
}

/// The Call-ID of a message, as it stands there.
fn call_id(bytes: &Bytes) -> Option<&[u8]> {
    let lines = bytes.split(|byte| *byte == b'\n').skip(1);
    for line in lines {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return None;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let (name, value) = line.split_at_checked(colon)?;
        let name = name.trim_ascii();
        if name.eq_ignore_ascii_case(b"Call-ID") || name.eq_ignore_ascii_case(b"i") {
            return Some(value.get(1..).unwrap_or_default().trim_ascii());
        }
    }
    None
}

/// Messages of nobody's that are remembered: those of a moment.
const EARLY: usize = 64;

/// Bytes of them.
const EARLY_BYTES: usize = 512 * 1024;

/// Longer than the last answer is repeated (RFC 3261's timers B and J).
const AFTERWARDS: Duration = Duration::from_secs(35);

/// Calls that are over and still listened to.
const MOST_OVER: usize = 4096;

/// Calls of one Call-ID: both ends of one that we place to ourselves.
const MOST_ALIKE: usize = 2;

#[cfg(test)]
mod tests {
    use trunkline_sip::endpoint::Transport;

    use super::super::super::lane::{Receiver, lane};
    use super::*;

    fn flow(port: u16) -> Flow {
        Flow {
            transport: Transport::Udp,
            local: ([192, 0, 2, 1], 5060).into(),
            remote: ([198, 51, 100, 7], port).into(),
        }
    }

    fn message(method: &str, id: &str) -> Bytes {
        Bytes::from(format!(
            "{method} sip:a SIP/2.0\r\ncall-id : {id}\r\n\r\nCall-ID: no\r\n"
        ))
    }

    fn taped(notes: &mut Receiver<Note>) -> Vec<(String, u64, bool)> {
        let mut all = Vec::new();
        while let Some(note) = notes.try_recv() {
            let word = String::from_utf8_lossy(&note.message.bytes);
            let word = word.split(' ').next().unwrap().to_owned();
            all.push((
                format!("{} {word}", note.call),
                note.message.seq,
                note.message.sent,
            ));
        }
        all
    }

    fn tape() -> (Tape<u8>, Receiver<Note>) {
        let (tell, notes) = lane(64, 1 << 20);
        (Tape::new(Some(tell)), notes)
    }

    #[test]
    fn a_call_begins_with_what_led_to_it_and_ends_with_what_follows() {
        let (mut tape, mut notes) = tape();
        let now = Instant::now();
        tape.heard(flow(1), &message("INVITE", "a"));
        tape.sent(&Transmit {
            flow: flow(1),
            otherwise: None,
            bytes: message("SIP/2.0", "a"),
        });
        tape.heard(flow(2), &message("INVITE", "b"));
        assert!(taped(&mut notes).is_empty(), "of nobody's call");
        tape.begin(1, "SCL_1", b"a".to_vec());
        tape.heard(flow(1), &message("BYE", "a"));
        tape.over(1, now);
        tape.sweep(now + Duration::from_secs(30));
        tape.heard(flow(1), &message("ACK", "a"));
        let all = taped(&mut notes);
        let words: Vec<(&str, u64, bool)> =
            all.iter().map(|(a, b, c)| (a.as_str(), *b, *c)).collect();
        assert_eq!(
            words,
            [
                ("SCL_1 INVITE", 1, false),
                ("SCL_1 SIP/2.0", 2, true),
                ("SCL_1 BYE", 3, false),
                ("SCL_1 ACK", 4, false),
            ]
        );
        tape.sweep(now + Duration::from_secs(40));
        tape.heard(flow(1), &message("ACK", "a"));
        assert!(taped(&mut notes).is_empty() && tape.calls.is_empty() && tape.ids.is_empty());
    }

    #[test]
    fn strangers_leave_no_more_than_a_moment() {
        let (mut tape, mut notes) = tape();
        for number in 0..10_000 {
            tape.heard(flow(1), &message("INVITE", &number.to_string()));
        }
        assert_eq!(tape.early.len(), EARLY);
        for _ in 0..EARLY {
            tape.heard(
                flow(1),
                &Bytes::from(format!("INVITE x\r\ni: l\r\n{}", "x".repeat(60_000))),
            );
        }
        assert!(tape.early_bytes <= EARLY_BYTES);
        assert_eq!(
            tape.early_bytes,
            tape.early.iter().map(|one| one.bytes.len()).sum::<usize>()
        );
        assert!(taped(&mut notes).is_empty());
    }

    #[test]
    fn a_keeper_that_is_behind_leaves_a_gap_and_nobody_waits() {
        let (tell, mut notes) = lane(2, 1 << 20);
        let mut tape = Tape::<u8>::new(Some(tell));
        tape.begin(1, "SCL_1", b"a".to_vec());
        for _ in 0..5 {
            tape.heard(flow(1), &message("INFO", "a"));
        }
        assert_eq!(taped(&mut notes).len(), 2);
        tape.heard(flow(1), &message("BYE", "a"));
        assert_eq!(taped(&mut notes), [("SCL_1 BYE".to_owned(), 6, false)]);
    }
}
