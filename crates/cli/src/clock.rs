//! The present moment, and times for people.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use trunkline_base::time::UnixTime;
use trunkline_service::config::parse_duration;

pub(crate) fn now() -> UnixTime {
    UnixTime::from_system(SystemTime::now())
}

/// A moment in UTC, to the second.
pub(crate) fn utc(at: UnixTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    i64::try_from(at.secs())
        .ok()
        .and_then(|secs| OffsetDateTime::from_unix_timestamp(secs).ok())
        .and_then(|at| at.format(&format).ok())
        .unwrap_or_else(|| "-".to_owned())
}

/// A moment in UTC, to the millisecond, as programs read it.
pub(crate) fn rfc3339(at: UnixTime) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    written(at, format)
}

/// The time of day in UTC, to the millisecond.
pub(crate) fn time_of_day(at: UnixTime) -> String {
    written(
        at,
        format_description!("[hour]:[minute]:[second].[subsecond digits:3]"),
    )
}

fn written(at: UnixTime, format: &[BorrowedFormatItem<'_>]) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.millis()) * 1_000_000)
        .ok()
        .and_then(|at| at.format(format).ok())
        .unwrap_or_else(|| "-".to_owned())
}

/// A moment as people type it: a day or a time in UTC or with its offset, or how long ago.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn moment(text: &str) -> Result<UnixTime, String> {
    let has_unit = text.ends_with(|c: char| c.is_ascii_lowercase());
    if let (true, Ok(ago)) = (has_unit, parse_duration(text)) {
        let millis = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
        return Ok(UnixTime(now().0.saturating_sub(millis)));
    }
    let day = |text: &str| {
        let day: Date = text.parse().ok()?;
        Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let at: Option<Timestamp> = text.parse().ok().or_else(|| day(text));
    let millis = at.and_then(|at| u64::try_from(at.as_millisecond()).ok());
    millis.map(UnixTime).ok_or_else(|| {
        "write a day (2026-11-01), a time (2026-11-01T08:00:00Z) or how long ago (7d, 12h)"
            .to_owned()
    })
}

/// A moment in this machine's time zone; LiveKit writes zero where there is none.
pub(crate) fn local_secs(secs: i64) -> String {
    local(secs, TimeZone::system())
}

/// As [`local_secs`], from the nanoseconds that egress and ingress tell.
pub(crate) fn local_nanos(nanos: i64) -> String {
    local_secs(nanos / 1_000_000_000)
}

fn local(secs: i64, zone: TimeZone) -> String {
    if secs == 0 {
        return "-".to_owned();
    }
    Timestamp::from_second(secs).map_or_else(
        |_| "-".to_owned(),
        |at| {
            at.to_zoned(zone)
                .strftime("%Y-%m-%d %H:%M:%S %:z")
                .to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_well() {
        assert_eq!(
            utc(UnixTime::from_secs(1_800_000_000)),
            "2027-01-15 08:00:00Z"
        );
    }

    #[test]
    fn a_moment_is_read_as_it_is_written_and_as_people_say_it() {
        let at = UnixTime(1_800_000_000_123);
        assert_eq!(rfc3339(at), "2027-01-15T08:00:00.123Z");
        assert_eq!(time_of_day(at), "08:00:00.123");
        assert_eq!(moment("2027-01-15T08:00:00.123Z"), Ok(at));
        assert_eq!(moment("2027-01-15T10:00:00.123+02:00"), Ok(at));
        assert_eq!(moment("2027-01-15"), Ok(UnixTime::from_secs(1_799_971_200)));
        let day = now().0 - moment("1d").unwrap().0;
        assert!((86_400_000..86_410_000).contains(&day));
        for wrong in ["yesterday", "2027-13-01", "", "7", "2027-01-15T25:00:00Z"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_local_moment_tells_its_offset() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(local(1_800_000_000, zone), "2027-01-15 10:00:00 +02:00");
        assert_eq!(local(0, TimeZone::UTC), "-");
    }
}
