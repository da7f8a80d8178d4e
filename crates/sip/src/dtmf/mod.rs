//! Keys on the phone as RTP events (RFC 4733), both ways.

mod receiver;
mod sender;

pub use receiver::{KeyEvent, Receiver};
pub use sender::{EventPacket, Sender};

/// The sixteen keys.
pub fn digit(code: u8) -> Option<char> {
    let code = usize::from(code);
    KEYS.get(code).map(|key| char::from(*key))
}

/// The event code of a key.
pub fn code(digit: char) -> Option<u8> {
    let digit = digit.to_ascii_uppercase();
    let position = KEYS.iter().position(|key| char::from(*key) == digit)?;
    u8::try_from(position).ok()
}

const KEYS: &[u8; 16] = b"0123456789*#ABCD";

#[cfg(test)]
mod tests;
