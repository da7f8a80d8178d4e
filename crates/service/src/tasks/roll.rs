//! Who is running, by name and number, for the one question asked at the end: who is left?

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts of running tasks. Behind a lock since tasks come and go on every thread; it is held for
/// one map operation and never across an await.
#[derive(Clone, Debug, Default)]
pub(super) struct Roll(Arc<Mutex<BTreeMap<&'static str, usize>>>);

/// One running task; leaves the roll when dropped, however the task ends.
#[derive(Debug)]
pub(super) struct Present {
    roll: Roll,
    name: &'static str,
}

impl Roll {
    pub(super) fn enter(&self, name: &'static str) -> Present {
        self.with(|present| *present.entry(name).or_default() += 1);
        Present {
            roll: self.clone(),
            name,
        }
    }

    /// Those present, in words.
    pub(super) fn names(&self) -> String {
        self.with(|present| {
            let shown = present.iter().map(|(name, count)| match count {
                1 => (*name).to_owned(),
                _ => format!("{name} ×{count}"),
            });
            shown.collect::<Vec<_>>().join(", ")
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut BTreeMap<&'static str, usize>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.roll.with(|present| {
            if let Some(count) = present.get_mut(self.name) {
                *count -= 1;
                if *count == 0 {
                    present.remove(self.name);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_left_are_not_named() {
        let roll = Roll::default();
        let first = roll.enter("call");
        let second = roll.enter("call");
        let socket = roll.enter("socket");
        assert_eq!(roll.names(), "call ×2, socket");
        drop((first, socket));
        assert_eq!(roll.names(), "call");
        drop(second);
        assert_eq!(roll.names(), "");
    }
}
