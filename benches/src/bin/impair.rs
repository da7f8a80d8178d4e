//! A bad line between phones and a gateway, by hand: `impair 127.0.0.1:5060 --loss 3 --jitter 30`,
//! then call the address that it prints instead of the gateway's. Ends with Ctrl-C.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use trunkline_benches::tell;
use trunkline_tests::line::{Relay, Weather};

#[derive(Parser)]
struct Args {
    /// The gateway's address for SIP over UDP, on loopback.
    gateway: SocketAddr,
    /// Percent of packets lost.
    #[arg(long, default_value_t = 0.0)]
    loss: f64,
    /// Packets lost in a row, on average.
    #[arg(long, default_value_t = 1.0)]
    burst: f64,
    /// Milliseconds that each packet takes at least.
    #[arg(long, default_value_t = 0)]
    delay: u64,
    /// Milliseconds by which it varies: up to twice as many on top.
    #[arg(long, default_value_t = 0)]
    jitter: u64,
    /// Percent of packets that are overtaken.
    #[arg(long, default_value_t = 0.0)]
    reorder: f64,
    /// Percent of packets that come twice.
    #[arg(long, default_value_t = 0.0)]
    duplicate: f64,
    /// SIP messages have the same weather as sound; otherwise they have none.
    #[arg(long)]
    signalling: bool,
    /// Where chance begins: the same seed has the same weather.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let weather = Weather {
        loss: args.loss / 100.0,
        burst: args.burst,
        delay: Duration::from_millis(args.delay),
        jitter: Duration::from_millis(args.jitter),
        reorder: args.reorder / 100.0,
        duplicate: args.duplicate / 100.0,
    };
    let signalling = if args.signalling {
        weather
    } else {
        Weather::default()
    };
    match Relay::start(args.gateway, weather, signalling, args.seed) {
        Ok(relay) => {
            tell(&format!("call {}", relay.addr()));
            let _ = tokio::signal::ctrl_c().await;
        }
        Err(error) => tell(&format!("no line: {error}")),
    }
}
