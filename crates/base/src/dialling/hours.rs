//! When numbers may be dialled: days and hours, in the time of a place.

use serde::Serialize;

/// What a clock on the wall of a place shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// Year, month and day.
    pub date: Date,
    /// Days since Monday: 0 to 6.
    pub weekday: u8,
    /// Minutes since midnight.
    pub minute: u16,
}

/// Year, month and day, in this order.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize,
)]
pub struct Date(pub i16, pub i8, pub i8);

/// When numbers of one prefix may be dialled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hours {
    /// The beginning of the numbers; the empty one fits all.
    pub prefix: String,
    /// From Monday on.
    pub days: [bool; 7],
    /// The first minute of the day.
    pub from: u16,
    /// The first one after it; no later than `from` means on the next day.
    pub until: u16,
    /// Whose clock, such as `Europe/Berlin`.
    pub zone: String,
}

impl Hours {
    /// Is it time?
    pub fn are_open(&self, at: LocalTime) -> bool {
        let on = |weekday: u8| {
            self.days
                .get(usize::from(weekday % 7))
                .is_some_and(|on| *on)
        };
        if self.from < self.until {
            return on(at.weekday) && (self.from..self.until).contains(&at.minute);
        }
        // Past midnight they are those of the day before.
        (on(at.weekday) && at.minute >= self.from) || (on(at.weekday + 6) && at.minute < self.until)
    }

    /// `mon tue 08:00-20:00 Europe/Berlin`
    pub(super) fn words(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        if self.days != [true; 7] {
            let named = DAYS.iter().zip(self.days).filter(|(_, on)| *on);
            words.extend(named.map(|(day, _)| (*day).to_owned()));
        }
        let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        words.push(format!("{}-{}", time(self.from), time(self.until)));
        words.push(self.zone.clone());
        words.join(" ")
    }
}

/// As they are written.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

#[cfg(test)]
mod tests {
    use super::*;

    fn at(weekday: u8, minute: u16) -> LocalTime {
        LocalTime {
            date: Date(2026, 11, 28),
            weekday,
            minute,
        }
    }

    #[test]
    fn hours_past_midnight_belong_to_the_day_they_began_on() {
        let only_friday = [false, false, false, false, true, false, false];
        let hours = |from, until| Hours {
            prefix: String::new(),
            days: only_friday,
            from,
            until,
            zone: "UTC".to_owned(),
        };
        let office = hours(9 * 60, 17 * 60);
        for (weekday, minute, open) in [
            (4, 9 * 60, true),
            (4, 17 * 60 - 1, true),
            (4, 17 * 60, false),
            (4, 9 * 60 - 1, false),
            (3, 10 * 60, false),
        ] {
            assert_eq!(
                office.are_open(at(weekday, minute)),
                open,
                "{weekday} {minute}"
            );
        }
        let night = hours(22 * 60, 2 * 60);
        for (weekday, minute, open) in [
            (4, 22 * 60, true),
            (5, 60, true),
            (5, 2 * 60, false),
            (4, 60, false),
            (5, 23 * 60, false),
        ] {
            assert_eq!(
                night.are_open(at(weekday, minute)),
                open,
                "{weekday} {minute}"
            );
        }
        let sunday = Hours {
            days: [false, false, false, false, false, false, true],
            ..hours(22 * 60, 2 * 60)
        };
        assert!(sunday.are_open(at(0, 60)));
        assert_eq!(office.words(), "fri 09:00-17:00 UTC");
    }
}
