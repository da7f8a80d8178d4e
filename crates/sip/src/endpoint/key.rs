//! What transactions are known by.

use std::sync::Arc;

/// Names a transaction: branch, sent-by and method (RFC 3261 17.2.3), or what stands for them.
pub(super) type Key = Arc<str>;

/// RFC 3261 8.1.1.7.
pub(super) const COOKIE: &str = "z9hG4bK";
