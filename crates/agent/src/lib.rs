//! A participant that listens, decides and speaks.
