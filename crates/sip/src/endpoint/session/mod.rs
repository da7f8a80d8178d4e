//! Session timers (RFC 4028): a call of which nobody says any more that it lives is over. Without
//! them a proxy or a provider that lost the BYE holds the call, and bills it, for ever.
//!
//! Both sides agree on an interval and on who refreshes: half the interval later that one says that
//! the call lives, by UPDATE or re-INVITE. Shortly before the end of an interval without refresh the
//! other one hangs up.

mod kept;

use std::time::{Duration, Instant};

use crate::message::{Headers, name};
use crate::uri::Params;

use super::key::Key;

pub(super) use kept::KeptSession;

/// How long a call may stand without a sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimers {
    /// What we ask for; `None` asks for nothing, and does what others ask.
    pub expires: Option<Duration>,
    /// The shortest we agree to: each refresh costs both sides work.
    pub min: Duration,
}

impl Default for SessionTimers {
    fn default() -> Self {
        Self {
            expires: Some(Duration::from_secs(1800)),
            min: Duration::from_secs(90),
        }
    }
}

/// Who refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Us,
    Them,
}

/// What a message says about it. Seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    expires: Option<u32>,
    min: u32,
    /// `uac` or `uas`.
    refresher: Option<String>,
    supported: bool,
}

impl Wish {
    pub(super) fn of(headers: &Headers) -> Self {
        let seconds = |value: &str| {
            let digits = value.split(';').next().unwrap_or(value).trim();
            digits.parse::<u32>().ok().map(|n| n.min(LONGEST))
        };
        let expires = headers.get(name::SESSION_EXPIRES);
        let params = expires.and_then(|value| value.split_once(';'));
        let params = params.map(|(_, params)| Params::parse(params));
        let refresher = params.and_then(|params| params.get("refresher").map(str::to_owned));
        Self {
            expires: expires.and_then(seconds),
            min: headers.get(name::MIN_SE).and_then(seconds).unwrap_or(0),
            refresher: refresher.map(|word| word.to_ascii_lowercase()),
            supported: headers.lists(name::SUPPORTED, TIMER) || headers.lists(name::REQUIRE, TIMER),
        }
    }

    /// Is it shorter than we agree to, and asked by somebody who can be told so?
    pub(super) fn is_too_short(&self, timers: &SessionTimers) -> bool {
        self.supported
            && self
                .expires
                .is_some_and(|asked| asked < seconds(timers.min))
    }
}

/// The timer of one call.
#[derive(Default)]
pub(super) struct Session {
    running: Option<Running>,
    /// What their request says that we have not answered yet.
    pub(super) wish: Wish,
    /// The longest of what others said they agree to.
    min: u32,
    /// Do they take UPDATE?
    pub(super) by_update: bool,
    /// Our UPDATE under way.
    pub(super) asking: Option<Key>,
}

struct Running {
    interval: u32,
    refresher: Side,
    refresh: Option<Instant>,
    over: Instant,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Refresh,
    Over,
}

impl Session {
    /// Takes note of a request that may change the timer, and of what its sender can.
    pub(super) fn hear(&mut self, headers: &Headers) {
        self.wish = Wish::of(headers);
        self.learn(headers);
    }

    fn learn(&mut self, headers: &Headers) {
        if headers.get(name::ALLOW).is_some() {
            self.by_update = headers.lists(name::ALLOW, "UPDATE");
        }
    }

