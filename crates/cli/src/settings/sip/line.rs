//! What a trunk needs that LiveKit's messages have no place for: the registration that its provider
//! wants, how its numbers are written, whether it is believed, and whether its phones may pass their
//! calls on.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use trunkline_base::secret::Secret;
use trunkline_service::config::{Spanned, nearest};
use trunkline_sip::routing::NumberingPlan;
use trunkline_sip::uri::Uri;

use crate::settings::raw::{Judge, filled, redacted, seconds};

/// How numbers are written where a trunk does not say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawNumbering {
    country: Option<Spanned<String>>,
    emergency: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRegister {
    registrar: Spanned<String>,
    username: Spanned<String>,
    password: Spanned<Secret<String>>,
    #[serde(default)]
    expires: Option<Spanned<String>>,
    #[serde(default)]
    keep_alive: Option<Spanned<String>>,
    #[serde(default)]
    contact_user: Option<Spanned<String>>,
    #[serde(default)]
    outbound_proxy: Option<Spanned<String>>,
    #[serde(default)]
    from_host: Option<Spanned<String>>,
}

/// How numbers are written.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Numbering {
    /// ISO 3166; empty: as they come.
    pub(crate) country: String,
    /// Emergency numbers beside the country's own.
    pub(crate) emergency: Vec<String>,
}

/// A registration to keep.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Register {
    #[serde(serialize_with = "text")]
    pub(crate) registrar: Uri,
    pub(crate) username: String,
    #[serde(serialize_with = "redacted")]
    pub(crate) password: Secret<String>,
    #[serde(serialize_with = "seconds")]
    pub(crate) expires: Duration,
    #[serde(serialize_with = "seconds")]
    pub(crate) keep_alive: Duration,
    pub(crate) contact_user: Option<String>,
    #[serde(serialize_with = "maybe_text")]
    pub(crate) outbound_proxy: Option<Uri>,
    pub(crate) from_host: Option<String>,
}

impl Numbering {
    /// More emergency numbers, from the place where they stood before.
    pub(crate) fn add_emergency(&mut self, numbers: &[String]) {
        let new = numbers
            .iter()
            .filter(|number| !self.emergency.contains(number));
        let new: Vec<String> = new.cloned().collect();
        self.emergency.extend(new);
    }

    /// The plan, for a trunk of a country of its own or not.
    pub(crate) fn plan(&self, own: &str) -> NumberingPlan {
        let country = if own.is_empty() { &self.country } else { own };
        let plan = NumberingPlan::of(country).unwrap_or_default();
        plan.with_emergency(self.emergency.iter().cloned())
    }
}

pub(super) fn numbering(raw: RawNumbering, judge: &mut Judge<'_>) -> Numbering {
    for number in &raw.emergency {
        let digits = number.value.bytes().all(|b| b.is_ascii_digit());
        if !digits || !(2..=6).contains(&number.value.len()) {
            let what = format!("`{}` is not an emergency number", number.value);
            let remedy = "write it as it is dialled, like \"112\"".to_owned();
            judge.blame(number, what, remedy);
        }
    }
    Numbering {
        country: country(raw.country.as_ref(), judge),
        emergency: raw.emergency.into_iter().map(|n| n.value).collect(),
    }
}

