//! What a slot holds, and why it holds nothing yet.

use time::{Date, Time};

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
    YesNo(bool),
    /// Something a tool brought.
    Json(serde_json::Value),
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
