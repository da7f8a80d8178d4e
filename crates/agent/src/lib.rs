//! A participant that listens, decides and speaks.
//!
//! [`speech`] hears and talks, [`turn`] decides whose turn it is, a [`brain`] decides what to
//! answer ([`flow`], a dialogue written in YAML, or [`llm`], a chat endpoint), `session` runs one
//! conversation in one room, [`worker`] takes the jobs, [`config`] reads `config/agent.yaml`.

pub mod brain;
pub mod config;
pub mod flow;
pub mod llm;
pub mod session;
pub mod speech;
pub mod turn;
pub mod worker;
