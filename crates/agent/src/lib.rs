//! A participant that listens, decides and speaks.
//!
//! [`provider`] is what hears, talks and thinks as a conversation sees it; [`speech`] does it on this
//! machine, [`providers`] by services. [`turn`] decides whose turn it is, a [`brain`] decides what to
//! answer ([`flow`], a dialogue written in YAML, [`llm`], a language model, [`external`], somebody
//! else's program, or yours), with [`tools`] to learn and do things; `session` runs one conversation
//! in one room, [`worker`] takes the jobs, [`config`] reads `config/agent.yaml`.

pub mod brain;
pub mod config;
pub mod external;
pub mod fallback;
pub mod flow;
pub mod llm;
pub mod outside;
pub mod provider;
pub mod providers;
pub mod session;
pub mod speech;
pub mod tools;
pub mod turn;
pub mod worker;
