//! Callers who wait while the server is asked whether it has news: for one nothing was found, and a
//! rule may have been made a moment ago; what lets another in was read a while ago, and may be gone.
//! Few wait at a time and not for long, one from each address of those for whom nothing was found,
//! so that strangers in numbers cost neither memory nor the server's time. A server that is slow or
//! away is left alone, and holds up nobody whom we know.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use trunkline_sip::endpoint::Invitation;

use super::super::desk::Reload;

/// Who waits, and for which answer.
pub(crate) struct Asking {
    reload: mpsc::Sender<Reload>,
    waiting: Vec<Invitation>,
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
            waiting: Vec::new(),
            answer: None,
            next: None,
            slow: None,
        }
    }

    /// Whether this one waits: nothing else remembers it, and it is repeated until it is answered.
    pub(super) fn has(&self, next: &Invitation) -> bool {
        self.waiting.iter().any(|one| one.is_repeated_by(next))
    }

    /// Whether a caller from there may wait.
    pub(super) fn has_room(&self, next: &Invitation) -> bool {
        let waits = |one: &Invitation| one.flow.remote.ip() == next.flow.remote.ip();
        self.waiting.len() < WAITING && !self.waiting.iter().any(waits)
    }

    /// Whether a caller whom we would let in may wait: the server is usually quick to answer.
    pub(super) fn is_worth_it(&self, now: Instant) -> bool {
        self.waiting.len() < WAITING && self.slow.is_none_or(|until| until <= now)
    }

    /// Lets one wait, and asks unless it is asked already.
    pub(super) fn wait(&mut self, one: Invitation, now: Instant) {
        self.waiting.push(one);
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

    /// Everybody who waited, to be decided about for good.
    pub(super) fn take(&mut self, answered: bool, now: Instant) -> Vec<Invitation> {
        self.answer = None;
        self.next = Some(now + EVERY);
        self.slow = (!answered).then_some(now + SLOW);
        std::mem::take(&mut self.waiting)
    }
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

    fn invitation(endpoint: &mut Endpoint, host: u8, branch: &str) -> Invitation {
        let flow = Flow {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: ([198, 51, 100, host], 5060).into(),
        };
        let text = format!(
            "INVITE sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP phone;branch=z9hG4bK{branch}\r\n\
             From: <sip:a@phone>;tag=1\r\nTo: <sip:100@192.0.2.1>\r\nCall-ID: {branch}\r\n\
             CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        );
        endpoint.handle_input(flow, text.as_bytes(), now());
        match endpoint.poll_event() {
            Some(Event::Invited(invitation)) => invitation,
            other => panic!("not invited: {other:?}"),
        }
    }

    /// An INVITE that waits is in no transaction; its repeat after half a second was a second
    /// caller from that address, and was refused while the first was let in.
    #[tokio::test]
    async fn a_repeat_of_one_who_waits_is_the_same_caller() {
        let (reload, _wishes) = mpsc::channel(1);
        let mut asking = Asking::new(reload);
        let mut phones = Endpoint::new(EndpointConfig::new("test"), [1; 32], now());
        let first = invitation(&mut phones, 1, "a");
        let repeat = invitation(&mut phones, 1, "a");
        let second_call = invitation(&mut phones, 1, "b");
        let neighbour = invitation(&mut phones, 2, "a");
        asking.wait(first, now());
        assert!(asking.has(&repeat));
        assert!(!asking.has(&second_call) && !asking.has_room(&second_call));
        assert!(asking.has_room(&neighbour));
        assert_eq!(asking.take(true, now()).len(), 1);
        assert!(!asking.has(&repeat), "it was decided about");
    }

    /// A server that is away held every call for the time it is given to answer.
    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_answer_holds_up_one_caller_and_not_the_next() {
        let (reload, _wishes) = mpsc::channel(1);
        let mut asking = Asking::new(reload);
        let mut phones = Endpoint::new(EndpointConfig::new("test"), [1; 32], now());
        assert!(asking.is_worth_it(now()));
        asking.wait(invitation(&mut phones, 1, "a"), now());
        let answered = asking.answered().await;
        assert!(!answered);
        asking.take(answered, now());
        assert!(!asking.is_worth_it(now()));
        assert!(asking.is_worth_it(now() + SLOW));
        asking.take(true, now());
        assert!(asking.is_worth_it(now()));
    }
}
