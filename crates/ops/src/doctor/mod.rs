//! What is wrong with a set-up: a list of checks, run at once with a deadline each.
//!
//! ```text
//! files ──► Patient ──► checks() ──► examine() ──► findings ──► 0 all well, 1 warnings, 2 failures
//!                          ▲
//!                 Reach ───┘  telephones, names and a call, lent by the binary
//! ```
//! What was seen and what it means are apart: each check gathers facts and hands them to a pure
//! function, which is where a verdict comes from.

mod address;
mod asked;
mod call;
mod checks;
mod clock;
mod config;
mod finding;
mod machine;
mod ntp;
mod outside;
mod patient;
mod ports;
mod provider;
mod reach;
mod server;
mod tls;
mod trunks;

pub use checks::{NAMES, checks};
pub use config::unreadable;
pub use finding::{Check, Examination, Finding, Verdict, examine};
pub use patient::{
    AgentModels, CertificateUse, Fault, Patient, Ports, ServerSide, StoreFiles, Stun, TrunkCodecs,
    Way, WayUse,
};
pub use reach::{Echo, Reach, SeenPort, Silence, Trial};
