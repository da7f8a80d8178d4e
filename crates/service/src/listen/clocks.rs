//! How long a peer may take.

use std::time::Duration;

/// How long each part of a request may take.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// From the connection, or from the first byte of a request, to the end of its head; the TLS
    /// handshake the same.
    pub head: Duration,
    /// From the end of the head to the end of the body: ten mebibytes over a line of 3 Mbit/s.
    pub body: Duration,
    /// Between two requests. Longer than our own clients keep a connection, so that it is they
    /// who close.
    pub idle: Duration,
    /// For the peer to take anything of what is written.
    pub write: Duration,
    /// Without a byte from the other end of a WebSocket. Whoever opens one pings every 10 s.
    pub silent: Duration,
}

impl Default for Clocks {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(30),
            idle: Duration::from_secs(65),
            write: Duration::from_secs(30),
            silent: Duration::from_secs(60),
        }
    }
}