/// A country whose numbering plan is known.
pub(super) fn country(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> String {
    let Some(raw) = filled(raw) else {
        return String::new();
    };
    if NumberingPlan::of(&raw.value).is_none() {
        let known: Vec<&str> = NumberingPlan::countries().collect();
        let what = format!("no numbering plan is known for `{}`", raw.value);
        judge.blame(raw, what, nearest(&raw.value, &known));
    }
    raw.value.to_ascii_uppercase()
}

pub(super) fn register(raw: RawRegister, judge: &mut Judge<'_>) -> Option<Register> {
    let registrar = host(&raw.registrar, "registrar", judge);
    let proxy = filled(raw.outbound_proxy.as_ref());
    let proxy = proxy.map(|proxy| host(proxy, "outbound_proxy", judge));
    for (value, what) in [
        (raw.username.value.as_str(), "username"),
        (raw.password.value.expose().as_str(), "password"),
    ] {
        if value.is_empty() {
            let what = format!("a registration needs a {what}");
            judge.blame(
                &raw.registrar,
                what,
                "the provider gives it to you".to_owned(),
            );
        }
    }
    let expires = judge.duration(raw.expires.as_ref(), EXPIRES);
    if let Some(typed) = &raw.expires
        && !(SHORTEST..=LONGEST).contains(&expires)
    {
        let what = format!("no registrar keeps us for `{}`", typed.value);
        judge.blame(typed, what, "choose between 1m and 24h".to_owned());
    }
    let keep_alive = judge.duration(raw.keep_alive.as_ref(), KEEP_ALIVE);
    if let Some(typed) = &raw.keep_alive
        && !keep_alive.is_zero()
        && keep_alive < OFTEN
    {
        let what = format!("`{}` is more often than any NAT needs", typed.value);
        judge.blame(typed, what, "choose 10s or more; 0s is never".to_owned());
    }
    let contact_user = filled(raw.contact_user.as_ref()).map(|user| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
        if !user.value.chars().all(fits) {
            let what = format!("`{}` cannot be the user of a contact", user.value);
            judge.blame(user, what, "letters, digits and - _ . + will do".to_owned());
        }
        user.value.clone()
    });
    let from_host = filled(raw.from_host.as_ref()).map(|from| {
        let uri = host(from, "from_host", judge);
        uri.map_or_else(String::new, |uri| uri.host)
    });
    Some(Register {
        registrar: registrar?,
        username: raw.username.value,
        password: raw.password.value,
        expires,
        keep_alive,
        contact_user,
        outbound_proxy: proxy.flatten(),
        from_host,
    })
}

/// The outbound trunk that phones may pass their calls on over, by its key.
pub(super) fn allow_refer(
    raw: Option<&Spanned<String>>,
    ways: &BTreeSet<String>,
    judge: &mut Judge<'_>,
) -> String {
    let Some(raw) = filled(raw) else {
        return String::new();
    };
    if !ways.contains(&raw.value) {
        let known: Vec<&str> = ways.iter().map(String::as_str).collect();
        let what = format!("there is no outbound trunk `{}`", raw.value);
        let remedy = if known.is_empty() {
            "allow_refer names what calls are passed on over: write it under `outbound`".to_owned()
        } else {
            nearest(&raw.value, &known)
        };
        judge.blame(raw, what, remedy);
    }
    raw.value.clone()
}

/// A host as people write it, with `sip:` before it or not.
pub(super) fn host(raw: &Spanned<String>, key: &str, judge: &mut Judge<'_>) -> Option<Uri> {
    let typed = raw.value.trim();
    let has_scheme = ["sip:", "sips:"].iter().any(|scheme| {
        let head = typed.get(..scheme.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(scheme))
    });
    let text = if has_scheme {
        typed.to_owned()
    } else {
        format!("sip:{typed}")
    };
    let why = match Uri::parse(&text) {
        Ok(uri) if uri.user.is_some() => format!("`{typed}` names a user"),
        Ok(uri) => return Some(uri),
        Err(error) => format!("{key} `{typed}` cannot be read: {error}"),
    };
    let remedy = "write it like sip.example.com, sip.example.com:5080 or \
                  \"sip:sip.example.com;transport=tcp\"";
    judge.blame(raw, why, remedy.to_owned());
    None
}

fn text<S: Serializer>(uri: &Uri, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(uri)
}

pub(super) fn maybe_text<S: Serializer>(
    uri: &Option<Uri>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match uri {
        Some(uri) => text(uri, serializer),
        None => serializer.serialize_none(),
    }
}

/// What providers grant mostly.
const EXPIRES: Duration = Duration::from_secs(600);
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// NATs forget a silent UDP way after 30 seconds at the earliest.
const KEEP_ALIVE: Duration = Duration::from_secs(25);
const OFTEN: Duration = Duration::from_secs(10);
