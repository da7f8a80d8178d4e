//! Which sources of tracks somebody may publish, in the three forms they are told in: words of a
//! token, numbers of a message, and what the media plane goes by.
//!
//! A list restricts, whatever is on it. What nobody knows (a misspelt word, the number of a source
//! of the future, "unknown") allows nothing and stays where it is, so that no change of form turns
//! a list into none.

use std::collections::BTreeSet;

use livekit_protocol as proto;
use proto::TrackSource;
use trunkline_rtc::sfu;

/// Sources that may be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sources {
    /// No list was given.
    Any,
    /// What is listed, in a token's words.
    Only(BTreeSet<String>),
}

impl Sources {
    /// A token's list. Several SDKs write an empty one where none is meant.
    pub(crate) fn from_words(words: &[String]) -> Self {
        Self::listed(words.iter().cloned())
    }

    /// The list of a message; an empty one cannot be told from none.
    pub(crate) fn from_wire(numbers: &[i32]) -> Self {
        let word = |number: &i32| known(*number).map_or_else(|| number.to_string(), str::to_owned);
        Self::listed(numbers.iter().map(word))
    }

    fn listed(words: impl Iterator<Item = String>) -> Self {
        let words: BTreeSet<String> = words.collect();
        if words.is_empty() {
            Self::Any
        } else {
            Self::Only(words)
        }
    }

    /// As a token lists them.
    pub(crate) fn words(&self) -> Vec<String> {
        match self {
            Self::Any => Vec::new(),
            Self::Only(words) => words.iter().cloned().collect(),
        }
    }

    /// As a message lists them; words without a number become UNKNOWN, as upstream tells them.
    pub(crate) fn to_wire(&self) -> Vec<i32> {
        match self {
            Self::Any => Vec::new(),
            Self::Only(words) => {
                let number = |word: &String| source(word).unwrap_or(TrackSource::Unknown).into();
                let numbers: BTreeSet<i32> = words.iter().map(number).collect();
                numbers.into_iter().collect()
            }
        }
    }

    /// As the media plane goes by them.
    pub(crate) fn for_media(&self) -> sfu::Sources {
        match self {
            Self::Any => sfu::Sources::Any,
            Self::Only(words) => {
                sfu::Sources::Only(words.iter().filter_map(|word| source(word)).collect())
            }
        }
    }
}

/// The source of a word, in upstream's spelling and no other.
fn source(word: &str) -> Option<TrackSource> {
    let found = WORDS.iter().find(|(_, known)| *known == word);
    found.map(|(source, _)| *source)
}

fn known(number: i32) -> Option<&'static str> {
    let found = WORDS.iter().find(|(source, _)| *source as i32 == number);
    found.map(|(_, word)| *word)
}

const WORDS: [(TrackSource, &str); 4] = [
    (TrackSource::Camera, "camera"),
    (TrackSource::Microphone, "microphone"),
    (TrackSource::ScreenShare, "screen_share"),
    (TrackSource::ScreenShareAudio, "screen_share_audio"),
];

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Numbers that a client may claim for its track.
    const CLAIMS: [i32; 9] = [-1, 0, 1, 2, 3, 4, 5, 99, i32::MAX];

    fn allowed(sources: &Sources) -> BTreeSet<i32> {
        let media = sources.for_media();
        CLAIMS.into_iter().filter(|n| media.allow(*n)).collect()
    }

    fn word() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("microphone".to_owned()),
            Just("camera".to_owned()),
            Just("screen_share".to_owned()),
            Just("screen_share_audio".to_owned()),
            unknown(),
        ]
    }

    fn unknown() -> impl Strategy<Value = String> {
        let odd = [
            "mic",
            "unknown",
            "",
            " camera",
            "MICROPHONE",
            "2",
            "99",
            "screenshare",
            "*",
        ];
        prop_oneof![
            prop::sample::select(odd.to_vec()).prop_map(str::to_owned),
            "[a-z]{10,20}"
        ]
    }

    proptest! {
        /// `["mic"]` let a screen share through: unknown words were dropped, and an empty list
        /// means all.
        #[test]
        fn no_change_of_a_list_widens_it(words in vec(word(), 1..6), odd in unknown(), at in any::<prop::sample::Index>()) {
            let before = allowed(&Sources::from_words(&words));
            prop_assert!(before.iter().all(|n| known(*n).is_some_and(|word| words.iter().any(|w| w == word))));

            let mut with = words.clone();
            with.insert(at.index(words.len() + 1), odd.clone());
            prop_assert_eq!(&allowed(&Sources::from_words(&with)), &before, "one more word");

            let mut instead = words.clone();
            instead[at.index(words.len())] = odd;
            prop_assert!(allowed(&Sources::from_words(&instead)).is_subset(&before), "another word");

            let mut without = words.clone();
            without.remove(at.index(words.len()));
            if !without.is_empty() {
                prop_assert!(allowed(&Sources::from_words(&without)).is_subset(&before), "one word less");
            }
        }

        #[test]
        fn no_change_of_form_widens_a_list(words in vec(word(), 1..6)) {
            let sources = Sources::from_words(&words);
            prop_assert_eq!(&Sources::from_words(&sources.words()), &sources, "a refreshed token");
            let told = Sources::from_wire(&sources.to_wire());
            prop_assert_eq!(allowed(&told), allowed(&sources), "read from a list of participants and written back");
        }

        #[test]
        fn a_list_of_any_numbers_allows_those_of_sources(numbers in vec(prop_oneof![0..6i32, any::<i32>()], 1..6)) {
            let sources = Sources::from_wire(&numbers);
            let wanted: BTreeSet<i32> = numbers.into_iter().filter(|n| known(*n).is_some()).collect();
            prop_assert_eq!(&allowed(&sources), &wanted);
            prop_assert!(!sources.to_wire().is_empty() && !sources.words().is_empty());
        }
    }

    #[test]
    fn no_list_allows_all_that_a_client_may_claim() {
        for none in [Sources::from_words(&[]), Sources::from_wire(&[])] {
            assert_eq!(allowed(&none).len(), CLAIMS.len());
            assert_eq!((none.words(), none.to_wire()), (vec![], vec![]));
        }
    }
}
