//! What is written down of calls that are up, so that a process that was killed comes back to them.
//!
//! ```text
//! signalling ──dialog: tags, numbers, routes, timer──────┐
//! call ──room, name, codec, ports, keys, place in RTP────┤──► store, each time it changes
//!                                                        │       (never for a packet)
//! start ◄── what was up when the last process ended ─────┘
//! ```
//! The halves of a call find each other by the tag of its dialog, which is the call's id until another
//! phone takes the place of the first. An INVITE that has no final answer is written down too: what
//! rings when its process is killed is brought to an end by the next.
//!
//! What somebody else could use is sealed with a key of its own beside the store: passwords, keys of
//! the sound, and all of the room's side. What SIP needs for a BYE is not, so that a call is ended
//! properly even where the key is gone. Only one process at a time has the key, and with it the
//! journal.

mod book;
mod keeper;
mod kept;
mod moment;
mod sound;

pub(crate) use book::{Found, Journal};
pub(crate) use keeper::Keeper;
pub(crate) use kept::{KeptAccount, KeptCall, KeptPhone, KeptSound};
pub(crate) use moment::{then, when};
pub(crate) use sound::KeptLocal;
