//! Session descriptions (RFC 8866) and offer/answer (RFC 3264) for one audio stream.

mod negotiate;
mod parse;
mod print;
mod session;

pub use negotiate::{
    Agreement, AnswerError, Codec, Local, accept_answer, answer, decline, is_off, offer,
};
pub use parse::SdpError;
pub use session::{Attribute, Direction, Media, Session};

#[cfg(test)]
mod tests;
