//! Session descriptions (RFC 8866) and offer/answer (RFC 3264) for one audio stream.

mod codec;
mod crypto;
mod negotiate;
mod parse;
mod print;
mod session;

pub use codec::{Codec, OpusWishes};
pub use crypto::{CryptoLine, Encryption, Keys, LocalCrypto, Unfit};
pub use negotiate::{Agreement, AnswerError, Local, accept_answer, answer, decline, is_off, offer};
pub use parse::SdpError;
pub use session::{Attribute, Direction, Media, Session};

#[cfg(test)]
mod codec_tests;
#[cfg(test)]
mod crypto_tests;
#[cfg(test)]
mod tests;
