//! When a certificate ends: the one field of X.509 (RFC 5280, 4.1.2.5) that a server has to know
//! of its own certificate.

/// Seconds since 1970 at which it ends; nothing when it does not say so in the usual way.
pub(super) fn end(certificate: &[u8]) -> Option<u64> {
    let whole = of(SEQUENCE, certificate)?.0;
    let mut fields = of(SEQUENCE, whole)?.0;
    // Version (which may be missing), serial number, signature, issuer.
    if let Some((_, rest)) = of(VERSION, fields) {
        fields = rest;
    }
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        fields = of(tag, fields)?.1;
    }
    let validity = of(SEQUENCE, fields)?.0;
    let (_, _, after_begin) = element(validity)?;
    let (tag, end, _) = element(after_begin)?;
    time(tag, end)
}

/// The content of an element with this tag, and what follows it.
fn of(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(der)?;
    (found == tag).then_some((content, rest))
}

fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, der) = der.split_first()?;
    let (first, der) = der.split_first()?;
    let (length, der) = if *first < 0x80 {
        (usize::from(*first), der)
    } else {
        let (bytes, der) = der.split_at_checked(usize::from(first & 0x7f))?;
        let grow = |sum: usize, byte: &u8| sum.checked_mul(256)?.checked_add(usize::from(*byte));
        (bytes.iter().try_fold(0, grow)?, der)
    };
    let (content, rest) = der.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// `YYMMDDHHMMSSZ` of this century and half of the last, or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = text.split_at_checked(if tag == UTC_TIME { 2 } else { 4 })?;
    let year: u64 = year.parse().ok()?;
    let year = match (tag, year) {
        (UTC_TIME, 0..50) => 2000 + year,
        (UTC_TIME, _) => 1900 + year,
        (GENERAL_TIME, 1970..) => year,
        _ => return None,
    };
    let two = |at: usize| rest.get(at..at + 2)?.parse::<u64>().ok();
    let (month, day) = (two(0)?, two(2)?);
    let seconds = two(4)? * 3600 + two(6)? * 60 + two(8)?;
    Some(days(year, month, day)? * 86_400 + seconds)
}

/// Days since 1970. Years are counted from March, so that a leap day is the last of its year.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leaps = year / 4 - year / 100 + year / 400;
    let days = year * 365 + leaps + (153 * month + 2) / 5 + day - 1;
    days.checked_sub(719_468)
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERAL_TIME: u8 = 0x18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let key = rcgen::KeyPair::generate().unwrap();
        for (year, month, day, end_of_it) in [
            (1999, 12, 31, 946_598_400),
            (2024, 2, 29, 1_709_164_800),
            (2049, 12, 31, 2_524_521_600),
            (2050, 1, 1, 2_524_608_000),
            (2100, 3, 1, 4_107_542_400),
        ] {
            let mut params = rcgen::CertificateParams::new(vec!["a".to_owned()]).unwrap();
            params.not_before = rcgen::date_time_ymd(1990, 1, 1);
            params.not_after = rcgen::date_time_ymd(year, month, day);
            let certificate = params.self_signed(&key).unwrap();
            assert_eq!(end(certificate.der()), Some(end_of_it), "{year}");
            // Cut anywhere, it says nothing, and nothing breaks.
            for length in 0..certificate.der().len() {
                assert_eq!(end(&certificate.der()[..length]), None);
            }
        }
        assert_eq!(end(&[0x30, 0xff]), None);
        assert_eq!(time(UTC_TIME, b"991331000000Z"), None);
    }
}
