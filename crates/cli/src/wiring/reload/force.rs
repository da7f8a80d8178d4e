//! How much of the configuration files counts.

use std::fmt;

use trunkline_console::{ReloadResult, Reloaded, Standing};
use trunkline_ops::daemon::IN_FORCE;

/// How much of the files counts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Force {
    Whole,
    /// All but these, which count from the next start on.
    Restart(Vec<String>),
    /// Nothing, and why; those before do.
    Last(String),
    /// What was taken before something failed, and with what it did.
    Half(String),
}

impl Force {
    pub(super) fn standing(&self) -> Standing {
        match self {
            Self::Whole | Self::Restart(_) | Self::Last(_) => Standing::Ready(self.to_string()),
            // Some calls would meet the old set-up, some the new one.
            Self::Half(_) => Standing::Waiting(self.to_string()),
        }
    }
}

impl fmt::Display for Force {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str(IN_FORCE),
            Self::Restart(what) => {
                write!(f, "{IN_FORCE}, but {} at the next start", what.join(", "))
            }
            Self::Last(why) => write!(f, "the last good ones are in force: {why}"),
            Self::Half(why) => write!(f, "half applied, tried again: {why}"),
        }
    }
}

/// What whoever asked is told.
pub(super) fn reloaded(force: &Force, changed: Vec<String>) -> Reloaded {
    let (result, at_next_start, why) = match force {
        Force::Whole if changed.is_empty() => (ReloadResult::Unchanged, Vec::new(), None),
        Force::Whole => (ReloadResult::Taken, Vec::new(), None),
        Force::Restart(what) => (ReloadResult::Taken, what.clone(), None),
        Force::Last(why) => (ReloadResult::Kept, Vec::new(), Some(why.clone())),
        Force::Half(why) => (ReloadResult::Half, Vec::new(), Some(why.clone())),
    };
    Reloaded {
        result,
        changed,
        at_next_start,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_half_applied_is_not_ready() {
        let half = Force::Half("a rule is refused".to_owned()).standing();
        assert!(matches!(half, Standing::Waiting(why) if why.contains("a rule is refused")));
        for last in [
            Force::Last("a typo".to_owned()),
            Force::Restart(vec!["gateway.udp".to_owned()]),
        ] {
            assert!(matches!(last.standing(), Standing::Ready(_)), "{last}");
        }
    }

    #[test]
    fn whoever_asked_hears_which_part_counts() {
        let result = |force: &Force, changed: &[&str]| {
            reloaded(force, changed.iter().map(|&c| c.to_owned()).collect()).result
        };
        assert_eq!(result(&Force::Whole, &[]), ReloadResult::Unchanged);
        assert_eq!(
            result(&Force::Whole, &["gateway.codecs"]),
            ReloadResult::Taken
        );
        let later = Force::Restart(vec!["gateway.udp".to_owned()]);
        assert_eq!(result(&later, &[]), ReloadResult::Taken);
        let wrong = reloaded(&Force::Last("line 3".to_owned()), Vec::new());
        assert_eq!(
            (wrong.result, wrong.why.as_deref()),
            (ReloadResult::Kept, Some("line 3"))
        );
    }
}
