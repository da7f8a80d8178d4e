//! Finding values in what callers say.

mod clock;
mod date;
mod digits;
mod name;
mod number;
mod value;

use time::Date;

pub use date::Span;
use digits::{Digits, digits};
pub use value::{Unclear, Value};

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
    YesNo,
}

/// What an utterance held for a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Whole(Value),
    /// The first digits of one.
    Part(String),
    /// Something of the kind that is no value, and why.
    Unclear(Unclear),
    /// Nothing of the kind.
    Nothing,
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
