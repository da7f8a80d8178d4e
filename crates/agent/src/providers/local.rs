//! The models on this machine.

use std::sync::Arc;

use super::entry::Entry;
use super::plan::{Kit, Plan};
use crate::provider::{Stt, Tts};
use crate::speech::Speech;

/// The name in the configuration.
pub const NAME: &str = "local";

/// Hearing by the models on this machine.
pub const STT: Entry<dyn Stt> = Entry {
    name: NAME,
    read: |_, _| Some(stt()),
};

/// Speaking by the models on this machine.
pub const TTS: Entry<dyn Tts> = Entry {
    name: NAME,
    read: |_, _| Some(tts()),
};

/// What hears where nothing else is wanted.
pub fn stt() -> Plan<dyn Stt> {
    Plan::new(NAME, |kit| Arc::clone(speech(kit).stt()))
}

/// What speaks where nothing else is wanted.
pub fn tts() -> Plan<dyn Tts> {
    Plan::new(NAME, |kit| Arc::clone(speech(kit).tts()))
}

fn speech(kit: &Kit) -> Speech {
    kit.speech.clone().unwrap_or_else(Speech::without_models)
}
