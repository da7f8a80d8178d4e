//! The SIP gateway: phones on one side, LiveKit rooms on the other, and a small caller.
//!
//! ```text
//!  phone ═SIP═ [signalling]──Arrival──►[call]═══[media]═RTP═ phone
//!                  ▲  desk: trunk, digest, rule    ║
//!                  └── directory (trunks, rules)   ╚═ room client ═ LiveKit
//! ```
//! - `signalling`: one task owns the SIP endpoint; I/O tasks only demultiplex.
//! - `desk`: decides about each INVITE before anything is spent on it.
//! - `journal`: calls that are up, written down; `returning`: those of a process that was killed.
//! - `load`: whether there is room for one more call.
//! - `registrar`: keeps trunks registered with their providers; `resolve`: finds those.
//! - `call`: one task per call owns the call's state; `media`: one more owns its sound.
//! - [`Inquiry`]: asks others whether they are there.
//! - [`Caller`]: the other end, for the demo and for measuring.

mod bindings;
mod call;
mod caller;
mod clock;
mod config;
mod datagrams;
mod desk;
mod doors;
mod gateway;
mod handle;
mod inquiry;
mod journal;
mod live;
mod load;
mod media;
mod outside;
mod peer_key;
mod registrar;
mod resolve;
mod returning;
mod seal;
mod signalling;
mod stun;
mod ways;

pub use bindings::{RegistrationState, Standing};
pub use call::{DialError, DialOrder, Dialled, JoinError, TransferError, Unfit};
pub use caller::{CallError, CallSummary, Caller, HeardFrame, OutgoingCall};
pub use config::{
    AnswerPolicy, CallNews, CallerOptions, Capture, GatewayConfig, Homer, JournalOptions, LineOut,
    OPUS_COMPLEXITY, OwnSetup, Referrer, Register, SoundCapture, TcpCaps, TlsListen, TlsOptions,
    TlsPeer, TrunkLine,
};
pub use desk::ServerStore;
pub use doors::StartError;
pub use gateway::Gateway;
pub use handle::{GatewayHandle, ReloadError};
pub use inquiry::{Answered, Inquiry, InquiryError};
pub use load::{LoadLimits, Strain};
pub use peer_key::{Pin, PinError};
pub use resolve::Resolver;
pub use seal::{JournalKey, JournalKeyError};
pub use signalling::{TlsError, TlsFault, Unreached};
pub use stun::{SeenPort, StunError};
pub use trunkline_sip::endpoint::Strangers;
pub use trunkline_sip::locate::{LocateError, Target};
