//! From what is named to a day of the calendar, or to why there is none.

use time::{Date, Duration, Month, Weekday};

use crate::flow::slots::value::{Unclear, Value};

/// Which days a slot takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Span {
    /// Today and later.
    #[default]
    Future,
    /// Today and earlier.
    Past,
    /// Any; without a year it is the next one.
    Any,
}

/// The calendar, seen from today.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calendar {
    pub(super) today: Date,
    pub(super) span: Span,
}

/// A day, or why it is none.
pub(super) type Day = Result<Date, Unclear>;

impl Calendar {
    pub(super) fn days_ahead(self, days: i64) -> Day {
        Duration::DAY
            .checked_mul(i32::try_from(days).unwrap_or(i32::MAX))
            .and_then(|ahead| self.today.checked_add(ahead))
            .ok_or_else(|| no_such("day so far away"))
    }

    pub(super) fn months_ahead(self, months: i64) -> Day {
        let first = i64::from(self.today.year()) * 12 + i64::from(u8::from(self.today.month())) - 1;
        let at = first + months;
        let year = i32::try_from(at.div_euclid(12)).map_err(|_| no_such("day so far away"))?;
        let month = u8::try_from(at.rem_euclid(12) + 1)
            .ok()
            .and_then(|month| Month::try_from(month).ok());
        month.map_or_else(
            || Err(no_such("such month")),
            |month| self.in_month(i64::from(self.today.day()), month, Some(year)),
        )
    }

    /// A day of a month; without a year the one that fits the span.
    pub(super) fn in_month(self, day: i64, month: Month, year: Option<i32>) -> Day {
        let made = |year: i32| {
            let day = u8::try_from(day).ok()?;
            Date::from_calendar_date(year, month, day).ok()
        };
        let this = self.today.year();
        let here = (u8::from(month), day);
        let today = (u8::from(self.today.month()), i64::from(self.today.day()));
        let year_meant = year.unwrap_or(match self.span {
            Span::Future | Span::Any if here < today => this + 1,
            Span::Past if here > today => this - 1,
            Span::Future | Span::Past | Span::Any => this,
        });
        made(year_meant).ok_or_else(|| {
            // The 29th of February exists, but not every year.
            let some_year = (0..8).any(|ahead| made(this + ahead).is_some());
            if some_year {
                no_such(&format!("{month} {day} in {year_meant}"))
            } else {
                no_such(&format!("{month} {day}"))
            }
        })
    }

    /// "The fifth": of this month, or of the next one that has it.
    pub(super) fn day_alone(self, day: i64) -> Day {
        let step = if self.span == Span::Past { -1 } else { 1 };
        let (mut year, mut month) = (self.today.year(), self.today.month());
        for _ in 0..3 {
            let found = u8::try_from(day)
                .ok()
                .and_then(|day| Date::from_calendar_date(year, month, day).ok())
                .filter(|date| match self.span {
                    Span::Past => *date <= self.today,
                    Span::Future | Span::Any => *date >= self.today,
                });
            if let Some(date) = found {
                return Ok(date);
            }
            let (turn, next) = if step > 0 {
                (Month::December, month.next())
            } else {
                (Month::January, month.previous())
            };
            year += if month == turn { step } else { 0 };
            month = next;
        }
        Err(no_such(&format!("day number {day} in a month")))
    }

    /// "The fifth of next month".
    pub(super) fn in_month_ahead(self, day: i64, months: i64) -> Day {
        let first = self.today.replace_day(1).unwrap_or(self.today);
        let start = Self {
            today: first,
            ..self
        }
        .months_ahead(months)?;
        self.in_month(day, start.month(), Some(start.year()))
    }

    /// The next such weekday after today, whole weeks later.
    pub(super) fn weekday(self, wanted: Weekday, weeks: i64) -> Day {
        let ahead = self.days_until(wanted);
        let next = if ahead <= 0 { ahead + 7 } else { ahead };
        self.days_ahead(next + 7 * weeks)
    }

    /// The weekday of a week counted from this one, weeks beginning on Monday.
    pub(super) fn weekday_of_week(self, wanted: Weekday, weeks: i64) -> Day {
        self.days_ahead(self.days_until(wanted) + 7 * weeks)
    }

    pub(super) fn last_weekday(self, wanted: Weekday) -> Day {
        let ahead = self.days_until(wanted);
        self.days_ahead(if ahead >= 0 { ahead - 7 } else { ahead })
    }

    /// "Next Friday", said on a Wednesday, is not the day after tomorrow.
    pub(super) fn next_weekday(self, wanted: Weekday) -> Day {
        let near = (1..=2).contains(&self.days_until(wanted));
        self.weekday(wanted, i64::from(near))
    }

    fn days_until(self, wanted: Weekday) -> i64 {
        i64::from(wanted.number_days_from_monday())
            - i64::from(self.today.weekday().number_days_from_monday())
    }

    /// "The first Monday in March"; the fifth that a month may not have, and the last.
    pub(super) fn nth_weekday(self, nth: Option<i64>, wanted: Weekday, month: Month) -> Day {
        let year = self.today.year();
        let found = [year, year + 1].into_iter().find_map(|year| {
            let days: Vec<Date> = (1..=month.length(year))
                .filter_map(|day| Date::from_calendar_date(year, month, day).ok())
                .filter(|date| date.weekday() == wanted)
                .collect();
            let date = match nth {
                Some(nth) => days.get(usize::try_from(nth - 1).ok()?),
                None => days.last(),
            };
            date.copied()
                .filter(|date| *date >= self.today || self.span != Span::Future)
        });
        found.ok_or_else(|| no_such(&format!("such {wanted} in {month}")))
    }

    /// Figures with a slash: the day first or the month first.
    pub(super) fn figures(self, first: i64, second: i64, year: Option<i32>, dots: bool) -> Day {
        let made = |day: i64, month: i64| {
            let month = u8::try_from(month)
                .ok()
                .and_then(|month| Month::try_from(month).ok())
                .ok_or_else(|| no_such(&format!("month {month}")))?;
            self.in_month(day, month, year)
        };
        let british = made(first, second);
        if dots || first == second {
            return british;
        }
        match (british, made(second, first)) {
            (Ok(one), Ok(other)) => {
                let days = [one.min(other), one.max(other)];
                Err(Unclear::Several(days.map(Value::Date).to_vec()))
            }

            (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
            (Err(unclear), Err(_)) => Err(unclear),
        }
    }
}

pub(super) fn no_such(said: &str) -> Unclear {
    Unclear::NoSuchDay(said.to_owned())
}