    /// Headers of our 2xx to the request heard last; the timer starts anew.
    pub(super) fn answer(
        &mut self,
        timers: &SessionTimers,
        now: Instant,
    ) -> Vec<(&'static str, String)> {
        let wish = std::mem::take(&mut self.wish);
        let ours = timers.expires.map(seconds);
        let least = wish.min.max(seconds(timers.min));
        let (interval, refresher) = match (wish.expires, wish.supported) {
            (None, false) => {
                self.running = None;
                return Vec::new();
            }
            (None, true) => match ours {
                Some(ours) => (ours, Side::Us),
                None => return Vec::new(),
            },
            (Some(theirs), supported) => {
                let interval = ours.map_or(theirs, |ours| ours.min(theirs));
                let named = wish.refresher.as_deref();
                let is_ours = !supported || named == Some("uas");
                (interval, if is_ours { Side::Us } else { Side::Them })
            }
        };
        let interval = interval.max(least);
        self.running = Some(Running::new(interval, refresher, now));
        let mut headers = Vec::new();
        let word = if refresher == Side::Us { "uas" } else { "uac" };
        headers.push((
            name::SESSION_EXPIRES,
            format!("{interval};refresher={word}"),
        ));
        if refresher == Side::Them {
            headers.push((name::REQUIRE, TIMER.to_owned()));
        }
        headers
    }

    /// Headers of a request of ours that may change the timer.
    pub(super) fn ask(&self, timers: &SessionTimers) -> Vec<(&'static str, String)> {
        let least = self.min.max(seconds(timers.min));
        let value = match (&self.running, timers.expires) {
            (Some(running), _) => {
                let word = match running.refresher {
                    Side::Us => "uac",
                    Side::Them => "uas",
                };
                format!("{};refresher={word}", running.interval.max(least))
            }
            (None, Some(ours)) => seconds(ours).max(least).to_string(),
            (None, None) => return Vec::new(),
        };
        vec![
            (name::SESSION_EXPIRES, value),
            (name::MIN_SE, least.to_string()),
        ]
    }

    /// A 2xx to a request of ours came: it says what was agreed on.
    pub(super) fn agreed(&mut self, headers: &Headers, timers: &SessionTimers, now: Instant) {
        self.learn(headers);
        let wish = Wish::of(headers);
        self.running = wish.expires.map(|interval| {
            let theirs = wish.refresher.as_deref() == Some("uas");
            let refresher = if theirs { Side::Them } else { Side::Us };
            Running::new(interval.max(seconds(timers.min)), refresher, now)
        });
    }

    /// 422: the other side agrees to no less. `false` if that is nothing new.
    pub(super) fn raise(&mut self, headers: &Headers, timers: &SessionTimers) -> bool {
        let min = Wish::of(headers).min;
        let is_new = min > self.min.max(seconds(timers.min));
        if is_new {
            self.min = min;
        }
        is_new
    }

    /// A refresh could not go out, or was not taken: another try.
    pub(super) fn postpone(&mut self, at: Instant) {
        if let Some(running) = &mut self.running
            && running.refresher == Side::Us
        {
            running.refresh = Some(at);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let running = self.running.as_ref()?;
        Some(
            running
                .refresh
                .map_or(running.over, |at| at.min(running.over)),
        )
    }

    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        let running = self.running.as_mut()?;
        if running.over <= now {
            self.running = None;
            return Some(Due::Over);
        }
        running.refresh.take_if(|at| *at <= now)?;
        Some(Due::Refresh)
    }
}

