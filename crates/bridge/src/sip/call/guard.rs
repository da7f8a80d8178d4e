//! The guard over what is dialled: it lets calls through, and counts them until they are over. What was
//! dialled and spent is kept in the store, so that a restart gives nobody a new budget.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::Notify;
use tracing::warn;
use trunkline_base::dialling::{
    Date, Denied, DialCounts, DialPolicy, Dialling, Kept, LocalTime, Moment, Spent,
};
use trunkline_base::tariff::Price;
use trunkline_base::time::UnixTime;
use trunkline_service::tasks::Stop;
use trunkline_store::{Store, StoreError};

/// Who may be dialled. Behind a lock since calls begin and end on every thread; it is held for one
/// look at the counts and never across an await.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    policy: Arc<RwLock<Arc<DialPolicy>>>,
    counts: Arc<Mutex<DialCounts>>,
    changed: Arc<Notify>,
}

/// The right to one call; counted out when dropped.
#[derive(Debug)]
pub(in crate::sip::call) struct Permit {
    guard: Guard,
    id: u64,
    /// What the call is charged by.
    price: Option<Price>,
}

impl Guard {
    /// Goes on with what the store remembers. Without it calls would be free after each restart.
    pub(crate) async fn open(policy: DialPolicy, store: &Store) -> Result<Self, StoreError> {
        let kept = store.documents().get(KIND, ID).await?;
        let kept = kept.map(|kept| serde_json::from_slice::<Kept>(&kept));
        let counts = match kept {
            Some(Ok(kept)) => DialCounts::restore(kept),
            Some(Err(error)) => {
                warn!(%error, "what was dialled before cannot be read; it counts from nothing");
                DialCounts::default()
            }
            None => DialCounts::default(),
        };
        Ok(Self {
            policy: Arc::new(RwLock::new(Arc::new(policy))),
            counts: Arc::new(Mutex::new(counts)),
            changed: Arc::default(),
        })
    }

