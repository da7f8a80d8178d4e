//! API keys that can be changed while everything runs.
//!
//! Two files hold them. The *key file* is LiveKit's own `key_file`: a YAML map of key ids to
//! secrets, so that a LiveKit server beside this one can read the same file. The *state file* next
//! to it (`<key file>.state`, JSON, no secrets) says what each key is for at the moment:
//!
//! ```text
//! add ─► pending ──rotate──► active ──rotate──► retiring ──retire──► retired
//!                               ▲                  │
//!                               └──────rotate──────┘   (the way back)
//! ```
//!
//! | state | signs | verifies | in the key file |
//! |---|---|---|---|
//! | pending | no | yes, so that every verifier knows a key before anybody signs with it | yes |
//! | active | yes; exactly one | yes | yes |
//! | retiring | no | yes, until its last token has surely expired | yes |
//! | retired | no | no | no; the state file remembers it |
//!
//! A key that the state file does not know verifies as a pending one; without any active key the
//! first of the key file signs. So a key file written by hand works as it is, and losing the state
//! file changes nothing but which key signs.
//!
//! Both files are replaced as a whole (written beside, synced, renamed). The order is such that a
//! crash in between is harmless: a new key is in the key file before anything says that it signs,
//! and a retired one is called retired before it leaves.

mod book;
mod file;
mod reload;

pub(crate) use book::{Book, Entry, State};
pub(crate) use file::{KeyFile, read_map};
pub(crate) use reload::follow;

#[cfg(test)]
mod tests;