impl Running {
    fn new(interval: u32, refresher: Side, now: Instant) -> Self {
        let whole = Duration::from_secs(interval.into());
        let (refresh, over) = match refresher {
            Side::Us => (Some(now + whole / 2), now + whole),
            Side::Them => (None, now + whole - MARGIN.min(whole / 3)),
        };
        Self {
            interval,
            refresher,
            refresh,
            over,
        }
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(LONGEST)
}

/// The option tag.
pub(super) const TIMER: &str = "timer";

/// So long before the end whoever waits for a refresh hangs up (RFC 4028, section 10).
const MARGIN: Duration = Duration::from_secs(32);

/// No call is longer than a day, and a number beyond that is none.
const LONGEST: u32 = 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in lines {
            headers.push(name, *value);
        }
        headers
    }

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "an origin for virtual time")]
        Instant::now()
    }

    /// RFC 4028, table 2, and what we choose where it lets us.
    #[test]
    fn both_sides_agree_on_an_interval_and_on_who_refreshes() {
        let timers = SessionTimers::default();
        let supported = (name::SUPPORTED, "timer, 100rel");
        for (asked, said) in [
            (vec![], ""),
            (vec![supported], "1800;refresher=uas"),
            (
                vec![(name::SESSION_EXPIRES, "600"), supported],
                "600;refresher=uac",
            ),
            (
                vec![(name::SESSION_EXPIRES, "600;refresher=uac"), supported],
                "600;refresher=uac",
            ),
            (
                vec![(name::SESSION_EXPIRES, "600;Refresher=UAS"), supported],
                "600;refresher=uas",
            ),
            (
                vec![(name::SESSION_EXPIRES, "600;refresher=uac")],
                "600;refresher=uas",
            ),
            (vec![("x", "7200"), supported], "1800;refresher=uac"),
            (
                vec![("x", "7200"), (name::MIN_SE, "3600"), supported],
                "3600;refresher=uac",
            ),
            (vec![("x", "10")], "90;refresher=uas"),
            (vec![("x", "soon")], ""),
        ] {
            let mut session = Session::default();
            session.hear(&headers(&asked));
            let answered = session.answer(&timers, start());
            let value = answered.first().map_or("", |(_, value)| value.as_str());
            assert_eq!(value, said, "{asked:?}");
            let required = answered.iter().any(|(header, _)| *header == name::REQUIRE);
            assert_eq!(required, said.ends_with("uac"), "{asked:?}");
        }
    }

    #[test]
    fn who_asks_for_nothing_gives_what_others_ask() {
        let timers = SessionTimers {
            expires: None,
            ..SessionTimers::default()
        };
        let mut session = Session::default();
        assert!(session.ask(&timers).is_empty());
        session.hear(&headers(&[(name::SUPPORTED, "timer")]));
        assert!(session.answer(&timers, start()).is_empty());
        session.hear(&headers(&[
            (name::SESSION_EXPIRES, "7200"),
            (name::SUPPORTED, "timer"),
        ]));
        let answered = session.answer(&timers, start());
        assert_eq!(answered[0].1, "7200;refresher=uac");
    }

    #[test]
    fn too_short_an_interval_is_refused_where_that_is_understood() {
        let timers = SessionTimers::default();
        let wish = |lines: &[(&str, &str)]| Wish::of(&headers(lines)).is_too_short(&timers);
        assert!(wish(&[
            (name::SESSION_EXPIRES, "60"),
            (name::REQUIRE, "timer")
        ]));
        assert!(!wish(&[(name::SESSION_EXPIRES, "60")]));
        assert!(!wish(&[
            (name::SESSION_EXPIRES, "90"),
            (name::SUPPORTED, "timer")
        ]));
    }

    #[test]
    fn a_refresh_is_due_at_half_and_its_lack_is_noticed_before_the_end() {
        let (timers, t0) = (SessionTimers::default(), start());
        let at = |seconds| t0 + Duration::from_secs(seconds);
        let mut session = Session::default();
        session.agreed(&headers(&[("x", "600;refresher=uac")]), &timers, t0);
        assert_eq!(session.deadline(), Some(at(300)));
        assert_eq!(
            (session.due(at(299)), session.due(at(300))),
            (None, Some(Due::Refresh))
        );
        assert_eq!(
            (session.due(at(599)), session.due(at(600))),
            (None, Some(Due::Over))
        );
        session.agreed(&headers(&[("x", "600;refresher=uas")]), &timers, t0);
        assert_eq!(session.deadline(), Some(at(568)));
        session.agreed(&headers(&[("x", "1;refresher=uas")]), &timers, t0);
        assert_eq!(
            session.deadline(),
            Some(at(60)),
            "no shorter than we agree to"
        );
        session.agreed(&headers(&[]), &timers, t0);
        assert_eq!(session.deadline(), None);
    }
}
