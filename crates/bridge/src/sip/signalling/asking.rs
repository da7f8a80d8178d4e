//! Asking the server whether it has news for callers: for one nothing was found, and a rule may have
//! been made a moment ago; what lets another in was read a while ago, and may be gone. Few wait at a
//! time and not for long, one from each source of those for whom nothing was found, so that strangers
//! in numbers cost neither memory nor the server's time. A server that is slow or away is left alone,
//! and holds up nobody whom we know. The endpoint keeps those who wait.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use trunkline_base::source::source_of;
use trunkline_sip::endpoint::Invitation;

use super::super::desk::Reload;

/// Which answer is waited for.
pub(crate) struct Asking {
    reload: mpsc::Sender<Reload>,
    answer: Option<Pin<Box<dyn Future<Output = bool> + Send>>>,
    /// When the server may be asked next.
    next: Option<Instant>,
    /// Until when it is taken to be too slow to wait for, where we know an answer.
    slow: Option<Instant>,
}

impl Asking {
    pub(crate) const fn new(reload: mpsc::Sender<Reload>) -> Self {
        Self {
            reload,
            answer: None,
            next: None,
            slow: None,
        }
    }

    /// Whether a caller whom we would let in may wait beside so many: the server is usually quick to
    /// answer.
    pub(super) fn is_worth_it(&self, waiting: usize, now: Instant) -> bool {
        waiting < WAITING && self.slow.is_none_or(|until| until <= now)
    }

    /// Asks unless it is asked already.
    pub(super) fn ask(&mut self, now: Instant) {
        if self.answer.is_some() {
            return;
        }
        let at = self.next.map_or(now, |next| next.max(now));
        let reload = self.reload.clone();
        self.answer = Some(Box::pin(async move {
            tokio::time::sleep_until(at.into()).await;
            let (wish, answered) = oneshot::channel();
            let asked = async {
                let sent = reload.send(wish).await.is_ok();
                sent && matches!(answered.await, Ok(Ok(())))
            };
            // Whatever it says: who is not found now is refused.
            tokio::time::timeout(LIMIT, asked).await.unwrap_or(false)
        }));
    }

    /// Waits for the answer, and says whether there was one.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn answered(&mut self) -> bool {
        match &mut self.answer {
            Some(answer) => answer.await,
            None => std::future::pending().await,
        }
    }

    /// The answer is there, or too late.
    pub(super) fn done(&mut self, answered: bool, now: Instant) {
        self.answer = None;
        self.next = Some(now + EVERY);
        self.slow = (!answered).then_some(now + SLOW);
    }
}

/// Whether a caller from there may wait beside those who do.
pub(super) fn may_wait(waiting: &[Invitation], next: &Invitation) -> bool {
    let source = |one: &Invitation| source_of(one.flow.remote.ip());
    waiting.len() < WAITING && !waiting.iter().any(|one| source(one) == source(next))
}

/// Callers who wait at a time; more are refused as they come.
const WAITING: usize = 32;

/// Between two questions.
const EVERY: Duration = Duration::from_millis(500);

/// For an answer; a caller waits for this and [`EVERY`] at the most.
const LIMIT: Duration = Duration::from_secs(1);

/// One caller in this time finds out whether a slow server is quick again.
const SLOW: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::signalling::now;
    use trunkline_sip::endpoint::{Endpoint, EndpointConfig, Event, Flow, Transport};

    fn invitation(from: &str, n: usize) -> Invitation {
        let mut endpoint = Endpoint::new(EndpointConfig::new("test"), [1; 32], now());
        let flow = Flow {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: from.parse().unwrap(),
        };
        let text = format!(
            "INVITE sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP phone;branch=z9hG4bK{n}\r\n\
             From: <sip:a@phone>;tag=1\r\nTo: <sip:100@192.0.2.1>\r\nCall-ID: {n}\r\n\
             CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        );
        endpoint.handle_input(flow, text.as_bytes(), now());
        match endpoint.poll_event() {
            Some(Event::Invited(invitation)) => invitation,
            other => panic!("not invited: {other:?}"),
        }
    }

    #[test]
    fn one_from_each_source_waits_and_not_many() {
        let mut waiting = vec![
            invitation("198.51.100.1:5060", 0),
            invitation("[2001:db8:0:1::1]:5060", 1),
        ];
        for (from, may) in [
            ("198.51.100.1:5070", false),
            ("[::ffff:198.51.100.1]:5060", false),
            ("198.51.100.2:5060", true),
            ("[2001:db8:0:1:ffff::9]:5060", false),
            ("[2001:db8:0:2::1]:5060", true),
        ] {
            assert_eq!(may_wait(&waiting, &invitation(from, 2)), may, "{from}");
        }
        let next = invitation("203.0.113.1:5060", 3);
        waiting.extend(
            (4..)
                .take(WAITING)
                .map(|n| invitation(&format!("192.0.2.{n}:5060"), n)),
        );
        assert!(!may_wait(&waiting, &next));
    }

    /// A server that is away held every call for the time it is given to answer.
    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_answer_holds_up_one_caller_and_not_the_next() {
        let (reload, _wishes) = mpsc::channel(1);
        let mut asking = Asking::new(reload);
        assert!(asking.is_worth_it(0, now()));
        assert!(!asking.is_worth_it(WAITING, now()));
        asking.ask(now());
        let answered = asking.answered().await;
        assert!(!answered);
        asking.done(answered, now());
        assert!(!asking.is_worth_it(0, now()));
        assert!(asking.is_worth_it(0, now() + SLOW));
        asking.done(true, now());
        assert!(asking.is_worth_it(0, now()));
    }
}
