//! One task owns the SIP endpoint. I/O tasks bring it messages, calls send it commands and get
//! their events; nobody else touches SIP.
//!
//! ```text
//! UDP, TCP tasks ──Input──► ┌──────────────┐ ──bytes──► UDP socket, TCP connections
//!                           │  signalling  │ ──LegEvent──► call tasks
//! call tasks ────Command──► └──────────────┘ ──Arrival──► reception (new calls)
//! ```

mod asked;
mod asking;
mod capture;
mod commands;
mod connections;
mod invited;
mod keeping;
mod lane;
mod owner;
mod queued;
mod run;
mod stakes;
mod streams;
mod tcp;
#[cfg(test)]
mod tcp_tests;
mod tls;
#[cfg(test)]
mod tls_tests;
mod udp;
mod unreached;

pub(crate) use super::clock::{now, until};
pub(crate) use asking::Asking;
pub(crate) use capture::start as start_capture;
pub(crate) use commands::{Answered, Command, LegEvent, Line, NoLine, Takeover};
pub(crate) use connections::Connections;
pub(crate) use keeping::Keeping;
pub(crate) use owner::{Owner, line};
pub(crate) use run::{Arrival, Parts, Signalling};
pub(crate) use tcp::{Entrance, accept};
pub use tls::TlsError;
pub(crate) use tls::{Identity, TlsClients};
pub(crate) use udp::{Advertised, read_udp};
pub use unreached::{TlsFault, Unreached};

use bytes::Bytes;
use trunkline_sip::endpoint::{Flow, Transmit};

/// Where they bring it.
pub(crate) type Inputs = lane::Sender<Input>;

/// What I/O tasks bring.
pub(crate) enum Input {
    /// A whole message.
    Message {
        /// How it came.
        flow: Flow,
        /// Its bytes.
        bytes: Bytes,
        /// What its source holds of the queue, where nothing else slows the source down.
        place: Option<queued::Place>,
    },
    /// A connection can be written to.
    Opened {
        /// Its flow.
        flow: Flow,
        /// Its writer.
        writer: lane::Sender<Transmit>,
        /// Who is there, where we connected inside TLS.
        verified: Option<tls::Verified>,
    },
    /// A connection is gone.
    Closed {
        /// Its flow.
        flow: Flow,
        /// What it did not take any more.
        unsent: Vec<Transmit>,
    },
    /// Nobody took a connection there at the first try; there are more.
    NotTaken {
        /// Where.
        flow: Flow,
        /// Why.
        why: Unreached,
    },
    /// Nobody takes connections there.
    Unreachable {
        /// Where.
        flow: Flow,
        /// Why.
        why: Unreached,
    },
}

impl lane::Weighed for Input {
    fn weight(&self) -> usize {
        match self {
            Self::Message { bytes, .. } => bytes.len().max(queued::LEAST),
            Self::Closed { unsent, .. } => unsent.iter().map(lane::Weighed::weight).sum(),
            Self::Opened { .. } | Self::NotTaken { .. } | Self::Unreachable { .. } => 0,
        }
    }
}

impl lane::Weighed for Transmit {
    fn weight(&self) -> usize {
        self.bytes.len()
    }
}

/// The queue before the signalling task: for datagrams, for all connections, and its end.
pub(crate) fn queue() -> (Inputs, Inputs, lane::Receiver<Input>) {
    let (inputs, incoming) = lane::lane(INPUTS, INPUT_BYTES);
    let of_streams = inputs.part(STREAM_BYTES);
    (inputs, of_streams, incoming)
}

/// Messages waiting for the signalling task. Filling it means we are flooded beyond what one core
/// parses; more is dropped and phones repeat themselves.
const INPUTS: usize = 4096;

/// Bytes of them: of ordinary messages as many as may wait, of the largest a hundred.
const INPUT_BYTES: u32 = 8 * 1024 * 1024;

/// Of these, what waits of all connections together: they are read no further until there is room.
const STREAM_BYTES: u32 = INPUT_BYTES / 4;

/// Commands waiting. Filling it means the signalling task is stuck.
pub(crate) const COMMANDS: usize = 1024;
