//! Values that several files write alike.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Serialize, Serializer};
use trunkline_base::secret::Secret;
use trunkline_service::config::{Origin, Report, Source, Spanned, parse_duration};

/// Judges values of one file, and collects what is wrong.
pub(super) struct Judge<'a> {
    pub(super) source: &'a Source,
    pub(super) report: &'a mut Report,
}

impl Judge<'_> {
    /// An address with a port, or the default.
    pub(super) fn addr(
        &mut self,
        raw: Option<&Spanned<String>>,
        default: SocketAddr,
    ) -> SocketAddr {
        let Some(raw) = raw else { return default };
        raw.value.parse().unwrap_or_else(|_| {
            let what = format!("`{}` is not an address with a port", raw.value);
            let remedy = format!("write it like {default}");
            self.report.at(self.source, raw, what, remedy);
            default
        })
    }

    /// A duration, or the default.
    pub(super) fn duration(
        &mut self,
        raw: Option<&Spanned<String>>,
        default: Duration,
    ) -> Duration {
        let Some(raw) = raw else { return default };
        parse_duration(&raw.value).unwrap_or_else(|error| {
            self.report.at(self.source, raw, error.to_string(), None);
            default
        })
    }

    /// A whole number within bounds, or the default.
    pub(super) fn within(
        &mut self,
        raw: Option<&Spanned<u64>>,
        low: u64,
        high: u64,
        default: u64,
    ) -> u64 {
        let Some(raw) = raw else { return default };
        if (low..=high).contains(&raw.value) {
            return raw.value;
        }
        let what = format!("{} is out of bounds", raw.value);
        self.report
            .at(self.source, raw, what, format!("{low} to {high}"));
        default
    }

    /// A problem at a value.
    pub(super) fn blame<T>(
        &mut self,
        raw: &Spanned<T>,
        what: String,
        remedy: impl Into<Option<String>>,
    ) {
        self.report.at(self.source, raw, what, remedy);
    }
}

/// The address of another service, and where it was typed.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) url: String,
    pub(super) origin: Origin,
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.url)
    }
}

impl Judge<'_> {
    /// Addresses, to be judged when it is known who may be spoken to.
    pub(super) fn addresses(&self, raw: Vec<Spanned<String>>) -> Vec<Address> {
        let address = |typed: Spanned<String>| Address {
            origin: self.source.origin(&typed),
            url: typed.value,
        };
        raw.into_iter().map(address).collect()
    }
}

/// Text that is there and not empty.
pub(super) fn filled(raw: Option<&Spanned<String>>) -> Option<&Spanned<String>> {
    raw.filter(|text| !text.value.is_empty())
}

/// An IP address, if one is given.
pub(super) fn ip(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> Option<IpAddr> {
    let raw = filled(raw)?;
    let parsed = raw.value.parse().ok();
    if parsed.is_none() {
        let what = format!("`{}` is not an IP address", raw.value);
        judge.blame(raw, what, "write it like 203.0.113.7".to_owned());
    }
    parsed
}

/// For `config show`.
pub(super) fn redacted<S: Serializer>(
    secret: &Secret<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if secret.expose().is_empty() {
        ""
    } else {
        "[redacted]"
    })
}

/// With the part of a second that there is, if there is one.
pub(super) fn seconds<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration.subsec_nanos() {
        0 => serializer.serialize_u64(duration.as_secs()),
        _ => serializer.serialize_f64(duration.as_secs_f64()),
    }
}