    /// Goes by another policy from the next call on. What was counted stays.
    pub(crate) fn change(&self, policy: DialPolicy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    /// Lets a call through. It is judged by the number that goes out, and by the one that was asked
    /// for, before anything is made of it.
    pub(in crate::sip::call) fn admit(
        &self,
        trunk: &str,
        asked: &str,
        sent: &str,
    ) -> Result<Permit, Denied> {
        let admitted = self.begin(trunk, asked, sent);
        if let Err(denied) = &admitted {
            warn!(target: "audit", trunk, reason = denied.word(), %denied, "call denied");
        }
        admitted
    }

    fn begin(&self, trunk: &str, asked: &str, sent: &str) -> Result<Permit, Denied> {
        let policy = self.policy();
        let counted = self
            .counts()
            .begin(&policy, trunk, (asked, sent), &moment())?;
        if counted.kind == Dialling::Emergency {
            warn!(target: "audit", trunk, "an emergency number is dialled");
        }
        self.changed.notify_one();
        // Help costs nothing here, as it does not against the budget.
        let price = || price(&policy, asked, sent);
        let price = (counted.kind == Dialling::Usual).then(price).flatten();
        Ok(Permit {
            guard: self.clone(),
            id: counted.id,
            price,
        })
    }

    /// Counts a call that was let out and answered before this process began.
    pub(in crate::sip::call) fn go_on(&self, trunk: &str, asked: &str, sent: &str) -> Permit {
        let policy = self.policy();
        let id = self.counts().go_on(&policy, trunk, sent, &moment());
        self.changed.notify_one();
        let is_help = matches!(self.judge(sent), Ok(Dialling::Emergency));
        let price = price(&policy, asked, sent).filter(|_| !is_help);
        Permit {
            guard: self.clone(),
            id,
            price,
        }
    }

    /// What a call that comes in to this number of ours is charged by.
    pub(in crate::sip::call) fn price_in(&self, called: &str) -> Option<Price> {
        self.policy().tariff.price_in(called)
    }

    /// Whether somebody may be sent to a number, which costs whoever is sent there.
    pub(crate) fn judge(&self, number: &str) -> Result<Dialling, Denied> {
        self.policy().judge(number, number, &moment())
    }

    /// What was spent until now.
    pub(crate) fn spent(&self) -> Spent {
        self.counts().spent(moment().now)
    }

    /// Writes down what was dialled and spent whenever it changes, and now and then while calls cost,
    /// until the process ends and no call goes on.
    pub(crate) async fn keep(self, store: Store, stop: Stop) {
        let mut is_ending = false;
        let mut written = None;
        loop {
            let kept = self.counts().keep(moment().now);
            if written.as_ref() != Some(&kept) {
                match write(&store, &kept).await {
                    Ok(()) => written = Some(kept),
                    Err(error) => warn!(%error, "what is dialled and spent cannot be kept"),
                }
            }
            if is_ending && self.counts().is_idle() {
                return;
            }
            tokio::select! {
                biased;
                () = stop.hurry(), if !is_ending => is_ending = true,
                () = self.changed.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    fn policy(&self) -> Arc<DialPolicy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn counts(&self) -> MutexGuard<'_, DialCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a call is charged by: the number that goes out, or, where nothing is known of that, the one that
/// was asked for.
fn price(policy: &DialPolicy, asked: &str, sent: &str) -> Option<Price> {
    let tariff = &policy.tariff;
    tariff.price(sent).or_else(|| tariff.price(asked))
}

async fn write(store: &Store, kept: &Kept) -> Result<(), StoreError> {
    let body = serde_json::to_vec(kept).unwrap_or_default();
    store.documents().put(KIND, ID, &body, moment().now).await
}

impl Permit {
    /// It costs from now on.
    pub(in crate::sip::call) fn answered(&self) {
        self.guard.counts().answered(self.id, moment().now);
        self.guard.changed.notify_one();
    }

    /// What the call is charged by, where a tariff has a price for its number.
    pub(in crate::sip::call) fn price(&self) -> Option<Price> {
        self.price.clone()
    }

    /// Is there a limit to what may be spent?
    pub(in crate::sip::call) fn is_limited(&self) -> bool {
        self.guard.policy().budget.is_set()
    }

    /// How long what may be spent lasts, where that is limited.
    pub(in crate::sip::call) fn lasts(&self) -> Option<Duration> {
        let policy = self.guard.policy();
        if !policy.budget.is_set() {
            return None;
        }
        self.guard.counts().lasts(self.id, &policy, &moment())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let guard = &self.guard;
        let policy = guard.policy();
        guard.counts().over(self.id, &policy, &moment());
        guard.changed.notify_one();
    }
}

/// Now.
pub(in crate::sip) fn moment() -> Moment<'static> {
    Moment {
        now: UnixTime::from_system(SystemTime::now()),
        local: &local,
    }
}

/// What the clock of a zone shows; one that this machine does not know is UTC.
fn local(zone: &str) -> LocalTime {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let now = Timestamp::now().to_zoned(zone);
    let minute = u16::from(now.hour().unsigned_abs()) * 60 + u16::from(now.minute().unsigned_abs());
    let weekday = now.weekday().to_monday_zero_offset().unsigned_abs();
    LocalTime {
        date: Date(now.year(), now.month(), now.day()),
        weekday,
        minute,
    }
}

/// Where the store keeps it.
const KIND: &str = "dialling";
const ID: &str = "counts";

/// A process that is killed forgets no more of what calls cost.
const LOOK: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use trunkline_base::dialling::Budget;
    use trunkline_base::tariff::{Micros, Rate, Tariff};

    use super::*;

    /// Whoever restarted the gateway had a new day's budget.
    #[tokio::test]
    async fn what_was_spent_is_spent_after_a_restart() {
        let store = Store::open(":memory:").await.unwrap();
        let policy = DialPolicy {
            tariff: Tariff::new(
                "EUR",
                vec![Rate {
                    minimum: 60,
                    ..Rate::new("+1", Micros(7))
                }],
            ),
            budget: Budget {
                day: Some(Micros(7)),
                ..Budget::default()
            },
            ..DialPolicy::default()
        };
        let guard = Guard::open(policy.clone(), &store).await.unwrap();
        let permit = guard.admit("ST_1", "+15550100", "+15550100").unwrap();
        permit.answered();
        // Charged for the minute it has begun.
        while guard.spent().day == Micros::ZERO {
            tokio::task::yield_now().await;
        }
        drop(permit);
        let kept = guard.counts().keep(moment().now);
        write(&store, &kept).await.unwrap();
        let again = Guard::open(policy, &store).await.unwrap();
        assert_eq!(again.spent().day, Micros(7));
        let denied = again.admit("ST_1", "+15550100", "+15550100").unwrap_err();
        assert_eq!(denied.word(), "denied_spent");
        assert!(again.admit("ST_1", "112", "112").is_ok());
    }

    /// A trunk that wants its own spelling is sent a number that no price fits.
    #[tokio::test]
    async fn a_call_has_the_same_price_after_a_restart() {
        let store = Store::open(":memory:").await.unwrap();
        let policy = DialPolicy {
            tariff: Tariff::new("EUR", vec![Rate::new("+1", Micros(7))]),
            ..DialPolicy::default()
        };
        let guard = Guard::open(policy, &store).await.unwrap();
        let before = guard.admit("ST_1", "+15550100", "office").unwrap();
        let after = guard.go_on("ST_1", "+15550100", "office");
        assert!(before.price().is_some());
        assert_eq!(after.price(), before.price());
    }

    #[test]
    fn every_zone_has_its_own_clock() {
        let (utc, chatham) = (local("UTC"), local("Pacific/Chatham"));
        // Three quarters of an hour off the whole ones.
        let apart = (i32::from(chatham.minute) - i32::from(utc.minute)).rem_euclid(60);
        assert!((44..=46).contains(&apart), "{apart}");
        assert_eq!(local("Nowhere/Land").date, utc.date);
    }
}
