//! Floods and providers, in virtual time.

use super::*;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// Timer H: so long a call is held that is answered and not confirmed.
const UNCONFIRMED: Duration = Duration::from_secs(32);

const TICK: Duration = Duration::from_millis(1);

/// A gateway that sets up so many at once and takes so long for each.
struct World {
    shares: Shares,
    most: usize,
    takes: Duration,
    now: Instant,
    /// Calls, and until when they are set up and held.
    calls: Vec<(IpAddr, Instant, Instant, Share)>,
    met: Vec<IpAddr>,
    most_held: usize,
}

/// Who calls.
#[derive(Clone, Copy)]
struct Caller {
    ip: IpAddr,
    /// Between two INVITEs.
    every: Duration,
    /// After the answer; nothing: never.
    acks_after: Option<Duration>,
}

impl World {
    fn new(most: usize, takes: Duration) -> Self {
        let now = crate::sip::clock::now();
        Self {
            shares: Shares::new(now),
            most,
            takes,
            now,
            calls: Vec::new(),
            met: Vec::new(),
            most_held: 0,
        }
    }

    /// Lets them call for so long. Gives how often each asked and got in.
    fn run(&mut self, callers: &[Caller], length: Duration) -> Vec<(u32, u32)> {
        let mut seen = vec![(0, 0); callers.len()];
        let mut due: Vec<Instant> = (0_u32..)
            .zip(callers)
            .map(|(n, caller)| self.now + caller.every / 97 * (n % 97))
            .collect();
        let end = self.now + length;
        while self.now < end {
            self.now += TICK;
            self.end_calls(callers);
            for ((caller, due), (asked, got)) in callers.iter().zip(&mut due).zip(&mut seen) {
                while *due <= self.now {
                    *due += caller.every;
                    *asked += 1;
                    *got += u32::from(self.call(caller));
                }
            }
            self.most_held = self.most_held.max(self.calls.len());
        }
        seen
    }

    fn call(&mut self, caller: &Caller) -> bool {
        let is_proven = self.met.contains(&caller.ip);
        let most = NonZeroUsize::new(self.most);
        let Some(share) = self.shares.ask((caller.ip, is_proven), most, self.now) else {
            return false;
        };
        let setting_up = self.calls.iter().filter(|call| call.1 > self.now).count();
        if setting_up >= self.most {
            return false;
        }
        let answered = self.now + self.takes;
        let until = answered + caller.acks_after.unwrap_or(UNCONFIRMED);
        self.calls.push((caller.ip, answered, until, share));
        true
    }

    fn end_calls(&mut self, callers: &[Caller]) {
        let now = self.now;
        let acks = |ip| {
            let mut all = callers.iter();
            all.any(|caller| caller.ip == ip && caller.acks_after.is_some())
        };
        let over = self.calls.iter().filter(|call| call.2 <= now);
        let new = over.map(|call| call.0).filter(|ip| acks(*ip));
        self.met.extend(new.collect::<Vec<_>>());
        self.met.sort();
        self.met.dedup();
        self.calls.retain(|call| call.2 > now);
    }
}

