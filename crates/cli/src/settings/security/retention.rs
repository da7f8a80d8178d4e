//! `retention` of `security.yaml`: how long personal data is kept.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use trunkline_service::config::Spanned;

use super::super::raw::Judge;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRetention {
    calls: Option<Spanned<String>>,
    turns: Option<Spanned<String>>,
    refusals: Option<Spanned<String>>,
    recordings: Option<Spanned<String>>,
    events: Option<Spanned<String>>,
    sip: Option<Spanned<String>>,
}

/// How long each sort of record is kept; nothing means for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Retention {
    /// Who called whom, and how it went.
    #[serde(serialize_with = "days")]
    pub(crate) calls: Option<Duration>,
    /// What was said.
    #[serde(serialize_with = "days")]
    pub(crate) turns: Option<Duration>,
    /// Calls that were turned away.
    #[serde(serialize_with = "days")]
    pub(crate) refusals: Option<Duration>,
    /// Voices.
    #[serde(serialize_with = "days")]
    pub(crate) recordings: Option<Duration>,
    /// What LiveKit told.
    #[serde(serialize_with = "days")]
    pub(crate) events: Option<Duration>,
    /// What went over the wire in calls.
    #[serde(serialize_with = "days")]
    pub(crate) sip: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            calls: Some(90 * DAY),
            turns: Some(30 * DAY),
            refusals: Some(30 * DAY),
            recordings: Some(30 * DAY),
            events: Some(30 * DAY),
            sip: Some(7 * DAY),
        }
    }
}

pub(super) fn validate(raw: &RawRetention, judge: &mut Judge<'_>) -> Retention {
    let usual = Retention::default();
    let mut kept = |raw: Option<&Spanned<String>>, usual: Option<Duration>, least: Duration| {
        let Some(raw) = raw else { return usual };
        if raw.value == FOR_EVER {
            return None;
        }
        let kept = judge.duration(Some(raw), DAY);
        if kept < least {
            let hours = least.as_secs() / 3600;
            let what = format!("is kept for less than {hours} h");
            let remedy = format!("say {hours}h or more, or `{FOR_EVER}`");
            judge.blame(raw, what, remedy);
        }
        Some(kept)
    };
    Retention {
        calls: kept(raw.calls.as_ref(), usual.calls, HOUR),
        turns: kept(raw.turns.as_ref(), usual.turns, HOUR),
        refusals: kept(raw.refusals.as_ref(), usual.refusals, HOUR),
        recordings: kept(raw.recordings.as_ref(), usual.recordings, HOUR),
        // Repeated events must be known for a day.
        events: kept(raw.events.as_ref(), usual.events, DAY),
        sip: kept(raw.sip.as_ref(), usual.sip, HOUR),
    }
}

/// In seconds, as every other duration is shown.
fn days<S: Serializer>(kept: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match kept {
        Some(kept) => serializer.serialize_u64(kept.as_secs()),
        None => serializer.serialize_str(FOR_EVER),
    }
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const FOR_EVER: &str = "forever";
