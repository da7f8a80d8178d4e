//! A published track.

use livekit_protocol::{
    AddTrackRequest, AudioTrackFeature, SimulcastCodecInfo, TrackInfo, TrackSource, TrackType,
    video_layer,
};
use rand::RngCore;
use trunkline_base::id::{TrackSid, guid};

use crate::peer::{Codec, MediaKind, Mid, PublishOptions};

use super::ids::MemberId;
use super::speakers::LevelMeter;

#[derive(Debug)]
pub(super) struct Track {
    pub(super) sid: TrackSid,
    pub(super) owner: MemberId,
    pub(super) kind: MediaKind,
    pub(super) mid: Mid,
    pub(super) cids: Vec<String>,
    pub(super) info: TrackInfo,
    /// Times the track was unmuted; a new run of packets each.
    pub(super) epoch: u32,
    /// Somebody heard it once.
    pub(super) heard: bool,
    pub(super) meter: LevelMeter,
    /// Who has a slot for it.
    pub(super) listeners: Vec<MemberId>,
}

/// The info a client gets back at once when it announces a track.
#[expect(deprecated, reason = "clients read the older fields as well")]
pub(super) fn info_of(request: &AddTrackRequest, rng: &mut impl RngCore) -> TrackInfo {
    let stereo = request.stereo || has(request, AudioTrackFeature::TfStereo);
    let disable_dtx = request.disable_dtx || has(request, AudioTrackFeature::TfNoDtx);
    let mut audio_features = request.audio_features.clone();
    audio_features.sort_unstable();
    audio_features.dedup();
    for (wanted, feature) in [
        (stereo, AudioTrackFeature::TfStereo),
        (disable_dtx, AudioTrackFeature::TfNoDtx),
    ] {
        if wanted && !audio_features.contains(&(feature as i32)) {
            audio_features.push(feature as i32);
        }
    }
    let codecs = codecs_of(request);
    TrackInfo {
        sid: guid(&prefix(request), rng),
        r#type: request.r#type,
        name: request.name.clone(),
        muted: request.muted,
        width: request.width,
        height: request.height,
        simulcast: request.layers.len() > 1,
        disable_dtx,
        source: request.source,
        layers: request.layers.clone(),
        mime_type: codecs
            .first()
            .map(|c| c.mime_type.clone())
            .unwrap_or_default(),
        codecs,
        stereo,
        disable_red: request.disable_red,
        encryption: request.encryption,
        stream: stream_of(request),
        audio_features,
        backup_codec_policy: request.backup_codec_policy,
        packet_trailer_features: request.packet_trailer_features.clone(),
        ..Default::default()
    }
}

/// Names by which the client may call this track in a description.
pub(super) fn cids_of(request: &AddTrackRequest) -> Vec<String> {
    let backups = request.simulcast_codecs.iter().map(|c| c.cid.clone());
    let all = std::iter::once(request.cid.clone()).chain(backups);
    all.filter(|c| !c.is_empty()).collect()
}

pub(super) fn kind_of(info: &TrackInfo) -> MediaKind {
    if info.r#type == TrackType::Video as i32 {
        MediaKind::Video
    } else {
        MediaKind::Audio
    }
}

#[expect(deprecated, reason = "older clients set only this field")]
pub(super) fn options_of(info: &TrackInfo) -> PublishOptions {
    PublishOptions {
        disable_dtx: info.disable_dtx,
        stereo: info.stereo,
    }
}

/// Completes the info by what the description said.
pub(super) fn negotiated(info: &mut TrackInfo, mid: Mid, codecs: &[Codec], sdp_cid: &str) {
    mid.as_str().clone_into(&mut info.mid);
    let first = codecs.iter().find(|c| **c != Codec::Other);
    if let Some(codec) = first {
        codec.mime().clone_into(&mut info.mime_type);
    }
    if let Some(entry) = info.codecs.first_mut() {
        info.mime_type.clone_into(&mut entry.mime_type);
        info.mid.clone_into(&mut entry.mid);
        if entry.cid != sdp_cid {
            sdp_cid.clone_into(&mut entry.sdp_cid);
        }
    }
}

fn has(request: &AddTrackRequest, feature: AudioTrackFeature) -> bool {
    request.audio_features.contains(&(feature as i32))
}

fn codecs_of(request: &AddTrackRequest) -> Vec<SimulcastCodecInfo> {
    let video = request.r#type == TrackType::Video as i32;
    let family = if video { "video" } else { "audio" };
    let mime = |codec: &str| match Codec::from_name(codec) {
        Codec::Other if video => Codec::Vp8.mime().to_owned(),
        Codec::Other => Codec::Opus.mime().to_owned(),
        known if known.mime().starts_with(family) => known.mime().to_owned(),
        _ => String::new(),
    };
    let entry = |codec: &str, cid: &str, layers: &[_]| SimulcastCodecInfo {
        mime_type: mime(codec),
        cid: cid.to_owned(),
        layers: layers.to_vec(),
        video_layer_mode: video_layer::Mode::OneSpatialLayerPerStream as i32 * i32::from(video),
        ..Default::default()
    };
    let asked = request.simulcast_codecs.iter();
    let mut codecs: Vec<_> = asked
        .map(|c| {
            let layers = if c.layers.is_empty() {
                &request.layers
            } else {
                &c.layers
            };
            entry(&c.codec, &c.cid, layers)
        })
        .collect();
    if codecs.is_empty() {
        codecs.push(entry("", &request.cid, &request.layers));
    }
    codecs
}

fn prefix(request: &AddTrackRequest) -> String {
    let kind = if request.r#type == TrackType::Video as i32 {
        'V'
    } else {
        'A'
    };
    let source = match TrackSource::try_from(request.source) {
        Ok(TrackSource::Camera) => "C",
        Ok(TrackSource::Microphone) => "M",
        Ok(TrackSource::ScreenShare) => "S",
        Ok(TrackSource::ScreenShareAudio) => "s",
        Ok(TrackSource::Unknown) | Err(_) => "",
    };
    format!("TR_{kind}{source}")
}

/// Tracks that belong together are played in step.
fn stream_of(request: &AddTrackRequest) -> String {
    if !request.stream.is_empty() {
        return request.stream.clone();
    }
    let stream = match TrackSource::try_from(request.source) {
        Ok(TrackSource::Camera | TrackSource::Microphone) => "camera",
        Ok(TrackSource::ScreenShare | TrackSource::ScreenShareAudio) => "screen_share",
        Ok(TrackSource::Unknown) | Err(_) => "",
    };
    stream.to_owned()
}
