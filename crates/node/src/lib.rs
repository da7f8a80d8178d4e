//! Be a LiveKit server: signalling, Twirp, webhooks, agent dispatch and media around the SFU.
//!
//! [`Node::start`] binds one HTTP port and one media port and serves unmodified LiveKit clients,
//! server SDKs and agent workers. Rooms live in [`room`]; the HTTP shell, the server API, webhooks
//! and dispatch are around them and reach them only through [`room::Rooms`].

mod caller;
mod clock;
mod config;
mod dispatch;
mod egress;
mod encoding;
mod http;
mod ingress;
mod limits;
mod node;
mod plain;
#[doc(hidden)]
pub mod probe;
mod query;
mod records;
pub mod room;
mod signal;
mod sip;
mod sip_api;
mod twirp;
mod udp;
mod webhook;

pub use config::{HTTP_PORT, NodeConfig, StartError, UDP_PORT};
pub use egress::{EgressOrder, NotRunning};
pub use ingress::IngressConfig;
pub use node::{Node, NodeHandle};
pub use sip::{CallOrder, LineError, LineFuture, Lines, SipChanged, Trunks};
pub use sip_api::{SipApiConfig, serve_sip_api};
pub use webhook::{CallHooks, Patience, Receiver, UnknownKey, WebhookConfig};
