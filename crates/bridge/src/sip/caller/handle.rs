//! The caller's side of a call, as its user sees it.

use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use trunkline_sip::uri::Uri;

use super::super::config::CallerOptions;
use super::super::media::Ports;
use super::agent::{Agent, Ask, Setup};
use super::outcome::{CallError, CallSummary, HeardFrame};

/// Places calls.
pub struct Caller;

/// An answered call. Dropping it drops the line without a BYE; use [`OutgoingCall::hangup`].
pub struct OutgoingCall {
    /// INVITE to 200.
    pub answered_ms: u64,
    /// When the INVITE went out.
    pub placed_at: Instant,
    /// SIP Call-ID.
    pub call_id: String,
    asks: mpsc::Sender<Ask>,
    frames: mpsc::Sender<Vec<i16>>,
    heard: mpsc::Receiver<HeardFrame>,
    ended: watch::Receiver<Option<CallSummary>>,
    task: JoinHandle<()>,
}

impl Caller {
    /// Calls and waits for the answer.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(options: CallerOptions) -> Result<OutgoingCall, CallError> {
        let target = Uri::parse(&options.target).map_err(CallError::Target)?;
        let remote = match target.socket_addr() {
            Some(address) => address,
            None => tokio::net::lookup_host((target.host.as_str(), target.port_or_default()))
                .await
                .ok()
                .and_then(|mut found| found.find(|a| a.is_ipv4() == options.bind.is_ipv4()))
                .ok_or(CallError::Host)?,
        };
        let socket = UdpSocket::bind(options.bind)
            .await
            .map_err(CallError::Socket)?;
        let pair = Ports::new(&RTP_PORTS)
            .bind_from(options.bind.ip(), rand::random())
            .await
            .map_err(|_| CallError::NoPort)?;
        let (asks, asked) = mpsc::channel(ASKS);
        let (frames, to_speak) = mpsc::channel(FRAMES);
        let (hear, heard) = mpsc::channel(HEARD);
        let (tell_end, ended) = watch::channel(None);
        let (tell_answer, answered) = oneshot::channel();
        let setup = Setup {
            options,
            target,
            remote,
            socket,
            pair,
        };
        let agent = Agent::new(setup, hear, tell_end, tell_answer)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the call keeps it and aborts it on drop"
        )]
        let task = tokio::spawn(agent.run(asked, to_speak));
        let answer = answered.await.unwrap_or(Err(CallError::NoAnswer))?;
        Ok(OutgoingCall {
            answered_ms: answer.answered_ms,
            placed_at: answer.placed_at,
            call_id: answer.call_id,
            asks,
            frames,
            heard,
            ended,
            task,
        })
    }
}

impl OutgoingCall {
    /// Speaks 20 ms (160 samples at 8 kHz). Frames are sent on a steady clock; this waits while
    /// half a second is queued. `false` when the call is over. Silence is sent when none is queued.
    pub async fn send(&self, frame: &[i16]) -> bool {
        self.frames.send(frame.to_vec()).await.is_ok()
    }

    /// Frames that wait to be sent: so many times 20 ms until the next one is heard.
    pub fn queued(&self) -> usize {
        self.frames.max_capacity() - self.frames.capacity()
    }

    /// The next packet heard; `None` when the call is over.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn recv(&mut self) -> Option<HeardFrame> {
        self.heard.recv().await
    }

    /// Presses keys, one after another.
    pub async fn dtmf(&self, digits: &str) -> bool {
        self.asks.send(Ask::Press(digits.to_owned())).await.is_ok()
    }

    /// Has the call ended?
    pub fn is_over(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// Waits for the end.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn ended(&self) -> CallSummary {
        let mut ended = self.ended.clone();
        let summary = ended.wait_for(Option::is_some).await;
        summary
            .ok()
            .and_then(|summary| summary.clone())
            .unwrap_or_default()
    }

    /// Hangs up and waits for the other side's word, two seconds at most.
    pub async fn hangup(self) -> CallSummary {
        let _ = self.asks.send(Ask::Hangup).await;
        tokio::time::timeout(GOODBYE, self.ended())
            .await
            .unwrap_or_default()
    }
}

impl Drop for OutgoingCall {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Outside the gateway's default range, so that both fit on one machine.
const RTP_PORTS: std::ops::RangeInclusive<u16> = 20_002..=29_999;

/// Wishes waiting.
const ASKS: usize = 16;

/// Half a second of speech.
const FRAMES: usize = 25;

/// Ten seconds of packets; a user that does not listen loses the newest.
const HEARD: usize = 500;

const GOODBYE: Duration = Duration::from_secs(2);
