//! From a client's add-track request to the track others are told about.

use livekit_protocol as proto;
use proto::request_response::Reason;
use proto::{AudioTrackFeature, TrackSource, TrackType};
use rand::RngCore;
use trunkline_base::id::{TrackSid, guid};

use super::message::Refusal;
use super::permission::Permission;

/// Tracks announced but not yet seen in an offer, per participant.
pub(crate) const MAX_PENDING: usize = 20;

/// Whether a request may become a track at all.
pub(crate) fn check(request: &proto::AddTrackRequest, permission: &Permission) -> Result<(), Refusal> {
    if !permission.may_publish_source(request.source) {
        return Err(Refusal::new(Reason::NotAllowed, "does not have permission to publish track"));
    }
    if request.r#type != i32::from(TrackType::Audio) {
        return Err(Refusal::new(Reason::UnsupportedType, "this server carries audio tracks only"));
    }
    if request.cid.is_empty() || request.cid.len() > MAX_WORD || request.name.len() > MAX_WORD {
        return Err(Refusal::new(Reason::InvalidRequest, "cid or name length exceeds limits"));
    }
    Ok(())
}

/// The track as announced, before any media.
#[expect(deprecated, reason = "older clients read the deprecated fields")]
pub(crate) fn info(request: &proto::AddTrackRequest, rng: &mut impl RngCore) -> proto::TrackInfo {
    let features = features(request);
    proto::TrackInfo {
        sid: sid(request, rng),
        r#type: request.r#type,
        name: request.name.clone(),
        muted: request.muted,
        disable_dtx: features.contains(&AudioTrackFeature::TfNoDtx.into()),
        source: request.source,
        mime_type: OPUS.to_owned(),
        codecs: vec![proto::SimulcastCodecInfo {
            mime_type: OPUS.to_owned(),
            cid: request.cid.clone(),
            ..proto::SimulcastCodecInfo::default()
        }],
        stereo: features.contains(&AudioTrackFeature::TfStereo.into()),
        disable_red: true,
        encryption: request.encryption,
        stream: stream(request),
        audio_features: features,
        backup_codec_policy: request.backup_codec_policy,
        packet_trailer_features: request.packet_trailer_features.clone(),
        ..proto::TrackInfo::default()
    }
}

/// The old flags and the new feature list say the same thing; keep them so.
#[expect(deprecated, reason = "older clients set the deprecated fields")]
fn features(request: &proto::AddTrackRequest) -> Vec<i32> {
    let mut features = request.audio_features.clone();
    let mut add = |feature: AudioTrackFeature, wanted: bool| {
        if wanted && !features.contains(&feature.into()) {
            features.push(feature.into());
        }
    };
    add(AudioTrackFeature::TfStereo, request.stereo);
    add(AudioTrackFeature::TfNoDtx, request.disable_dtx);
    features
}

fn stream(request: &proto::AddTrackRequest) -> String {
    if !request.stream.is_empty() {
        return request.stream.clone();
    }
    match TrackSource::try_from(request.source) {
        Ok(TrackSource::Camera | TrackSource::Microphone) => "camera".to_owned(),
        Ok(TrackSource::ScreenShare | TrackSource::ScreenShareAudio) => "screen".to_owned(),
        _ => String::new(),
    }
}

/// `TR_`, a letter for the kind, one for the source, and the random part.
fn sid(request: &proto::AddTrackRequest, rng: &mut impl RngCore) -> String {
    let kind = if request.r#type == i32::from(TrackType::Video) { "V" } else { "A" };
    let source = match TrackSource::try_from(request.source) {
        Ok(TrackSource::Camera) => "C",
        Ok(TrackSource::Microphone) => "M",
        Ok(TrackSource::ScreenShare) => "S",
        Ok(TrackSource::ScreenShareAudio) => "s",
        _ => "",
    };
    guid(&format!("TR_{kind}{source}"), rng)
}

/// A generated sid is never empty nor long; the type asks anyway.
pub(crate) fn typed_sid(info: &proto::TrackInfo) -> Option<TrackSid> {
    TrackSid::parse(info.sid.as_str()).ok()
}

const OPUS: &str = "audio/opus";

/// Longest client-chosen word carried along.
const MAX_WORD: usize = 256;

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;
    use trunkline_base::token::VideoGrant;

    use super::*;

    fn request() -> proto::AddTrackRequest {
        proto::AddTrackRequest {
            cid: "c1".to_owned(),
            name: "mic".to_owned(),
            source: TrackSource::Microphone.into(),
            ..proto::AddTrackRequest::default()
        }
    }

    #[test]
    fn a_microphone_is_named_by_kind_and_source() {
        let info = info(&request(), &mut SmallRng::seed_from_u64(1));
        assert!(info.sid.starts_with("TR_AM"), "{}", info.sid);
        assert_eq!(info.sid.len(), 17);
        assert_eq!((info.codecs.len(), info.mime_type.as_str()), (1, "audio/opus"));
        assert_eq!(info.stream, "camera");
    }

    #[test]
    #[expect(deprecated, reason = "the deprecated flags are what is tested")]
    fn old_flags_become_features() {
        let request = proto::AddTrackRequest { stereo: true, disable_dtx: true, ..request() };
        let info = info(&request, &mut SmallRng::seed_from_u64(1));
        assert!(info.stereo && info.disable_dtx);
        assert_eq!(info.audio_features, [0, 1]);
    }

    #[test]
    fn checks_come_in_the_official_order() {
        let all = Permission::from_grant(&VideoGrant::join("r"));
        let none = Permission { publish: false, ..all.clone() };
        let video = proto::AddTrackRequest { r#type: TrackType::Video.into(), ..request() };
        assert_eq!(check(&video, &none).unwrap_err().reason, Reason::NotAllowed);
        assert_eq!(check(&video, &all).unwrap_err().reason, Reason::UnsupportedType);
        let long = proto::AddTrackRequest { cid: "c".repeat(300), ..request() };
        assert_eq!(check(&long, &all).unwrap_err().reason, Reason::InvalidRequest);
        assert!(check(&request(), &all).is_ok());
    }
}
