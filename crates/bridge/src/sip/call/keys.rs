//! Keys that come in two ways. Many phones send each press as RTP events and as INFO; it is one press.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How a key came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// RTP events (RFC 4733), at once.
    Rtp,
    /// A SIP INFO, often at the end of the press.
    Info,
}

/// A key in an INFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Relayed {
    pub(super) key: char,
    /// How long it was held, where that is said.
    pub(super) held: Duration,
}

/// Tells each press once.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Presses told, whose other way may still come.
    told: VecDeque<(Way, char, Instant)>,
}

impl Keys {
    /// Is this a press that was not told? `held` is how long it took to come.
    pub(super) fn is_new(&mut self, way: Way, key: char, held: Duration, now: Instant) -> bool {
        let patience = TOGETHER + held.min(LONGEST_PRESS);
        self.told
            .retain(|(_, _, at)| now.saturating_duration_since(*at) < TOGETHER + LONGEST_PRESS);
        let other = self.told.iter().position(|(told, digit, at)| {
            *told != way && *digit == key && now.saturating_duration_since(*at) < patience
        });
        if let Some(other) = other {
            self.told.remove(other);
            return false;
        }
        if self.told.len() >= REMEMBERED {
            self.told.pop_front();
        }
        self.told.push_back((way, key, now));
        true
    }
}

/// A key sent as INFO: `Signal=5` (dtmf-relay) or just `5` (dtmf); some write the event's number.
pub(super) fn relayed_key(content_type: &str, body: &[u8]) -> Option<Relayed> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let known = ["application/dtmf-relay", "application/dtmf"];
    if !known.iter().any(|known| known.eq_ignore_ascii_case(kind)) {
        return None;
    }
    let text: String = body.iter().map(|byte| char::from(*byte)).collect();
    let field = |wanted: &str| {
        text.split(['\r', '\n']).find_map(|line| {
            let (name, value) = line.split_once(['=', ':'])?;
            let value = value.trim_matches(|c: char| c.is_whitespace() || c == '\0');
            name.trim().eq_ignore_ascii_case(wanted).then_some(value)
        })
    };
    let bare = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let key = key_of(field("signal").unwrap_or(bare))?;
    let held = field("duration").and_then(|millis| millis.parse().ok());
    Some(Relayed {
        key,
        held: Duration::from_millis(held.unwrap_or(0)),
    })
}

fn key_of(text: &str) -> Option<char> {
    let mut chars = text.chars();
    let key = chars.next()?.to_ascii_uppercase();
    if chars.next().is_none() {
        return trunkline_sip::dtmf::code(key).map(|_| key);
    }
    let code: u8 = text.parse().ok()?;
    trunkline_sip::dtmf::digit(code)
}

/// The two ways of a press are no farther apart than this, held keys aside. More would take two
/// presses of one key for one where a phone changes its way.
const TOGETHER: Duration = Duration::from_secs(3);

/// A key that is said to be held longer is not believed.
const LONGEST_PRESS: Duration = Duration::from_secs(30);

/// Presses waiting for their other way: more than a hand makes meanwhile.
const REMEMBERED: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn keys_told(presses: &[(Way, char, u64)]) -> String {
        let (mut keys, t0) = (Keys::default(), start());
        let told = presses.iter().filter(|(way, key, at)| {
            let now = t0 + Duration::from_millis(*at);
            keys.is_new(*way, *key, Duration::ZERO, now)
        });
        told.map(|(_, key, _)| *key).collect()
    }

    #[test]
    fn a_press_that_comes_both_ways_is_one() {
        use Way::{Info, Rtp};
        let both: Vec<_> = "4271188"
            .chars()
            .zip(0..)
            .flat_map(|(key, n)| [(Rtp, key, n * 300), (Info, key, n * 300 + 200)])
            .collect();
        assert_eq!(keys_told(&both), "4271188");
        let info_first: Vec<_> = "4271188"
            .chars()
            .zip(0..)
            .flat_map(|(key, n)| [(Info, key, n * 300), (Rtp, key, n * 300 + 200)])
            .collect();
        assert_eq!(keys_told(&info_first), "4271188");
        // INFO of all of them after the last.
        let mut late: Vec<_> = "1123".chars().map(|key| (Rtp, key, 0)).collect();
        late.extend("1123".chars().map(|key| (Info, key, 900)));
        assert_eq!(keys_told(&late), "1123");
    }

    #[test]
    fn what_one_way_loses_the_other_brings() {
        use Way::{Info, Rtp};
        let presses = [
            (Rtp, '1', 0),
            (Info, '1', 100),
            (Info, '2', 400),
            (Rtp, '3', 700),
        ];
        assert_eq!(keys_told(&presses), "123");
    }

    #[test]
    fn one_way_alone_is_told_as_it_comes() {
        for way in [Way::Rtp, Way::Info] {
            assert_eq!(
                keys_told(&[(way, '1', 0), (way, '1', 200), (way, '1', 400)]),
                "111"
            );
        }
        let apart = [(Way::Rtp, '1', 0), (Way::Info, '1', 4_000)];
        assert_eq!(keys_told(&apart), "11", "nobody waits that long");
    }

    #[test]
    fn a_key_held_long_is_told_once_though_its_info_comes_at_the_end() {
        let (mut keys, t0) = (Keys::default(), start());
        assert!(keys.is_new(Way::Rtp, '5', Duration::ZERO, t0));
        let held = Duration::from_secs(8);
        assert!(!keys.is_new(Way::Info, '5', held, t0 + held));
    }

    #[test]
    fn keys_in_info_are_read() {
        let relay = "application/dtmf-relay";
        let read = |kind: &str, body: &[u8]| relayed_key(kind, body).map(|relayed| relayed.key);
        assert_eq!(
            relayed_key(relay, b"Signal=5\r\nDuration=160\r\n"),
            Some(Relayed {
                key: '5',
                held: Duration::from_millis(160)
            })
        );
        for (body, key) in [
            (b"Signal= #\r\n".as_slice(), '#'),
            (b"signal=*", '*'),
            (b"SIGNAL = d\nDuration = x", 'D'),
            (b"Duration=99\r\nSignal=7", '7'),
            (b"Signal=10", '*'),
            (b"Signal=11\r\n", '#'),
            (b"Signal=15", 'D'),
            (b"Signal: 3\r\n", '3'),
            (b"Signal=8\r\n\0", '8'),
            (b"X=\xff\r\nSignal=9", '9'),
        ] {
            assert_eq!(read(relay, body), Some(key), "{body:?}");
        }
        assert_eq!(
            read("Application/DTMF-Relay; charset=utf-8", b"Signal=1"),
            Some('1')
        );
        assert_eq!(read("application/dtmf", b"a"), Some('A'));
        assert_eq!(read("application/dtmf", b" 11 \r\n"), Some('#'));
        assert_eq!(read("application/dtmf", b"Signal=5"), Some('5'));
        for junk in [
            b"Signal=55".as_slice(),
            b"Signal=16",
            b"Signal=",
            b"",
            &[0xff],
        ] {
            assert_eq!(read(relay, junk), None, "{junk:?}");
        }
        assert_eq!(read("text/plain", b"5"), None);
    }
}
