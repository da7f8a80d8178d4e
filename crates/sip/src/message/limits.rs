//! How much is read.

/// Largest message we read, on any transport. A datagram cannot be larger.
pub const MAX_MESSAGE: usize = 65_535;

/// Most header lines in one message; scanners send more, phones do not.
pub const MAX_HEADERS: usize = 256;
