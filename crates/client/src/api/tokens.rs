//! Tokens for calls: the least grant for each, kept for half of its life where it serves many
//! calls, made new for each call that costs money. A server that refuses a token and tells another
//! time than ours is from then on given tokens of its own time.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderValue;
use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;
use trunkline_base::token::KeyRing;

use crate::auth::{ApiGrant, AuthError, LiveKitAuthManager, Scope, Skew};

/// A token this close to its end may be refused by a server whose clock is ahead.
const NEAR_END: Duration = Duration::from_secs(30);

/// Rooms whose tokens are kept. More rooms than this at once cost a signature per call, no more.
const ROOMS: usize = 1024;

/// A bearer header, and when and with which keys it was made.
#[derive(Clone)]
pub(super) struct Bearer {
    pub(super) header: HeaderValue,
    made: UnixTime,
    life: Duration,
    turn: u64,
    skew: Skew,
}

/// Makes and keeps them.
pub(super) struct Tokens {
    auth: LiveKitAuthManager,
    /// Held for a look-up or a signature, never across an await.
    cache: Mutex<Cache>,
}

struct Cache {
    /// How often the keys had been replaced when these were made.
    keys: u64,
    skew: Skew,
    /// How often either has changed: tokens of another turn are other tokens.
    turn: u64,
    wide: HashMap<ApiGrant, Bearer>,
    rooms: HashMap<String, Bearer>,
}

impl Tokens {
    pub(super) fn new(auth: LiveKitAuthManager) -> Self {
        let cache = Cache {
            keys: auth.keys().version(),
            skew: Skew::default(),
            turn: 0,
            wide: HashMap::new(),
            rooms: HashMap::new(),
        };
        Self {
            auth,
            cache: Mutex::new(cache),
        }
    }

