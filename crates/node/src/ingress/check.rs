//! What is checked about an ingress before it is remembered.

use std::collections::BTreeMap;

use livekit_protocol as proto;
use proto::ingress_audio_options::EncodingOptions as AudioEncoding;
use proto::ingress_video_options::EncodingOptions as VideoEncoding;
use proto::{AudioCodec, IngressInput as Input, TrackSource, VideoCodec};

use super::IngressError;

/// The address of something to pull, in its normal form.
pub(super) fn pulled_url(url: &str) -> Result<String, IngressError> {
    if url.is_empty() {
        return Err(IngressError::Invalid("missing URL parameter"));
    }
    let url = reqwest::Url::parse(url).map_err(|error| match error.to_string().as_str() {
        "relative URL without a base" => IngressError::Scheme(String::new()),
        _ => IngressError::Url,
    })?;
    match url.scheme() {
        "http" | "https" | "srt" => Ok(url.into()),
        other => Err(IngressError::Scheme(other.to_owned())),
    }
}

/// What starts at once must know its room.
pub(super) const fn room(info: &proto::IngressInfo) -> Result<(), IngressError> {
    if info.room_name.is_empty() {
        Err(IngressError::Invalid("no room name"))
    } else {
        Ok(())
    }
}

/// Everything else.
pub(super) fn whole(info: &proto::IngressInfo) -> Result<(), IngressError> {
    source(info)?;
    if info.participant_identity.is_empty() {
        return Err(IngressError::Invalid("no participant identity"));
    }
    transcoding(info)?;
    info.video.as_ref().map_or(Ok(()), video)?;
    info.audio.as_ref().map_or(Ok(()), audio)
}

fn source(info: &proto::IngressInfo) -> Result<(), IngressError> {
    match Input::try_from(info.input_type) {
        Err(_) => Err(IngressError::Invalid("unsupported input type")),
        Ok(Input::RtmpInput | Input::WhipInput) if info.stream_key.is_empty() => {
            Err(IngressError::Invalid("no stream key"))
        }
        Ok(Input::UrlInput) if info.url.is_empty() => Err(IngressError::Invalid("no source URL")),
        Ok(Input::UrlInput) if info.enabled == Some(false) => {
            Err(IngressError::Invalid("disabled non reusable ingress"))
        }
        Ok(_) => Ok(()),
    }
}

/// Only WHIP can go without transcoding, and then nothing can be said about encoding.
fn transcoding(info: &proto::IngressInfo) -> Result<(), IngressError> {
    let whip = info.input_type() == Input::WhipInput;
    if !whip && info.enable_transcoding == Some(false) {
        let text = "bypassing transcoding impossible with selected input type";
        return Err(IngressError::Bypass(text));
    }
    if info.enable_transcoding.unwrap_or(!whip) {
        return Ok(());
    }
    let video = info
        .video
        .as_ref()
        .and_then(|v| v.encoding_options.as_ref());
    if video.is_some() {
        let text = "video encoding options must be empty if transcoding is disabled";
        return Err(IngressError::Bypass(text));
    }
    let audio = info
        .audio
        .as_ref()
        .and_then(|a| a.encoding_options.as_ref());
    if audio.is_some() {
        let text = "audio encoding options must be empty if transcoding is disabled";
        return Err(IngressError::Bypass(text));
    }
    Ok(())
}

fn video(options: &proto::IngressVideoOptions) -> Result<(), IngressError> {
    match TrackSource::try_from(options.source) {
        Ok(TrackSource::Unknown | TrackSource::Camera | TrackSource::ScreenShare) => {}
        _ => return Err(IngressError::Video("invalid track source")),
    }
    match &options.encoding_options {
        None => Ok(()),
        Some(VideoEncoding::Preset(preset)) => {
            let known = proto::IngressVideoEncodingPreset::try_from(*preset).is_ok();
            known
                .then_some(())
                .ok_or(IngressError::Video("invalid preset"))
        }
        Some(VideoEncoding::Options(options)) => video_encoding(options),
    }
}

fn video_encoding(options: &proto::IngressVideoEncodingOptions) -> Result<(), IngressError> {
    if options.frame_rate < 0.0 {
        return Err(IngressError::Video("invalid framerate"));
    }
    match VideoCodec::try_from(options.video_codec) {
        Ok(VideoCodec::DefaultVc | VideoCodec::H264Baseline | VideoCodec::Vp8) => {}
        _ => return Err(IngressError::Video("video codec unsupported")),
    }
    let mut by_quality = BTreeMap::new();
    for layer in &options.layers {
        if layer.width == 0 || layer.height == 0 {
            return Err(IngressError::Video("invalid output media dimensions"));
        }
        if layer.width % 2 == 1 {
            return Err(IngressError::Invalid("layer width must be even"));
        }
        if layer.height % 2 == 1 {
            return Err(IngressError::Invalid("layer height must be even"));
        }
        if by_quality.insert(layer.quality, layer).is_some() {
            let text = "more than one layer with the same quality level";
            return Err(IngressError::Video(text));
        }
    }
    let ascending: Vec<_> = by_quality.values().collect();
    for pair in ascending.windows(2) {
        if pair[1].height < pair[0].height {
            let text = "video layers do not have increasing height with increasing quality";
            return Err(IngressError::Video(text));
        }
        if pair[1].width < pair[0].width {
            let text = "video layers do not have increasing width with increasing quality";
            return Err(IngressError::Video(text));
        }
    }
    Ok(())
}

fn audio(options: &proto::IngressAudioOptions) -> Result<(), IngressError> {
    match TrackSource::try_from(options.source) {
        Ok(TrackSource::Unknown | TrackSource::Microphone | TrackSource::ScreenShareAudio) => {}
        _ => return Err(IngressError::Audio("invalid track source")),
    }
    match &options.encoding_options {
        None => Ok(()),
        Some(AudioEncoding::Preset(preset)) => {
            let known = proto::IngressAudioEncodingPreset::try_from(*preset).is_ok();
            known
                .then_some(())
                .ok_or(IngressError::Audio("invalid preset"))
        }
        Some(AudioEncoding::Options(options)) => {
            match AudioCodec::try_from(options.audio_codec) {
                Ok(AudioCodec::DefaultAc | AudioCodec::Opus) => {}
                _ => return Err(IngressError::Audio("audio codec unsupported")),
            }
            if options.channels > 2 {
                return Err(IngressError::Audio("invalid audio channel count"));
            }
            Ok(())
        }
    }
}
