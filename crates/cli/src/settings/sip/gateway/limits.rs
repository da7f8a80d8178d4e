//! From where on the machine is full: `limits` of the gateway.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use trunkline_bridge::sip::LoadLimits;
use trunkline_service::config::Spanned;

use crate::settings::raw::{Judge, filled, seconds};

/// `limits` as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLimits {
    late_frames: Option<Spanned<String>>,
    busy: Option<Spanned<String>>,
    lag: Option<Spanned<String>>,
    setups: Option<Spanned<String>>,
    retry_after: Option<Spanned<String>>,
}

/// From where on new calls are refused.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct FullAt {
    /// Percent of the packets.
    #[serde(serialize_with = "share")]
    late_frames: f64,
    /// Percent of the time of the threads for sound.
    #[serde(serialize_with = "share")]
    busy: f64,
    #[serde(serialize_with = "millis")]
    lag: Duration,
    /// Calls at once; none is not looked at.
    setups: usize,
    #[serde(serialize_with = "seconds")]
    retry_after: Duration,
}

impl Default for FullAt {
    fn default() -> Self {
        Self {
            late_frames: 5.0,
            busy: 90.0,
            lag: Duration::from_millis(40),
            setups: 64,
            retry_after: Duration::from_secs(10),
        }
    }
}

impl FullAt {
    /// As the gateway takes it.
    pub(crate) fn options(&self) -> LoadLimits {
        let share = |percent: f64| (percent < 100.0).then_some(percent / 100.0);
        LoadLimits {
            late: share(self.late_frames),
            busy: share(self.busy),
            lag: Some(self.lag).filter(|lag| !lag.is_zero()),
            setups: NonZeroUsize::new(self.setups),
            retry_after: self.retry_after,
        }
    }
}

pub(super) fn limits(raw: &RawLimits, judge: &mut Judge<'_>) -> FullAt {
    let usual = FullAt::default();
    let retry_after = filled(raw.retry_after.as_ref());
    let limits = FullAt {
        late_frames: percent(raw.late_frames.as_ref(), usual.late_frames, judge),
        busy: percent(raw.busy.as_ref(), usual.busy, judge),
        lag: judge.duration(filled(raw.lag.as_ref()), usual.lag),
        setups: setups(raw.setups.as_ref(), usual.setups, judge),
        retry_after: judge.duration(retry_after, usual.retry_after),
    };
    if let Some(raw) = retry_after.filter(|_| limits.retry_after < Duration::from_secs(1)) {
        let what = format!(
            "`{}` is too short: who is refused would come again at once",
            raw.value
        );
        judge.blame(raw, what, "write 1s or more".to_owned());
    }
    limits
}

fn setups(raw: Option<&Spanned<String>>, usual: usize, judge: &mut Judge<'_>) -> usize {
    let Some(raw) = filled(raw) else {
        return usual;
    };
    raw.value.trim().parse().unwrap_or_else(|_| {
        let what = format!("`{}` is no number of calls", raw.value);
        let remedy = "write a whole number such as 64, or 0 to have as many as come".to_owned();
        judge.blame(raw, what, remedy);
        usual
    })
}

fn share<S: Serializer>(percent: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{percent}%"))
}

fn millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{}ms", duration.as_millis()))
}

fn percent(raw: Option<&Spanned<String>>, usual: f64, judge: &mut Judge<'_>) -> f64 {
    let Some(raw) = filled(raw) else {
        return usual;
    };
    let number = raw.value.strip_suffix('%');
    let number = number.and_then(|number| number.trim().parse::<f64>().ok());
    match number.filter(|number| (0.0..=100.0).contains(number)) {
        Some(number) => number,
        None => {
            let what = format!("`{}` is no share", raw.value);
            judge.blame(raw, what, "write it like 5%, from 0% to 100%".to_owned());
            usual
        }
    }
}
