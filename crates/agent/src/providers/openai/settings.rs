//! What the file says of it.

use std::sync::Arc;

use trunkline_base::secret::Secret;
use trunkline_service::config::Section;

use super::NAME;
use super::chat::{Chat, ChatSettings};
use super::speech::{Speaking, SpeakingSettings};
use super::transcription::{Hearing, HearingSettings};
use crate::provider::{Batch, Llm, Stt, Tts};
use crate::providers::entry::Entry;
use crate::providers::net::Deadlines;
use crate::providers::plan::Plan;

/// OpenAI's own address.
const URL: &str = "https://api.openai.com/v1";

/// Hearing.
pub const STT: Entry<dyn Stt> = Entry {
    name: NAME,
    read: stt,
};

/// Speaking.
pub const TTS: Entry<dyn Tts> = Entry {
    name: NAME,
    read: tts,
};

/// Thinking.
pub const LLM: Entry<dyn Llm> = Entry {
    name: NAME,
    read: llm,
};

fn stt(section: &mut Section<'_>, key: &str) -> Option<Plan<dyn Stt>> {
    let (url, api_key) = endpoint(section);
    let model = section.text("model").map(|model| model.value);
    let mut settings = HearingSettings::new(
        url.clone(),
        api_key,
        model.unwrap_or_else(|| "gpt-4o-mini-transcribe".to_owned()),
    );
    settings.language = section.text("language").map(|language| language.value);
    settings.prompt = section.text("prompt").map(|prompt| prompt.value);
    deadlines(section, &mut settings.deadlines);
    let plan = Plan::new(NAME, move |kit| {
        Batch::of(Hearing::new(settings.clone(), kit.http.clone())) as Arc<dyn Stt>
    });
    Some(plan.at(format!("{key}.url"), url))
}

fn tts(section: &mut Section<'_>, key: &str) -> Option<Plan<dyn Tts>> {
    let (url, api_key) = endpoint(section);
    let model = section.text("model").map(|model| model.value);
    let mut settings = SpeakingSettings::new(
        url.clone(),
        api_key,
        model.unwrap_or_else(|| "gpt-4o-mini-tts".to_owned()),
    );
    if let Some(voice) = section.text("voice") {
        settings.voice = voice.value;
    }
    settings.instructions = section.text("instructions").map(|text| text.value);
    settings.speed = section.number("speed", 0.25, 4.0);
    if let Some(rate) = section.count("rate", 8_000, 48_000) {
        settings.rate = rate;
    }
    deadlines(section, &mut settings.deadlines);
    let plan = Plan::new(NAME, move |kit| {
        Arc::new(Speaking::new(settings.clone(), kit.http.clone())) as Arc<dyn Tts>
    });
    Some(plan.at(format!("{key}.url"), url))
}

fn llm(section: &mut Section<'_>, key: &str) -> Option<Plan<dyn Llm>> {
    let (url, api_key) = endpoint(section);
    let model = section.needed("model").map(|model| model.value);
    let mut deadlines = Deadlines::default();
    self::deadlines(section, &mut deadlines);
    let settings = ChatSettings {
        deadlines,
        ..ChatSettings::new(url.clone(), api_key, model?)
    };
    let plan = Plan::new(NAME, move |kit| {
        Arc::new(Chat::new(settings.clone(), kit.http.clone())) as Arc<dyn Llm>
    });
    Some(plan.at(format!("{key}.url"), url))
}

fn endpoint(section: &mut Section<'_>) -> (String, Secret<String>) {
    let url = section.url("url", &["https", "http"]);
    let url = url.map_or_else(|| URL.to_owned(), |url| url.value);
    (url, section.secret("api_key"))
}

fn deadlines(section: &mut Section<'_>, deadlines: &mut Deadlines) {
    if let Some(first) = section.time("first_byte_timeout") {
        deadlines.first = first;
    }
    if let Some(total) = section.time("total_timeout") {
        deadlines.total = total;
    }
}
