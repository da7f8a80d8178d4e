//! What trunks and rules claim for themselves. A server takes no two of them that claim the same: it
//! could not tell them apart when a call comes in. The rule is LiveKit's, for ours as for theirs.

use std::collections::BTreeSet;

use super::normalise;

/// One thing that is claimed; equal ones collide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim([String; 4]);

/// What an inbound trunk claims: calls to these numbers from these callers. No number is any.
#[derive(Clone, Copy, Debug)]
pub struct TrunkClaims<'a> {
    /// Called numbers.
    pub numbers: &'a [String],
    /// Callers that it is for.
    pub callers: &'a [String],
}

impl<'a> TrunkClaims<'a> {
    /// Every claim, with the caller it is about as it was written.
    pub fn each(self) -> impl Iterator<Item = (Claim, &'a str)> {
        or_any(self.numbers).flat_map(move |called| {
            or_any(self.callers).map(move |caller| {
                let claim = [
                    normalise(called),
                    normalise(caller),
                    String::new(),
                    String::new(),
                ];
                (Claim(claim), caller)
            })
        })
    }

    /// Whether both claim the same.
    pub fn collide(self, other: Self) -> bool {
        meet(self.numbers, other.numbers, normalise) && meet(self.callers, other.callers, normalise)
    }
}

/// What a dispatch rule claims: calls with this PIN over these trunks, from these callers to these
/// numbers. An empty list is any.
#[derive(Clone, Copy, Debug)]
pub struct RuleClaims<'a> {
    /// Digits it asks for.
    pub pin: &'a str,
    /// Ids of trunks.
    pub trunks: &'a [String],
    /// Callers.
    pub callers: &'a [String],
    /// Called numbers.
    pub numbers: &'a [String],
}

impl RuleClaims<'_> {
    /// Every claim.
    pub fn each(self) -> impl Iterator<Item = Claim> {
        or_any(self.trunks).flat_map(move |trunk| {
            or_any(self.callers).flat_map(move |caller| {
                or_any(self.numbers).map(move |called| {
                    let (pin, trunk) = (self.pin.to_owned(), trunk.to_owned());
                    Claim([pin, trunk, normalise(caller), normalise(called)])
                })
            })
        })
    }

    /// Whether both claim the same.
    pub fn collide(self, other: Self) -> bool {
        self.pin == other.pin
            && meet(self.trunks, other.trunks, str::to_owned)
            && meet(self.callers, other.callers, normalise)
            && meet(self.numbers, other.numbers, normalise)
    }
}

/// Whether two lists name the same, or both are for all. Each entry is read once, however many there are
/// in the other lists: claims are every combination of theirs.
fn meet(one: &[String], other: &[String], read: impl Fn(&str) -> String) -> bool {
    let theirs: BTreeSet<String> = or_any(other).map(&read).collect();
    or_any(one).any(|entry| theirs.contains(&read(entry)))
}

/// An empty list is for all, and collides only with others that are.
fn or_any(list: &[String]) -> impl Iterator<Item = &str> + Clone {
    let any = list.is_empty().then_some("");
    let mut own: Vec<&str> = list.iter().map(String::as_str).collect();
    own.sort_unstable();
    own.dedup_by_key(|entry| normalise(entry));
    own.into_iter().chain(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn trunks_collide_where_both_called_and_caller_are_the_same_however_spelt() {
        let collide = |one: (&[&str], &[&str]), other: (&[&str], &[&str])| {
            let lists = [words(one.0), words(one.1), words(other.0), words(other.1)];
            let [a, b, c, d] = &lists;
            let claims = |numbers, callers| TrunkClaims { numbers, callers };
            claims(a, b).collide(claims(c, d))
        };
        assert!(collide((&["+15550100"], &[]), (&["1 555 0100"], &[])));
        assert!(collide((&[], &["+1", "+2"]), (&[], &["2"])));
        assert!(!collide((&["+1"], &["+7"]), (&["+1"], &["+8"])));
        assert!(
            !collide((&["+1"], &[]), (&[], &[])),
            "one number is not all numbers"
        );
    }

    #[test]
    fn rules_collide_where_pin_and_trunk_are_the_same_too() {
        let trunks = [words(&["ST_1"]), words(&["ST_1", "ST_2"]), words(&[])];
        let rule = |pin, at: usize| RuleClaims {
            pin,
            trunks: &trunks[at],
            callers: &[],
            numbers: &[],
        };
        assert!(rule("", 0).collide(rule("", 1)));
        assert!(!rule("1", 0).collide(rule("2", 1)));
        assert!(
            !rule("", 0).collide(rule("", 2)),
            "one trunk is not all trunks"
        );
    }
}
