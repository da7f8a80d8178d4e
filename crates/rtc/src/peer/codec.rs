//! The codecs we negotiate and how the engine names them.

use str0m::RtcConfig;
use str0m::format::{Codec as Engine, CodecConfig};

use super::role::Side;

/// What an RTP payload is encoded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    Opus,
    /// G.711 mu-law
    Pcmu,
    /// G.711 A-law
    Pcma,
    /// VP8
    Vp8,
    /// VP9
    Vp9,
    /// H.264
    H264,
    /// AV1
    Av1,
    /// H.265
    H265,
    /// Anything else
    Other,
}

impl Codec {
    /// RTP clock of the codec in hertz.
    #[must_use]
    pub fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Pcmu | Self::Pcma => 8_000,
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::Av1 | Self::H265 | Self::Other => 90_000,
        }
    }

    /// Whether it is for pictures. What is not known is taken for one: it is spared nothing.
    pub(super) fn is_video(self) -> bool {
        !matches!(self, Self::Opus | Self::Pcmu | Self::Pcma)
    }

    /// The MIME type as LiveKit writes it in a track.
    #[must_use]
    pub fn mime(self) -> &'static str {
        match self {
            Self::Opus => "audio/opus",
            Self::Pcmu => "audio/PCMU",
            Self::Pcma => "audio/PCMA",
            Self::Vp8 => "video/VP8",
            Self::Vp9 => "video/VP9",
            Self::H264 => "video/H264",
            Self::Av1 => "video/AV1",
            Self::H265 => "video/H265",
            Self::Other => "",
        }
    }

    /// Reads an encoding name of an `a=rtpmap` line, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        const NAMES: [(&str, Codec); 8] = [
            ("opus", Codec::Opus),
            ("pcmu", Codec::Pcmu),
            ("pcma", Codec::Pcma),
            ("vp8", Codec::Vp8),
            ("vp9", Codec::Vp9),
            ("h264", Codec::H264),
            ("av1", Codec::Av1),
            ("h265", Codec::H265),
        ];
        let known = NAMES.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        known.map_or(Self::Other, |(_, codec)| *codec)
    }

    pub(super) fn from_engine(codec: Engine) -> Self {
        match codec {
            Engine::Opus => Self::Opus,
            Engine::PCMU => Self::Pcmu,
            Engine::PCMA => Self::Pcma,
            Engine::Vp8 => Self::Vp8,
            Engine::Vp9 => Self::Vp9,
            Engine::H264 => Self::H264,
            Engine::Av1 => Self::Av1,
            Engine::H265 => Self::H265,
            _ => Self::Other,
        }
    }
}

/// Opus and G.711 on both ends, video only where it may have to be accepted.
pub(super) fn configure(config: RtcConfig, side: Side) -> RtcConfig {
    let mut config = config.clear_codecs();
    let codecs = config.codec_config();
    codecs.enable_opus(true, false);
    codecs.enable_pcmu(true, false);
    codecs.enable_pcma(true, false);
    if side == Side::Server {
        codecs.enable_vp8(true);
        codecs.enable_h264(true);
        codecs.enable_vp9(true);
        codecs.enable_av1(true);
    }
    without_audio_feedback(codecs);
    config
}

/// Transport-wide feedback for audio would cost a report per packet and steer nothing.
fn without_audio_feedback(codecs: &mut CodecConfig) {
    for params in codecs.iter_mut().filter(|p| p.spec().codec.is_audio()) {
        params.set_fb_transport_cc(false);
    }
}
