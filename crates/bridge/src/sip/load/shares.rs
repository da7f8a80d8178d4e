//! Fair shares: beside those who send thousands of INVITEs, who sends few still gets in.
//!
//! Counted for each source are its calls that are being set up and those that are answered and not
//! confirmed, since they hold a room and sound for 32 seconds if no ACK comes. There are two classes.
//! Whoever has confirmed a call is **proven**: nobody does that from a forged address or by sending
//! INVITEs only. The others share half as many places, and hold theirs from the INVITE to the ACK.
//!
//! ```text
//! fewer than half of a class's places are held ─► in
//! more: each source has its part of them ─► where those are of one, the last quarter is for who asks seldom
//!       ─► in, or 503
//! all of the unproven's are held ─► who has none and asks for the first time in a while, or seldom, a
//!       few of them a second ─► in
//! ```
//! A provider that is alone and answers with ACKs has all places that there are, and notices nothing. Who
//! calls for help gets in beside its share, but not without end.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use trunkline_base::source::source_of;

/// Who holds how much. Owned by the signalling task.
pub(crate) struct Shares {
    sources: BTreeMap<IpAddr, Source>,
    proven: Class,
    unproven: Class,
    /// Of sources that the table has no room for.
    helped: Count,
    swept: Instant,
    /// When as many newcomers may come again as come at once.
    newcomers_at: Instant,
}

struct Source {
    held: Count,
    /// Those of them that call for help, beside its share.
    helped: Count,
    asked: Instant,
    is_proven: bool,
}

/// All of one standing.
#[derive(Default)]
struct Class {
    held: Count,
    /// Sources that hold something or asked lately.
    active: usize,
}

/// How many there are of what is dropped somewhere else.
#[derive(Clone, Debug, Default)]
struct Count(Arc<()>);

impl Count {
    fn get(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

/// One call of a source, until dropped.
#[derive(Debug)]
pub(crate) struct Share {
    _of_source: Count,
    _of_class: Count,
    of_help: Option<Count>,
    is_proven: bool,
}

impl Share {
    /// Whether its source has confirmed a call before.
    pub(crate) const fn is_proven(&self) -> bool {
        self.is_proven
    }

    /// Whether it is beside its source's share.
    pub(crate) const fn is_for_help(&self) -> bool {
        self.of_help.is_some()
    }
}

/// How somebody asks.
#[derive(Clone, Copy)]
enum Manner {
    /// For the first time in a while.
    New,
    Seldom,
    Often,
}

impl Shares {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            sources: BTreeMap::new(),
            proven: Class::default(),
            unproven: Class::default(),
            helped: Count::default(),
            swept: now,
            newcomers_at: now,
        }
    }

    /// One more call from there, where `most` are set up at once in all; nothing where its source has
    /// its share.
    pub(crate) fn ask(
        &mut self,
        (ip, is_proven): (IpAddr, bool),
        most: Option<NonZeroUsize>,
        now: Instant,
    ) -> Option<Share> {
        let source = source_of(ip);
        self.sweep(now);
        let manner = self.note((source, is_proven), now);
        let fits = most.is_none_or(|most| self.fits((source, is_proven), manner, most.get(), now));
        fits.then(|| self.hold(ip, is_proven))
    }

    /// The same for a call that is not asked about.
    pub(crate) fn hold(&self, ip: IpAddr, is_proven: bool) -> Share {
        let source = self.sources.get(&source_of(ip));
        Share {
            _of_source: source.map_or_else(Count::default, |source| source.held.clone()),
            _of_class: self.class(is_proven).held.clone(),
            of_help: None,
            is_proven,
        }
    }

    /// The same for a call for help whose source has its share. There are few such calls at once, and a
    /// flood may call what number it likes.
    pub(crate) fn help(&self, ip: IpAddr, is_proven: bool) -> Option<Share> {
        let source = self.sources.get(&source_of(ip));
        let helped = source.map_or(&self.helped, |source| &source.helped);
        (helped.get() < HELPED).then(|| Share {
            of_help: Some(helped.clone()),
            ..self.hold(ip, is_proven)
        })
    }

