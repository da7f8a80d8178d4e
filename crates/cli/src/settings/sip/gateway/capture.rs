//! What is kept of SIP: `capture` of the gateway.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use trunkline_base::secret::Secret;
use trunkline_bridge::sip::{self, Homer, SoundCapture};
use trunkline_service::config::Spanned;

use crate::settings::raw::{Judge, filled, seconds};

/// `capture` as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCapture {
    sip: Option<Spanned<bool>>,
    rtp: Option<Spanned<String>>,
    hep: RawHep,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawHep {
    collector: Option<Spanned<String>>,
    id: Option<Spanned<u32>>,
    password: Option<Spanned<Secret<String>>>,
}

/// What is kept of what went over the wire, and who else is told.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Capture {
    sip: bool,
    /// So much of each call's sound; zero is none.
    #[serde(serialize_with = "seconds")]
    rtp: Duration,
    #[serde(skip_serializing_if = "Option::is_none")]
    hep: Option<Hep>,
}

#[derive(Clone, Debug, Serialize)]
struct Hep {
    host: String,
    port: u16,
    id: u32,
    #[serde(serialize_with = "redacted")]
    password: Secret<String>,
}

impl Default for Capture {
    fn default() -> Self {
        Self {
            sip: true,
            rtp: Duration::ZERO,
            hep: None,
        }
    }
}

impl Capture {
    /// What opens the collector.
    pub(crate) fn password(&self) -> Option<&Secret<String>> {
        self.hep.as_ref().map(|hep| &hep.password)
    }

    /// As the gateway takes it; sound goes into a folder, where there is one.
    pub(crate) fn options(&self, folder: Option<PathBuf>) -> sip::Capture {
        let hep = self.hep.clone();
        sip::Capture {
            sip: self.sip,
            homer: hep.map(|hep| Homer {
                host: hep.host,
                port: hep.port,
                id: hep.id,
                password: hep.password,
            }),
            sound: folder
                .filter(|_| !self.rtp.is_zero())
                .map(|folder| SoundCapture {
                    first: self.rtp,
                    folder,
                }),
        }
    }
}

pub(super) fn capture(raw: &RawCapture, judge: &mut Judge<'_>) -> Capture {
    let collector = filled(raw.hep.collector.as_ref());
    let address = collector.and_then(|collector| {
        let read = host_and_port(&collector.value);
        if read.is_none() {
            let what = format!("`{}` is no host with a port", collector.value);
            let remedy = "write it like homer.example.com:9060 or [2001:db8::9]:9060".to_owned();
            judge.blame(collector, what, remedy);
        }
        read
    });
    let password = raw.hep.password.as_ref();
    Capture {
        sip: raw.sip.as_ref().is_none_or(|sip| sip.value),
        rtp: judge.duration(filled(raw.rtp.as_ref()), Duration::ZERO),
        hep: address.map(|(host, port)| Hep {
            host,
            port,
            id: raw.hep.id.as_ref().map_or(ID, |id| id.value),
            password: password.map_or_else(|| "".into(), |password| password.value.clone()),
        }),
    }
}

fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    let wide = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host = match wide {
        Some(wide) => wide.parse::<std::net::Ipv6Addr>().ok()?.to_string(),
        None => host.to_owned(),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let named = wide.is_some() || (!host.is_empty() && host.chars().all(plain));
    named.then_some((host, port))
}

fn redacted<S: Serializer>(password: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let shown = if password.expose().is_empty() {
        ""
    } else {
        "[redacted]"
    };
    serializer.serialize_str(shown)
}

/// What a collector shows where nobody chose.
const ID: u32 = 2001;
