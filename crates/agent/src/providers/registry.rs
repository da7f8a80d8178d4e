//! The providers there are, by their names in the configuration. Adding one is a line here and a
//! folder beside this file.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use trunkline_service::config::{Node, Report, Section, Source, nearest};

use super::entry::Entry;
use super::plan::Plan;
use super::{local, openai};
use crate::provider::{Llm, Stt, Tts};

/// What hears.
pub static STT: &[Entry<dyn Stt>] = &[local::STT, openai::STT];

/// What speaks.
pub static TTS: &[Entry<dyn Tts>] = &[local::TTS, openai::TTS];

/// What thinks.
pub static LLM: &[Entry<dyn Llm>] = &[openai::LLM];

/// One provider of a chain, as the file wants it.
pub struct Wanted<T: ?Sized> {
    pub plan: Plan<T>,
    /// How long an attempt may take, in place of what is usual.
    pub attempt: Option<Duration>,
    /// Tries after the first, in place of what is usual.
    pub retries: Option<u32>,
}

impl<T: ?Sized + Send + Sync + 'static> Wanted<T> {
    /// A provider of one's own, under this name.
    pub fn own(name: &'static str, provider: Arc<T>) -> Self {
        Self {
            plan: Plan::new(name, move |_| Arc::clone(&provider)),
            attempt: None,
            retries: None,
        }
    }
}

impl<T: ?Sized> fmt::Debug for Wanted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plan.fmt(f)
    }
}

impl<T: ?Sized> Clone for Wanted<T> {
    fn clone(&self) -> Self {
        Self {
            plan: self.plan.clone(),
            attempt: self.attempt,
            retries: self.retries,
        }
    }
}

/// Reads `stt:`, `tts:` or `llm:`: a name, a section, or a list of them in the order in which they
/// are asked. What is wrong is in the report.
pub fn read<T: ?Sized>(
    entries: &'static [Entry<T>],
    key: &'static str,
    node: &Node,
    source: &Source,
    report: &mut Report,
) -> Vec<Wanted<T>> {
    let several = node.each().len() > 1;
    let mut chain = Vec::new();
    for (index, node) in node.each().iter().enumerate() {
        let key = if several {
            format!("{key}[{index}]")
        } else {
            key.to_owned()
        };
        chain.extend(one(entries, &key, node, source, report));
    }
    chain
}

fn one<T: ?Sized>(
    entries: &'static [Entry<T>],
    key: &str,
    node: &Node,
    source: &Source,
    report: &mut Report,
) -> Option<Wanted<T>> {
    let mut section = Section::named(node, "provider", source, report)?;
    let name = section.needed("provider")?;
    let Some(entry) = entries.iter().find(|entry| entry.name == name.value) else {
        let known: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
        let what = format!("no provider of `{key}` is called `{}`", name.value);
        section.wrong(name.place, what, nearest(&name.value, &known));
        return None;
    };
    let attempt = section.time("attempt_timeout");
    let retries = section.count("retries", 0, 10);
    let plan = (entry.read)(&mut section, key);
    section.close();
    Some(Wanted {
        plan: plan?,
        attempt,
        retries,
    })
}
