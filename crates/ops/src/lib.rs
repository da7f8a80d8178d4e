//! Looks after a set-up that runs.
//!
//! - [`doctor`]: what is wrong with it, and what mends that.
//! - [`daemon`]: the daemon of the same files, asked over its console.
//!
//! This crate knows neither telephones nor agents: whoever wires it lends it a [`doctor::Reach`].

pub mod daemon;
pub mod doctor;