    /// A header that allows this call and nothing else.
    pub(super) fn bearer(&self, grant: ApiGrant, scope: Scope<'_>) -> Result<Bearer, AuthError> {
        let mut cache = self.lock();
        cache.look_for_rotation(self.auth.keys());
        let now = cache.skew.at(self.auth.now());
        if let Some(bearer) = cache
            .find(grant, scope)
            .filter(|bearer| bearer.is_good(now))
        {
            return Ok(bearer.clone());
        }
        let life = grant.life();
        let token = self.auth.mint_api_at(grant, scope, now)?;
        let mut header = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| AuthError::Sign)?;
        header.set_sensitive(true);
        let bearer = Bearer {
            header,
            made: now,
            life,
            turn: cache.turn,
            skew: cache.skew,
        };
        cache.keep(grant, scope, &bearer);
        Ok(bearer)
    }

    /// A token of its own, for somebody else to send.
    pub(super) fn mint(
        &self,
        grant: ApiGrant,
        scope: Scope<'_>,
    ) -> Result<Secret<String>, AuthError> {
        self.auth.mint_api(grant, scope)
    }

    /// After a server refused `bearer`, and told its time: whether one made now would be another
    /// in a way that matters, because keys were rotated, its end is near, the clock was stepped,
    /// or the server's time is not ours.
    pub(super) fn is_curable(&self, bearer: &Bearer, server: Option<UnixTime>) -> bool {
        let mut cache = self.lock();
        cache.look_for_rotation(self.auth.keys());
        if let Some(server) = server {
            cache.follow(Skew::between(server, self.auth.now()));
        }
        let now = bearer.skew.at(self.auth.now());
        if cache.turn != bearer.turn {
            return true;
        }
        let stale = now < bearer.made || bearer.is_near_end(now);
        if stale {
            cache.clear();
        }
        stale
    }

    /// After a server took `bearer`, and told its time: where it was dated by the server's clock,
    /// one of ours that was set right since is believed again.
    pub(super) fn was_taken(&self, bearer: &Bearer, server: impl FnOnce() -> Option<UnixTime>) {
        if bearer.skew.is_none() {
            return;
        }
        if let Some(server) = server() {
            let skew = Skew::between(server, self.auth.now());
            self.lock().follow(skew);
        }
    }

    /// This machine's clock.
    pub(super) fn own_clock(&self) -> UnixTime {
        self.auth.now()
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Cache {
    fn look_for_rotation(&mut self, keys: &KeyRing) {
        let version = keys.version();
        if version != self.keys {
            self.keys = version;
            self.begin_turn();
        }
    }

    fn follow(&mut self, skew: Skew) {
        if self.skew.is_near(skew) {
            return;
        }
        self.skew = skew;
        self.begin_turn();
        skew.tell();
    }

    fn begin_turn(&mut self) {
        self.turn += 1;
        self.clear();
    }

    fn clear(&mut self) {
        self.wide.clear();
        self.rooms.clear();
    }

    fn find(&self, grant: ApiGrant, scope: Scope<'_>) -> Option<&Bearer> {
        match grant {
            ApiGrant::RoomAdmin => self.rooms.get(scope.room),
            _ => self.wide.get(&grant),
        }
    }

    fn keep(&mut self, grant: ApiGrant, scope: Scope<'_>, bearer: &Bearer) {
        match grant {
            ApiGrant::RoomAdmin => {
                if self.rooms.len() >= ROOMS {
                    self.rooms.clear();
                }
                self.rooms.insert(scope.room.to_owned(), bearer.clone());
            }
            ApiGrant::RoomCreate
            | ApiGrant::RoomList
            | ApiGrant::RoomRecord
            | ApiGrant::IngressAdmin
            | ApiGrant::SipAdmin => {
                self.wide.insert(grant, bearer.clone());
            }
            // One call each.
            ApiGrant::RoomAdminTo | ApiGrant::SipCall | ApiGrant::SipCallInRoom => {}
        }
    }
}

impl Bearer {
    /// Tokens of another turn differ from it in key or date: what a server thinks of one says
    /// nothing about the other.
    pub(super) const fn turn(&self) -> u64 {
        self.turn
    }

    /// In the first half of its life, by a clock that was not set back.
    fn is_good(&self, now: UnixTime) -> bool {
        now >= self.made && now.since(self.made) < self.life / 2
    }

    fn is_near_end(&self, now: UnixTime) -> bool {
        now.since(self.made) + NEAR_END >= self.life
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use trunkline_base::token::ApiKey;

    use super::*;

    fn tokens() -> (Tokens, LiveKitAuthManager, Arc<AtomicU64>) {
        let clock = Arc::new(AtomicU64::new(1_000_000));
        let reads = Arc::clone(&clock);
        let keys = KeyRing::from(ApiKey::new("devkey", "secret"));
        let now = move || UnixTime::from_secs(reads.load(Ordering::Relaxed));
        let auth = LiveKitAuthManager::with_clock(keys, Arc::new(now));
        (Tokens::new(auth.clone()), auth, clock)
    }

    #[test]
    fn a_token_serves_for_half_of_its_life_and_one_room() {
        let (tokens, _, clock) = tokens();
        let first = tokens
            .bearer(ApiGrant::RoomAdmin, Scope::room("a"))
            .unwrap();
        clock.fetch_add(299, Ordering::Relaxed);
        let kept = tokens
            .bearer(ApiGrant::RoomAdmin, Scope::room("a"))
            .unwrap();
        assert_eq!(kept.header, first.header);
        let other = tokens
            .bearer(ApiGrant::RoomAdmin, Scope::room("b"))
            .unwrap();
        assert_ne!(other.header, first.header);
        clock.fetch_add(1, Ordering::Relaxed);
        let renewed = tokens
            .bearer(ApiGrant::RoomAdmin, Scope::room("a"))
            .unwrap();
        assert_ne!(renewed.header, first.header);
        assert!(!format!("{:?}", first.header).contains("ey"));
    }

    #[test]
    fn a_rotation_or_a_clock_set_back_ends_what_was_kept() {
        let (tokens, auth, clock) = tokens();
        let first = tokens.bearer(ApiGrant::RoomList, Scope::default()).unwrap();
        assert!(!tokens.is_curable(&first, None));
        auth.rotate(&KeyRing::from(ApiKey::new("newkey", "secret")));
        assert!(tokens.is_curable(&first, None));
        let second = tokens.bearer(ApiGrant::RoomList, Scope::default()).unwrap();
        assert_ne!(second.header, first.header);
        clock.fetch_sub(600, Ordering::Relaxed);
        assert!(tokens.is_curable(&second, None));
        let third = tokens.bearer(ApiGrant::RoomList, Scope::default()).unwrap();
        assert_ne!(third.header, second.header);
    }
}
