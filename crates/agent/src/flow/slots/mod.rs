//! Finding values in what callers say.

mod clock;
mod date;
mod digits;
mod name;
mod number;

use time::{Date, Time};

pub use date::Span;
use digits::{Digits, digits};

use super::said::yes_no;
pub(super) use digits::sound_like_digits;

/// What sort of value a slot holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// A run of digits of a length.
    Digits {
        /// Fewest.
        min: usize,
        /// Most.
        max: usize,
    },
    /// A day.
    Date(Span),
    /// A time of day.
    Time,
    /// A whole number.
    Number,
    /// A person's name.
    Name,
    /// Yes or no.
    YesNo,
}

/// A value found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text: digits or a name.
    Text(String),
    /// A day.
    Date(Date),
    /// A time of day.
    Time(Time),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    YesNo(bool),
    /// Something a tool brought.
    Json(serde_json::Value),
}

/// What an utterance held for a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole value.
    Whole(Value),
    /// The first digits of one.
    Part(String),
    /// Something of the kind that is no value, and why.
    Unclear(Unclear),
    /// Nothing of the kind.
    Nothing,
}

/// Why what was said is no value yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unclear {
    /// The calendar has no such day: "February 31".
    NoSuchDay(String),
    /// The day is over.
    Past(Date),
    /// The day is still to come, and should not be.
    Ahead(Date),
    /// The weekday that was said is not that of the day.
    OtherWeekday(Date),
    /// More than one was said.
    Several(Vec<Value>),
    /// It was only said which one it is not.
    Refused,
}

impl SlotKind {
    /// Looks for a value. `asked` is whether the caller was asked for just this: then looser
    /// readings are allowed ("for" is four, a bare word is a name).
    pub(super) fn find(&self, text: &str, so_far: &str, asked: bool, today: Date) -> Found {
        let whole = |value: Option<Value>| value.map_or(Found::Nothing, Found::Whole);
        match self {
            Self::Digits { min, max } => match digits(text, so_far, *min, *max, asked) {
                Digits::Whole(all) => Found::Whole(Value::Text(all)),
                Digits::Part(part) => Found::Part(part),
                Digits::Nothing => Found::Nothing,
            },
            Self::Date(span) => found(date::date(text, today, *span), Value::Date),
            Self::Time => found(clock::time(text), Value::Time),
            Self::Number => whole(number::number(text).map(Value::Number)),
            Self::Name => whole(name::name(text, asked).map(Value::Text)),
            Self::YesNo => whole(yes_no(text).map(Value::YesNo)),
        }
    }
}

fn found<T>(read: Option<Result<T, Unclear>>, value: impl Fn(T) -> Value) -> Found {
    match read {
        Some(Ok(one)) => Found::Whole(value(one)),
        Some(Err(unclear)) => Found::Unclear(unclear),
        None => Found::Nothing,
    }
}
