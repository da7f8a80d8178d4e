//! The end of a call that comes by itself.

use std::time::Instant;

use super::end::End;

/// When a call ends if nothing happens, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) at: Instant,
    pub(super) end: End,
}

impl Due {
    pub(super) const fn new(at: Instant, end: End) -> Self {
        Self { at, end }
    }

    /// The same, or another end that comes before it.
    pub(super) fn or(self, at: Option<Instant>, end: End) -> Self {
        match at {
            Some(at) if at < self.at => Self { at, end },
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_first_of_all_ends_is_the_one_that_comes() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let due = |held: Option<Instant>, alone: Option<Instant>| {
            Due::new(at(60), End::TooLong)
                .or(held, End::HeldTooLong)
                .or(alone, End::Alone { why: "agent_lost" })
        };
        assert_eq!(due(None, None), Due::new(at(60), End::TooLong));
        assert_eq!(due(Some(at(90)), None).end, End::TooLong);
        assert_eq!(due(Some(at(30)), Some(at(40))).end, End::HeldTooLong);
        let alone = due(Some(at(30)), Some(at(5)));
        assert_eq!(
            (alone.at, alone.end),
            (at(5), End::Alone { why: "agent_lost" })
        );
    }
}
