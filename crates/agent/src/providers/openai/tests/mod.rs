//! Against servers that are written from the documents of the API.

mod audio;
mod audio_server;
pub(crate) mod chat;
pub(crate) mod chat_server;
mod listened;
