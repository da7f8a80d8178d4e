//! Delays and thresholds on top of a profile.

use std::time::Duration;

use trunkline_service::config::{Report, Source, Spanned, parse_duration};

use super::raw::RawAgent;
use crate::turn::{TurnConfig, words};

/// Puts what was typed on top of the profile.
pub(super) fn apply(raw: &RawAgent, turns: &mut TurnConfig, source: &Source, report: &mut Report) {
    let mut set = Setter { source, report };
    let handling = &raw.turn_handling;
    let endpointing = &handling.endpointing;
    set.time(&endpointing.min_delay, &mut turns.endpointing.min_delay);
    set.time(&endpointing.max_delay, &mut turns.endpointing.max_delay);
    set.time(
        &endpointing.understood_delay,
        &mut turns.endpointing.understood_delay,
    );
    let interruption = &handling.interruption;
    let rules = &mut turns.interruption;
    put(interruption.enabled, &mut rules.enabled);
    set.time(&interruption.min_duration, &mut rules.min_duration);
    put(interruption.min_words, &mut rules.min_words);
    put(
        interruption.resume_false_interruption,
        &mut rules.resume_false_interruption,
    );
    set.time(
        &interruption.false_interruption_timeout,
        &mut rules.false_interruption_timeout,
    );
    put(
        interruption.discard_audio_if_uninterruptible,
        &mut rules.discard_audio_if_uninterruptible,
    );
    set.time(
        &interruption.backchannel_boundary,
        &mut rules.backchannel_boundary,
    );
    set.phrases(&interruption.backchannels, &mut rules.backchannels);
    set.phrases(&interruption.commands, &mut rules.commands);
    set.phrases(&interruption.short_words, &mut rules.short_words);
    let preemptive = &handling.preemptive_generation;
    put(preemptive.enabled, &mut turns.preemptive.enabled);
    put(
        preemptive.preemptive_tts,
        &mut turns.preemptive.preemptive_tts,
    );
    set.time(
        &preemptive.max_speech_duration,
        &mut turns.preemptive.max_speech_duration,
    );
    put(preemptive.max_retries, &mut turns.preemptive.max_retries);
    turns.limits.max_words = handling
        .user_turn_limit
        .max_words
        .or(turns.limits.max_words);
    if let Some(limit) = set.duration(&handling.user_turn_limit.max_duration) {
        turns.limits.max_duration = (!limit.is_zero()).then_some(limit);
    }
    put(
        handling.turn_detection.enabled,
        &mut turns.end_of_turn.enabled,
    );
    set.share(
        &handling.turn_detection.threshold,
        &mut turns.end_of_turn.threshold,
    );
    hearing(raw, turns, &mut set);
    if let Some(limit) = set.duration(&raw.user_away_timeout) {
        turns.user_away_timeout = (!limit.is_zero()).then_some(limit);
    }
    set.time(&raw.aec_warmup_duration, &mut turns.aec_warmup_duration);
    agree(raw, turns, source, report);
}

/// When the caller counts as speaking.
fn hearing(raw: &RawAgent, turns: &mut TurnConfig, set: &mut Setter<'_>) {
    set.share(
        &raw.vad.activation_threshold,
        &mut turns.vad.activation_threshold,
    );
    set.share(
        &raw.vad.deactivation_threshold,
        &mut turns.vad.deactivation_threshold,
    );
    set.time(
        &raw.vad.min_speech_duration,
        &mut turns.vad.min_speech_duration,
    );
    set.time(
        &raw.vad.min_silence_duration,
        &mut turns.vad.min_silence_duration,
    );
    set.time(
        &raw.vad.prefix_padding_duration,
        &mut turns.vad.prefix_padding_duration,
    );
}

/// Rules between values.
fn agree(raw: &RawAgent, turns: &TurnConfig, source: &Source, report: &mut Report) {
    let delays = &turns.endpointing;
    if delays.min_delay > delays.max_delay
        && let Some(at) = raw.turn_handling.endpointing.min_delay.as_ref().or(raw
            .turn_handling
            .endpointing
            .max_delay
            .as_ref())
    {
        let remedy = format!("keep it at or below {:?}", delays.max_delay);
        report.at(source, at, "min_delay is longer than max_delay", remedy);
    }
    if turns.vad.deactivation_threshold > turns.vad.activation_threshold
        && let Some(at) = raw
            .vad
            .deactivation_threshold
            .as_ref()
            .or(raw.vad.activation_threshold.as_ref())
    {
        let remedy = format!("keep it at or below {}", turns.vad.activation_threshold);
        report.at(
            source,
            at,
            "deactivation_threshold is above activation_threshold",
            remedy,
        );
    }
}

fn put<T>(value: Option<T>, place: &mut T) {
    if let Some(value) = value {
        *place = value;
    }
}

pub(super) struct Setter<'a> {
    pub(super) source: &'a Source,
    pub(super) report: &'a mut Report,
}

impl Setter<'_> {
    pub(super) fn time(&mut self, value: &Option<Spanned<String>>, place: &mut Duration) {
        put(self.duration(value), place);
    }

    pub(super) fn duration(&mut self, value: &Option<Spanned<String>>) -> Option<Duration> {
        let value = value.as_ref()?;
        match parse_duration(&value.value) {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.report.at(self.source, value, error.to_string(), None);
                None
            }
        }
    }

    /// Phrases as they are compared: words in lower case.
    fn phrases(&mut self, typed: &Option<Vec<Spanned<String>>>, place: &mut Vec<String>) {
        let Some(typed) = typed else { return };
        let mut phrases = Vec::with_capacity(typed.len());
        for phrase in typed {
            let normal: Vec<String> = words(&phrase.value).collect();
            if normal.is_empty() {
                let remedy = "write a word or a few, or leave the line out".to_owned();
                self.report
                    .at(self.source, phrase, "there is no word in this", remedy);
            } else {
                phrases.push(normal.join(" "));
            }
        }
        *place = phrases;
    }

    pub(super) fn share(&mut self, value: &Option<Spanned<f32>>, place: &mut f32) {
        let Some(value) = value else { return };
        if (0.0..=1.0).contains(&value.value) {
            *place = value.value;
        } else {
            let remedy = "write a number from 0 to 1".to_owned();
            self.report.at(
                self.source,
                value,
                "a probability lies between 0 and 1",
                remedy,
            );
        }
    }
}