fn ip(n: u32) -> IpAddr {
    IpAddr::V4(n.into())
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Never confirms anything.
fn flooder(n: u32, a_second: u32) -> Caller {
    Caller {
        ip: ip(n),
        every: Duration::from_secs(1) / a_second,
        acks_after: None,
    }
}

fn provider(n: u32, a_second: u32) -> Caller {
    Caller {
        acks_after: Some(ms(80)),
        ..flooder(n, a_second)
    }
}

const SECONDS: Duration = Duration::from_secs(20);

/// Of forty calls one got in beside a hundred sources of a trunk that sent fifty INVITEs a second each.
#[test]
fn a_quiet_source_gets_in_beside_loud_ones_that_never_confirm() {
    for loud in [1, 10, 100, 1_000] {
        let mut world = World::new(64, ms(100));
        let mut all: Vec<Caller> = (0..loud)
            .map(|n| flooder(n + 10, (5_000 / loud).min(50)))
            .collect();
        let first = world.run(&all, Duration::from_secs(2));
        assert!(first.iter().map(|seen| seen.1).sum::<u32>() > 0);
        // It comes when the flood is there already.
        all.push(provider(1, 2));
        let seen = world.run(&all, SECONDS);
        let (asked, got) = seen[seen.len() - 1];
        assert!(got * 10 >= asked * 9, "{got} of {asked} beside {loud}");
        assert!(world.most_held <= 64 + 40, "{} held", world.most_held);
    }
}

#[test]
fn a_storm_of_addresses_holds_no_more_than_its_class_and_grows_no_table() {
    let mut world = World::new(64, ms(40));
    let mut rng = StdRng::seed_from_u64(7);
    let good = provider(1, 2);
    let (asked, all) = world.run(&[good], Duration::from_secs(1))[0];
    assert_eq!(all, asked);
    let mut got = 0;
    for n in 0..40_000_u32 {
        world.now += ms(1);
        let forged = flooder(rng.random_range(1_000..2_000_000_000), 1);
        world.call(&forged);
        if n % 500 == 0 {
            got += u32::from(world.call(&good));
        }
        if n % 100 == 0 {
            world.end_calls(&[good]);
        }
        assert!(world.shares.sources.len() <= MOST_SOURCES);
        world.most_held = world.most_held.max(world.calls.len());
    }
    assert_eq!(got, 80);
    // The class, and newcomers of the time that a call is held for.
    assert!(world.most_held <= 32 + 8 + 64 + 2, "{}", world.most_held);
}

#[test]
fn providers_that_confirm_notice_nothing() {
    for (count, a_second, takes) in [(1, 200, 200), (4, 60, 150), (20, 10, 100)] {
        let mut world = World::new(64, ms(takes));
        let all: Vec<Caller> = (0..count).map(|n| provider(n, a_second)).collect();
        // The first call of each is confirmed before it sends its burst.
        let first: Vec<Caller> = (0..count).map(|n| provider(n, 1)).collect();
        world.run(&first, Duration::from_secs(1));
        let seen = world.run(&all, Duration::from_secs(5));
        assert!(
            seen.iter().all(|(asked, got)| asked == got),
            "{seen:?} {takes} ms"
        );
    }
}

#[test]
fn who_is_alone_has_every_place_and_a_bound_of_none_refuses_nobody() {
    let mut shares = Shares::new(crate::sip::clock::now());
    let now = shares.swept;
    let most = NonZeroUsize::new(64);
    let all: Vec<Share> = (0..500)
        .filter_map(|_| shares.ask((ip(1), true), most, now))
        .collect();
    assert_eq!(all.len(), 64);
    let unproven: Vec<Share> = (0..500)
        .filter_map(|_| shares.ask((ip(2), false), most, now))
        .collect();
    assert_eq!(unproven.len(), 32);
    assert!((0..500).all(|_| shares.ask((ip(3), false), None, now).is_some()));
    drop((all, unproven));
    assert!(shares.ask((ip(2), false), most, now).is_some());
}

/// Whoever is loud shares what there is with others who are as loud.
#[test]
fn loud_sources_of_one_kind_have_equal_parts() {
    let mut world = World::new(64, ms(300));
    let all: Vec<Caller> = (0..8).map(|n| provider(n, 1)).collect();
    world.run(&all, Duration::from_secs(2));
    let loud: Vec<Caller> = (0..8).map(|n| provider(n, 40 + 20 * n)).collect();
    let seen = world.run(&loud, SECONDS);
    let least = seen.iter().map(|seen| seen.1).min().unwrap();
    let most = seen.iter().map(|seen| seen.1).max().unwrap();
    assert!(least * 2 >= most, "{seen:?}");
}

/// Five thousand INVITEs a second to an emergency number held a room each, and nobody else got in.
#[test]
fn a_flood_that_calls_for_help_gets_in_a_few_times_and_others_for_help_too() {
    for is_proven in [false, true] {
        let mut shares = Shares::new(crate::sip::clock::now());
        let (now, most) = (shares.swept, NonZeroUsize::new(64));
        let flood: Vec<Share> = (0..500)
            .filter_map(|_| shares.ask((ip(1), is_proven), most, now))
            .collect();
        let help = |shares: &Shares, n| {
            let helped = (0..500).map_while(|_| shares.help(ip(n), is_proven));
            helped.collect::<Vec<Share>>()
        };
        let helped = help(&shares, 1);
        assert_eq!(helped.len(), HELPED);
        assert!(helped.iter().all(Share::is_for_help));
        assert!(!flood.iter().any(Share::is_for_help));
        let _asked = shares.ask((ip(2), is_proven), most, now);
        assert_eq!(help(&shares, 2).len(), HELPED);
        drop(helped);
        assert_eq!(help(&shares, 1).len(), HELPED);
    }
}
