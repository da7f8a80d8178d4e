//! Plays one call: the caller's end of the line, in real time.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};
use trunkline_base::class::Class;
use trunkline_bridge::sip::{CallError, Caller, CallerOptions, OutgoingCall};
use trunkline_media::level;

use super::dialogue::Dialogue;
use super::report::Seen;
use super::script::Line;
use crate::failure::{Failure, chain};

/// The agent is heard in a frame at least this loud, in dBov. Speech is far above, the gateway's
/// silence far below.
const HEARD: i8 = -50;
/// A call is given up after this long, whatever happens.
const CALL_LIMIT: Duration = Duration::from_secs(240);
/// How long the goodbye may take.
const HANGUP_LIMIT: Duration = Duration::from_secs(5);

/// Phones `target` and speaks the lines.
///
/// # Errors
/// When the call cannot be placed at all; a refusal is a result.
pub(super) async fn call(target: &str, from: &str, lines: &[Line]) -> Result<Seen, Failure> {
    let call = match Caller::call(CallerOptions::new(target, from)).await {
        Ok(call) => call,
        Err(error) => {
            let sip_status = match error {
                CallError::Refused(status) => status,
                _ => 0,
            };
            let errors = vec![chain(&error)];
            return Ok(Seen {
                sip_status,
                errors,
                ..Seen::default()
            });
        }
    };
    let answered = Duration::from_millis(call.answered_ms);
    let seen = Seen {
        sip_status: 200,
        answered_ms: Some(answered.as_secs_f64() * 1e3),
        ..Seen::default()
    };
    timeout(CALL_LIMIT, converse(call, seen, lines))
        .await
        .map_err(|_| {
            Failure::new(
                Class::Unavailable,
                "demo.call.endless",
                "the call did not end",
            )
        })
}

async fn converse(mut call: OutgoingCall, mut seen: Seen, lines: &[Line]) -> Seen {
    let answered = call.placed_at + Duration::from_millis(call.answered_ms);
    let mut dialogue = Dialogue::new(lines.iter().map(|line| line.pcm.clone()).collect());
    let mut clock = interval(Duration::from_millis(20));
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut heard = false;
    loop {
        tokio::select! {
            biased;
            frame = call.recv() => {
                let Some(frame) = frame else { break };
                if level::dbov(&frame.samples) >= HEARD {
                    heard = true;
                    if seen.greeting_ms.is_none() {
                        let after = frame.arrival.saturating_duration_since(answered);
                        seen.greeting_ms = Some(after.as_secs_f64() * 1e3);
                    }
                }
            }
            _ = clock.tick() => {
                let frame = dialogue.tick(std::mem::take(&mut heard));
                if dialogue.is_over() {
                    break;
                }
                call.send(&frame).await;
            }
        }
    }
    let _ = timeout(HANGUP_LIMIT, call.hangup()).await;
    seen.said = lines
        .iter()
        .take(dialogue.spoken())
        .map(|line| line.text)
        .collect();
    seen.unanswered = dialogue.unanswered();
    seen
}