    fn fits(
        &mut self,
        (source, is_proven): (IpAddr, bool),
        manner: Manner,
        most: usize,
        now: Instant,
    ) -> bool {
        let most = most.max(LEAST);
        let places = if is_proven { most } else { most / 2 };
        let class = self.class(is_proven);
        let (all, active) = (class.held.get(), class.active.max(1));
        // One that the table has no room for: a storm of sources, in which only the proven pass.
        let Some(held) = self.sources.get(&source).map(|source| source.held.get()) else {
            return is_proven;
        };
        if all < places / 2 {
            return true;
        }
        // The proven come to an end soon: what they set up at once is bounded anyway.
        if !is_proven && all >= places {
            return held == 0 && self.bear_newcomer(manner, now);
        }
        // Where shares are of one call each, there are more who ask than places.
        let most_held = places - places / 4;
        let is_last = active > most_held && all >= most_held;
        held < (places / active).max(1) && !(is_last && matches!(manner, Manner::Often))
    }

    /// Writes down that somebody asks, and says how.
    fn note(&mut self, (source, is_proven): (IpAddr, bool), now: Instant) -> Manner {
        if let Some(known) = self.sources.get_mut(&source) {
            let before = std::mem::replace(&mut known.asked, now);
            known.is_proven = is_proven;
            return match now.saturating_duration_since(before) {
                since if since >= LONG => Manner::New,
                since if since >= SELDOM => Manner::Seldom,
                _ => Manner::Often,
            };
        }
        if self.sources.len() < MOST_SOURCES {
            let one = Source {
                held: Count::default(),
                helped: Count::default(),
                asked: now,
                is_proven,
            };
            self.sources.insert(source, one);
            self.class_mut(is_proven).active += 1;
        }
        Manner::New
    }

    /// May one more come beside all who hold the places of the unproven? Half of that is for those who
    /// come anew.
    fn bear_newcomer(&mut self, manner: Manner, now: Instant) -> bool {
        let at_once = match manner {
            Manner::New => NEWCOMERS,
            Manner::Seldom => NEWCOMERS / 2,
            Manner::Often => 0,
        };
        let after = self.newcomers_at.max(now) + NEWCOMER;
        let fits = after.saturating_duration_since(now) <= NEWCOMER * at_once;
        if fits {
            self.newcomers_at = after;
        }
        fits
    }

    /// Forgets who holds nothing and has not asked for long, and counts the others.
    fn sweep(&mut self, now: Instant) {
        if now.saturating_duration_since(self.swept) < SWEEP {
            return;
        }
        self.swept = now;
        let (mut proven, mut unproven) = (0, 0);
        self.sources.retain(|_, source| {
            let (holds, since) = (
                source.held.get() > 0,
                now.saturating_duration_since(source.asked),
            );
            let active = usize::from(holds || since < LATELY);
            if source.is_proven {
                proven += active;
            } else {
                unproven += active;
            }
            holds || since < LONG
        });
        self.proven.active = proven;
        self.unproven.active = unproven;
    }

    const fn class(&self, is_proven: bool) -> &Class {
        if is_proven {
            &self.proven
        } else {
            &self.unproven
        }
    }

    const fn class_mut(&mut self, is_proven: bool) -> &mut Class {
        if is_proven {
            &mut self.proven
        } else {
            &mut self.unproven
        }
    }
}

/// Calls for help of one source beside its share, until they are confirmed. No exchange has as many in
/// one moment; more of them hold more rooms for 32 seconds.
const HELPED: usize = 8;

/// Calls of the proven that may wait for their ACK at the least, however few are set up at once.
const LEAST: usize = 32;

/// Sources remembered; each costs some 100 bytes.
const MOST_SOURCES: usize = 4096;

/// Who has not asked for so long asks anew.
const LONG: Duration = Duration::from_secs(10);

/// Five calls a second from one source are many while places are short.
const SELDOM: Duration = Duration::from_millis(200);

/// Who asked within this wants a share.
const LATELY: Duration = Duration::from_secs(1);

const SWEEP: Duration = Duration::from_millis(250);

/// Sources that come anew while the places of the unproven are held: one in this time.
const NEWCOMER: Duration = Duration::from_millis(500);

/// And so many at once. More lets a storm of sources hold more rooms for 32 seconds, fewer has a new
/// provider wait beside it.
const NEWCOMERS: u32 = 8;

#[cfg(test)]
#[path = "shares_tests.rs"]
mod tests;
