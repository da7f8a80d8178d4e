//! A participant that listens, decides and speaks.
//!
//! [`speech`] hears and talks, [`turn`] decides whose turn it is, a [`brain`] decides what to
//! answer ([`flow`], a dialogue written in YAML, [`llm`], a chat endpoint, [`external`], somebody
//! else's program, or yours), with [`tools`] to learn and do things; `session` runs one conversation
//! in one room, [`worker`] takes the jobs, [`config`] reads `config/agent.yaml`.

pub mod brain;
pub mod config;
pub mod external;
pub mod flow;
pub mod llm;
pub mod outside;
pub mod session;
pub mod speech;
pub mod tools;
pub mod turn;
pub mod worker;
