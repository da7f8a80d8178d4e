//! Keeps the trunks registered that ask for it, over the gateway's own signalling, so that calls
//! come back the way the registration went.
//!
//! One task for each trunk owns its [`Registration`]; all of them write how it stands into one
//! [`Bindings`](super::bindings::Bindings), from which the desk knows whose contact a caller asks for.
//! One more begins and ends them as the file of trunks changes.
//!
//! [`Registration`]: trunkline_sip::registration::Registration

mod all;
mod keeper;
mod work;

pub(crate) use all::{Registrar, Registrations};
