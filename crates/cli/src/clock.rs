//! The present moment, and times for people.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use time::OffsetDateTime;
use time::macros::format_description;
use trunkline_base::time::UnixTime;

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
    fn a_local_moment_tells_its_offset() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(local(1_800_000_000, zone), "2027-01-15 10:00:00 +02:00");
        assert_eq!(local(0, TimeZone::UTC), "-");
    }
}
