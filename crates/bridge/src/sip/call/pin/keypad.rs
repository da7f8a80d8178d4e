//! What a caller types who is asked for a PIN. Pure: the time is an argument.

use std::fmt;
use std::time::{Duration, Instant};

use trunkline_base::secret::Personal;
use trunkline_sip::routing::{LONGEST_PIN, Pin};

/// The keys of one caller, try after try.
pub(super) struct Keypad {
    typed: String,
    /// More was typed than any PIN has.
    is_too_long: bool,
    tries: u8,
    /// How long a caller may be silent.
    patience: Duration,
    until: Instant,
}

/// A try, once it is whole.
pub(super) enum Entry {
    Typed(Pin),
    /// No PIN is as long.
    TooLong,
}

/// All tries are used up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoMoreTries;

impl Keypad {
    pub(super) fn new(patience: Duration, now: Instant) -> Self {
        Self {
            typed: String::new(),
            is_too_long: false,
            tries: 0,
            patience,
            until: now + patience,
        }
    }

    /// A key: `#` ends a try.
    pub(super) fn press(&mut self, key: char, now: Instant) -> Option<Entry> {
        if key == END {
            self.until = now + self.patience;
            let typed = std::mem::take(&mut self.typed);
            return Some(if std::mem::take(&mut self.is_too_long) {
                Entry::TooLong
            } else if typed.is_empty() {
                Entry::Typed(Pin::None)
            } else {
                Entry::Typed(Pin::Typed(Personal::new(typed)))
            });
        }
        if self.typed.len() < LONGEST_PIN {
            self.typed.push(key);
            self.until = now + self.patience;
        } else {
            // Who types on and on buys no time with it.
            self.is_too_long = true;
        }
        None
    }

    /// The try was wrong: the next one, if there is one.
    pub(super) fn again(&mut self, now: Instant) -> Result<(), NoMoreTries> {
        self.tries += 1;
        self.wait_anew(now);
        if self.tries < TRIES {
            Ok(())
        } else {
            Err(NoMoreTries)
        }
    }

    /// Until when a key is waited for.
    pub(super) const fn until(&self) -> Instant {
        self.until
    }

    /// The caller could not type until now.
    pub(super) fn wait_anew(&mut self, now: Instant) {
        self.until = now + self.patience;
    }
}

/// Digits are nobody's business.
impl fmt::Debug for Keypad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keypad")
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

/// The key behind a PIN.
const END: char = '#';

/// After as many the call ends.
const TRIES: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(15);

    fn start() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    /// What became of the last key.
    fn typed(pad: &mut Keypad, keys: &str, now: Instant) -> Option<String> {
        let mut last = None;
        for key in keys.chars() {
            last = pad.press(key, now);
        }
        last.map(|entry| match entry {
            Entry::Typed(Pin::Typed(pin)) => pin.expose().clone(),
            Entry::Typed(_) => "none".to_owned(),
            Entry::TooLong => "too long".to_owned(),
        })
    }

    #[test]
    fn a_pin_is_what_stands_before_the_hash() {
        let now = start();
        let mut pad = Keypad::new(PATIENCE, now);
        assert_eq!(typed(&mut pad, "4711", now), None);
        assert_eq!(typed(&mut pad, "#", now), Some("4711".to_owned()));
        assert_eq!(typed(&mut pad, "#", now), Some("none".to_owned()));
        assert_eq!(typed(&mut pad, "*9A#", now), Some("*9A".to_owned()));
        let longest = "1234567890123456";
        let whole = typed(&mut pad, &format!("{longest}#"), now);
        assert_eq!(whole.as_deref(), Some(longest));
        let longer = typed(&mut pad, &format!("{longest}7#"), now);
        assert_eq!(longer.as_deref(), Some("too long"));
        assert_eq!(typed(&mut pad, "12#", now), Some("12".to_owned()));
    }

    #[test]
    fn the_third_wrong_try_is_the_last() {
        let now = start();
        let mut pad = Keypad::new(PATIENCE, now);
        assert_eq!(pad.again(now), Ok(()));
        assert_eq!(pad.again(now), Ok(()));
        assert_eq!(pad.again(now), Err(NoMoreTries));
    }

    #[test]
    fn each_key_and_each_try_is_waited_for_and_typing_on_buys_no_time() {
        let t0 = start();
        let at = |seconds| t0 + Duration::from_secs(seconds);
        let mut pad = Keypad::new(PATIENCE, t0);
        assert_eq!(pad.until(), at(15));
        let _ = pad.press('1', at(10));
        assert_eq!(pad.until(), at(25));
        let _ = pad.press('#', at(20));
        assert_eq!(pad.until(), at(35));
        assert_eq!(pad.again(at(21)), Ok(()));
        assert_eq!(pad.until(), at(36));
        let _ = typed(&mut pad, "1234567890123456", at(30));
        let _ = typed(&mut pad, "77777", at(44));
        assert_eq!(pad.until(), at(45));
    }

    #[test]
    fn digits_are_never_shown() {
        let mut pad = Keypad::new(PATIENCE, start());
        let _ = pad.press('7', start());
        assert!(!format!("{pad:?}").contains('7'));
    }
}
