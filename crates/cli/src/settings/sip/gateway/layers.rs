//! The section as typed, where it may stand, and which of these places counts for a key.

use serde::Deserialize;
use trunkline_service::config::{Report, Source, Spanned};

use super::capture::RawCapture;
use super::limits::RawLimits;
use super::secure::RawTls;
use crate::settings::home::SIP;
use crate::settings::raw::Judge;

/// The section as typed. Every key is optional: see [`Layers`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::settings) struct RawGateway {
    pub(super) enabled: Option<Spanned<bool>>,
    pub(super) udp: Option<Spanned<String>>,
    pub(super) tcp: Option<Spanned<String>>,
    pub(super) public_ip: Option<Spanned<String>>,
    pub(super) stun: Option<Spanned<String>>,
    pub(super) rtp_ports: Option<Spanned<String>>,
    pub(super) codecs: Vec<Spanned<String>>,
    pub(super) opus_complexity: Option<Spanned<String>>,
    pub(super) answer: Option<Spanned<String>>,
    pub(super) agent_wait: Option<Spanned<String>>,
    pub(super) pin_wait: Option<Spanned<String>>,
    pub(super) hold_limit: Option<Spanned<String>>,
    pub(super) session_timer: Option<Spanned<String>>,
    pub(super) resume_within: Option<Spanned<String>>,
    pub(super) ringing_timeout: Option<Spanned<String>>,
    pub(super) max_call_duration: Option<Spanned<String>>,
    pub(super) media_timeout: Option<Spanned<String>>,
    pub(super) drain: Option<Spanned<String>>,
    pub(super) local_networks: Vec<Spanned<String>>,
    pub(super) srtp: Option<Spanned<String>>,
    pub(super) tls: Option<Spanned<RawTls>>,
    pub(super) capture: Option<Spanned<RawCapture>>,
    pub(super) limits: Option<Spanned<RawLimits>>,
    pub(super) api: Option<Spanned<String>>,
}

/// One place where the section may stand.
pub(in crate::settings) struct Layer {
    pub(in crate::settings) source: Source,
    pub(in crate::settings) raw: RawGateway,
}

impl Layer {
    pub(super) fn judge<'a>(&'a self, report: &'a mut Report) -> Judge<'a> {
        Judge {
            source: &self.source,
            report,
        }
    }
}

/// The places where a key is looked for.
pub(in crate::settings) struct Layers {
    /// `gateway` of `livekit-sip-correct.yaml`.
    here: Layer,
    /// `sip` of `livekit.yaml`.
    old: Option<Layer>,
    shipped: Layer,
}

impl Layers {
    /// Where a file could not be read, there is nothing in it.
    pub(in crate::settings) fn new(
        here: Option<Layer>,
        old: Option<Layer>,
        shipped: Layer,
    ) -> Self {
        let nothing = || Layer {
            source: shipped.source.clone(),
            raw: RawGateway::default(),
        };
        Self {
            here: here.unwrap_or_else(nothing),
            old,
            shipped,
        }
    }

    /// The place where a key counts, and its value there.
    pub(super) fn find<'a, T>(
        &'a self,
        key: &str,
        of: impl Fn(&'a RawGateway) -> Option<&'a Spanned<T>>,
        report: &mut Report,
    ) -> (&'a Layer, Option<&'a Spanned<T>>) {
        let ships = of(&self.shipped.raw);
        let as_it_ships = |typed: &Spanned<T>| {
            let line = ships.and_then(|ships| self.shipped.source.line_of(ships));
            line.is_some() && line == self.here.source.line_of(typed)
        };
        let here = of(&self.here.raw);
        let said = here.filter(|typed| !as_it_ships(typed));
        let old = self.old.as_ref().and_then(|old| Some((old, of(&old.raw)?)));
        if let (Some(said), Some((layer, old))) = (said, old) {
            let place = self.here.source.origin(said);
            let what = format!("`sip.{key}` is also said by `gateway.{key}` at {place}");
            let remedy = format!("keep the one in {SIP}, and take this one out");
            report.at(&layer.source, old, what, remedy);
        }
        match (said, old) {
            (Some(said), _) => (&self.here, Some(said)),
            (None, Some((layer, old))) => (layer, Some(old)),
            (None, None) if here.is_some() => (&self.here, here),
            (None, None) => (&self.shipped, ships),
        }
    }
}
