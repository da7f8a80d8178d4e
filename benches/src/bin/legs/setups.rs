//! Calls that come and go: what one costs, and how long it takes.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;
use trunkline_benches::{Figures, tell};
use trunkline_client::room::OpusFrame;

use super::line::{Line, Refused};
use super::peer::Peer;
use super::sounds::Sounds;
use super::stack::{Stack, spent};
use super::{Options, SETTLE, as_f64, round, share};

#[derive(Clone, Copy)]
enum Kind {
    /// Answered with sound, and hung up, in a room of its own where nobody is.
    Alone,
    /// The same in a room where somebody is, who sends silence all the time.
    Attended,
    /// Speaks no codec of ours: refused with this status by what stands in its description. All
    /// that is signalling.
    Refused(u16),
}

/// Calls that follow one another; as many of these run at once as calls are set up at once.
struct Strand {
    peer: Option<Peer>,
    number: usize,
    calls: usize,
}

/// What became of calls.
#[derive(Default)]
struct Took {
    ms: Vec<f64>,
    failed: usize,
}

pub(crate) async fn measure(stack: &dyn Stack, options: &Options, sounds: &Sounds) -> Value {
    let alone = stack.answers_alone();
    json!({
        "stack": stack.name(),
        "set_up": if alone { of_a_kind(stack, options, sounds, Kind::Alone).await } else { Value::Null },
        "set_up_beside_a_peer": of_a_kind(stack, options, sounds, Kind::Attended).await,
        "refused": of_a_kind(stack, options, sounds, Kind::Refused(stack.refusal())).await,
    })
}

async fn of_a_kind(stack: &dyn Stack, options: &Options, sounds: &Sounds, kind: Kind) -> Value {
    let mut strands = Vec::new();
    let at_once = usize::from(options.at_once).min(options.setups);
    for index in 0..at_once {
        let number = (index + 1) * 10_000;
        let mut strand = Strand {
            peer: None,
            number,
            calls: (options.setups + at_once - 1 - index) / at_once,
        };
        if matches!(kind, Kind::Attended) {
            match Peer::join(&stack.url(), number).await {
                Ok(peer) => strand.peer = Some(peer),
                Err(error) => tell(&format!("nobody waits for calls: {error}")),
            }
        }
        // The first one warms what warms by itself.
        strand.call(stack.sip(), kind, &sounds.silence, 0).await;
        strands.push(strand);
    }
    let before = spent(stack);
    let mut running = JoinSet::new();
    for strand in strands {
        let (sip, silence) = (stack.sip(), sounds.silence.clone());
        running.spawn(async move { strand.run(sip, kind, &silence).await });
    }
    let (mut took, mut peers) = (Took::default(), Vec::new());
    while let Some(Ok((peer, one))) = running.join_next().await {
        peers.extend(peer);
        took.ms.extend(one.ms);
        took.failed += one.failed;
    }
    let wall = spent(stack).since(&before).wall;
    // What follows a call, such as its record, is a part of its price.
    sleep(SETTLE).await;
    let told = told(options.setups, took, wall, spent(stack).since(&before).cpu);
    for peer in peers {
        peer.leave().await;
    }
    told
}

impl Strand {
    async fn run(
        mut self,
        sip: SocketAddr,
        kind: Kind,
        silence: &OpusFrame,
    ) -> (Option<Peer>, Took) {
        let mut took = Took::default();
        for nth in 1..=self.calls {
            match self.call(sip, kind, silence, nth).await {
                Some(ms) => took.ms.push(ms),
                None => took.failed += 1,
            }
        }
        (self.peer, took)
    }

    /// Milliseconds from the INVITE to its final answer; nothing if it was another answer.
    async fn call(
        &mut self,
        sip: SocketAddr,
        kind: Kind,
        silence: &OpusFrame,
        nth: usize,
    ) -> Option<f64> {
        match &mut self.peer {
            Some(peer) => peer.sending(silence, set_up(sip, self.number, kind)).await,
            None => set_up(sip, self.number + nth, kind).await,
        }
    }
}

async fn set_up(sip: SocketAddr, number: usize, kind: Kind) -> Option<f64> {
    let offered = match kind {
        Kind::Alone | Kind::Attended => "0",
        Kind::Refused(_) => "18",
    };
    let took = match (Line::call(sip, number, offered).await, kind) {
        (Ok(line), Kind::Alone | Kind::Attended) => {
            let took = line.took;
            line.hang_up().await;
            took
        }
        (Err(Refused::Status { status, took, .. }), Kind::Refused(expected))
            if status == expected =>
        {
            took
        }
        (Err(error), _) => {
            tell(&format!("a call failed: {error}"));
            return None;
        }
        (Ok(line), Kind::Refused(_)) => {
            tell("a call that speaks nothing of ours was answered");
            line.hang_up().await;
            return None;
        }
    };
    Some(took.as_secs_f64() * 1e3)
}

fn told(calls: usize, took: Took, wall: Duration, cpu: Duration) -> Value {
    let times: Figures = took.ms.into_iter().collect();
    json!({
        "calls": calls,
        "failed": took.failed,
        "ms": times.to_json(),
        "a_second": round(share(calls, wall.as_secs_f64())),
        "cpu_ms": round(cpu.as_secs_f64() * 1e3 / as_f64(calls)),
        "a_second_of_a_core": round(share(calls, cpu.as_secs_f64())),
    })
}
