//! Times for people.

use time::OffsetDateTime;
use time::macros::format_description;
use trunkline_base::time::UnixTime;

/// A moment in UTC, to the second.
pub(crate) fn utc(at: UnixTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    i64::try_from(at.secs())
        .ok()
        .and_then(|secs| OffsetDateTime::from_unix_timestamp(secs).ok())
        .and_then(|at| at.format(&format).ok())
        .unwrap_or_else(|| "-".to_owned())
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
}
