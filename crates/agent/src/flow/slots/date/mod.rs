//! Days as they are said: "tomorrow", "next Tuesday", "the twelfth of June", "in three days".
//!
//! ```text
//! text ─► words (as recognisers spell them) ─► mentions ─► weekday and date joined
//!      ─► refused and corrected ones dropped ─► one day, or why there is none
//! ```
//! No day is made up: what the calendar does not have, what is over, and what was said in two
//! ways is asked back.

mod calendar;
mod choose;
mod mention;
mod spelling;
#[cfg(test)]
mod tests;

use time::Date;

use super::value::Unclear;
use calendar::Calendar;
pub use calendar::Span;

/// A day in a text, seen from today; nothing, if the text has none.
pub(super) fn date(text: &str, today: Date, span: Span) -> Option<Result<Date, Unclear>> {
    let words = spelling::words(text);
    let calendar = Calendar { today, span };
    let mentions = mention::mentions(&words, calendar);
    choose::choose(&words, mentions, calendar)
}
