//! Those who flood.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::time::{MissedTickBehavior, interval};

/// How they come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flood {
    /// INVITEs a second.
    pub(crate) rate: u32,
    pub(crate) length: Duration,
    /// Addresses they come from.
    pub(crate) sources: u32,
    /// From the trunk's own network.
    pub(crate) known: bool,
}

/// What went out, and what came back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) invites: u32,
    pub(crate) answers: u32,
}

/// Sends INVITEs at the rate, as far as the machine goes along.
pub(crate) async fn flood(gateway: SocketAddr, wanted: &Flood) -> Sent {
    let mut sockets = Vec::new();
    for number in 0..wanted.sources.clamp(1, MOST) {
        if let Ok(socket) = UdpSocket::bind((source(number, wanted.known), 0)).await {
            sockets.push(socket);
        }
    }
    let mut sent = Sent::default();
    let began = Instant::now();
    let mut clock = interval(Duration::from_millis(1));
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while began.elapsed() < wanted.length && !sockets.is_empty() {
        clock.tick().await;
        // What the clock missed is made up for, in bounded bursts.
        let due = began.elapsed().mul_f64(f64::from(wanted.rate)).as_secs();
        let due = u32::try_from(due).unwrap_or(u32::MAX);
        for _ in 0..due.saturating_sub(sent.invites).min(BURST) {
            let Some(socket) = sockets.get(sent.invites as usize % sockets.len()) else {
                break;
            };
            let from = socket.local_addr().unwrap_or(gateway);
            let invite = invite(sent.invites, from, gateway);
            if let Err(error) = socket.try_send_to(invite.as_bytes(), gateway)
                && error.kind() == ErrorKind::WouldBlock
            {
                break;
            }
            sent.invites += 1;
            let mut answer = [0; 2048];
            while socket.try_recv(&mut answer).is_ok() {
                sent.answers += 1;
            }
        }
    }
    sent
}

/// An address that no trunk names, or one of the trunk's beside the phones' own.
fn source(number: u32, known: bool) -> Ipv4Addr {
    let [_, _, high, low] = number.to_be_bytes();
    if known {
        Ipv4Addr::new(127, 0, 0, 2 + low % 250)
    } else {
        Ipv4Addr::new(127, 66, high, low)
    }
}

fn invite(number: u32, from: SocketAddr, to: SocketAddr) -> String {
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
               m=audio 9 RTP/AVP 0\r\n";
    format!(
        "INVITE sip:900{number}@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKf{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{number}@{from}>;tag=f{number}\r\nTo: <sip:900{number}@{to}>\r\n\
         Call-ID: flood-{number}@{from}\r\nCSeq: 1 INVITE\r\nContact: <sip:{number}@{from}>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

/// Sockets that a process may have beside those of its calls.
const MOST: u32 = 4_000;

/// INVITEs in one go.
const BURST: u32 = 200;
