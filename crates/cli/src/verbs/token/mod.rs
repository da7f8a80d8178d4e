//! `token create | verify | inspect`.

mod create;
mod grants;
mod inspect;
mod refusal;
mod verify;

use std::io::Read as _;

use clap::Subcommand;

use crate::failure::Failure;
use crate::global::Global;
use refusal::invalid;

/// Longest token read from standard input.
const TOKEN_LIMIT: u64 = 64 * 1024;

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Sign an access token
    Create(Box<create::Create>),
    /// Check a token's signature and times with the keys that are set, and show what it allows
    Verify {
        /// The token; `-` reads standard input
        token: String,
    },
    /// Show what a token says, and what is wrong with it, without any key
    Inspect {
        /// The token; `-` reads standard input
        token: String,
    },
}

pub(crate) fn run(verb: Token, global: &Global) -> Result<(), Failure> {
    match verb {
        Token::Create(typed) => create::run(&typed, global),
        Token::Verify { token } => verify::run(&read(&token)?, global),
        Token::Inspect { token } => inspect::run(&read(&token)?, global),
    }
}

/// The token as typed, or from standard input; `Bearer` in front of it does no harm.
fn read(token: &str) -> Result<String, Failure> {
    let mut typed = token.to_owned();
    if token == "-" {
        typed.clear();
        let read = std::io::stdin()
            .lock()
            .take(TOKEN_LIMIT)
            .read_to_string(&mut typed);
        read.map_err(|error| invalid(format!("standard input cannot be read: {error}")))?;
    }
    let typed = typed.trim();
    Ok(typed.strip_prefix("Bearer ").unwrap_or(typed).to_owned())
}
