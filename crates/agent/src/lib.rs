//! A participant that listens, decides and speaks.

pub mod speech;
