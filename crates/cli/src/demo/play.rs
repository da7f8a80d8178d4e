//! Plays one call: the caller's end of the line, in real time.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use trunkline_base::class::Class;
use trunkline_bridge::sip::{Call, Caller, CallerOptions};
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
    let options = CallerOptions::new(target, from);
    let began = Instant::now();
    let call = match Caller::call(options).await {
        Ok(call) => call,
        Err(error) => {
            let sip_status = error.sip_status().unwrap_or(0);
            let errors = vec![chain(&error)];
            return Ok(Seen { sip_status, errors, ..Seen::default() });
        }
    };
    let answered = call.timings().answered;
    let seen = Seen {
        sip_status: 200,
        answered_ms: Some(answered.as_secs_f64() * 1e3),
        ..Seen::default()
    };
    timeout(CALL_LIMIT, converse(call, seen, lines, began + answered))
        .await
        .map_err(|_| Failure::new(Class::Unavailable, "demo.call.endless", "the call did not end"))
}

async fn converse(mut call: Call, mut seen: Seen, lines: &[Line], answered: Instant) -> Seen {
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
                        let after = frame.arrival.saturating_duration_since(answered.into_std());
                        seen.greeting_ms = Some(after.as_secs_f64() * 1e3);
                    }
                }
            }
            _ = clock.tick() => {
                let frame = dialogue.tick(std::mem::take(&mut heard));
                if dialogue.is_over() {
                    break;
                }
                call.send(&frame);
            }
        }
    }
    let _ = timeout(HANGUP_LIMIT, call.hang_up()).await;
    seen.said = lines.iter().take(dialogue.spoken()).map(|line| line.text).collect();
    seen.unanswered = dialogue.unanswered();
    seen
}
