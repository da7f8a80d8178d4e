//! How people of a country write telephone numbers, and what must be dialled as it is.
//!
//! `8 (495) 123-45-67`, `74951234567` and `+7 495 123-45-67` are one number in Russia. A provider
//! sends one form and wants another; rules are written in a third. Emergency numbers are looked for
//! before anything is rewritten: no plan, prefix or guard has a say in those.

use trunkline_base::dialling::EMERGENCY;

use super::number;

/// A country's way of writing numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumberingPlan {
    country: Option<&'static Country>,
    /// Emergency numbers beside the country's own.
    emergency: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Country {
    /// ISO 3166.
    iso: &'static str,
    /// Country code.
    code: &'static str,
    /// Before a national number: `8` in Russia, `0` in most of Europe.
    trunk: &'static str,
    /// Before a foreign number.
    international: &'static str,
    /// Digits of a national number.
    digits: std::ops::RangeInclusive<usize>,
    emergency: &'static [&'static str],
}

/// How a provider wants to be told whom to call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// As it was asked for.
    #[default]
    AsGiven,
    /// `+74951234567`
    Plus,
    /// `74951234567`
    Digits,
    /// `84951234567`, and `810…` for other countries.
    National,
}

/// What somebody dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialled {
    /// Help: to be sent on as it is.
    Emergency(String),
    /// A number in its one spelling, `+` and digits.
    Number(String),
    /// A name, an extension, a service.
    Other(String),
}

impl NumberingPlan {
    /// A country's plan; `None` if it is not known here.
    pub fn of(iso: &str) -> Option<Self> {
        let country = COUNTRIES.iter().find(|c| c.iso.eq_ignore_ascii_case(iso))?;
        Some(Self {
            country: Some(country),
            emergency: Vec::new(),
        })
    }

    /// The countries there are.
    pub fn countries() -> impl Iterator<Item = &'static str> {
        COUNTRIES.iter().map(|country| country.iso)
    }

    /// The same with more emergency numbers.
    #[must_use]
    pub fn with_emergency(mut self, numbers: impl IntoIterator<Item = String>) -> Self {
        self.emergency.extend(numbers);
        self
    }

    /// The emergency numbers: the one list of them, for those who match calls and those who guard
    /// what is dialled.
    pub fn emergency(&self) -> impl Iterator<Item = &str> {
        let own = self.country.map_or(EMERGENCY, |country| country.emergency);
        let more = self.emergency.iter().map(String::as_str);
        own.iter().copied().chain(more)
    }

    /// Is it an emergency number? A plus before it is what software adds.
    pub fn is_emergency(&self, dialled: &str) -> bool {
        let digits = plain(dialled);
        let digits = digits.trim_start_matches('+');
        !digits.is_empty() && self.emergency().any(|number| number == digits)
    }

    /// One spelling for every spelling of a number; names stay as they are.
    pub fn normalise(&self, written: &str) -> String {
        let general = number::normalise(written);
        let Some(country) = self.country else {
            return general;
        };
        let written = written.trim();
        let Some(digits) = general.strip_prefix('+') else {
            return general;
        };
        if written.starts_with('+') || self.is_emergency(written) {
            return general;
        }
        let dialled = plain(written);
        if let Some(abroad) = dialled.strip_prefix(country.international)
            && !country.international.is_empty()
            && abroad.len() >= SHORTEST_ABROAD
        {
            return format!("+{abroad}");
        }
        let is_national = |digits: &str| country.digits.contains(&digits.len());
        let code = country.code;
        if let Some(national) = dialled.strip_prefix(country.trunk)
            && !country.trunk.is_empty()
            && is_national(national)
        {
            return format!("+{code}{national}");
        }
        // With the country's code and without the plus, which is how most providers write it.
        if dialled.strip_prefix(code).is_some_and(is_national) {
            return format!("+{dialled}");
        }
        if is_national(&dialled) {
            return format!("+{code}{dialled}");
        }
        format!("+{digits}")
    }

    /// What somebody dialled: help first, before anything is rewritten.
    pub fn read(&self, dialled: &str) -> Dialled {
        if self.is_emergency(dialled) {
            return Dialled::Emergency(plain(dialled).trim_start_matches('+').to_owned());
        }
        let normal = self.normalise(dialled);
        // Fewer digits are an extension, whatever the plus before them.
        let is_number = normal.strip_prefix('+').is_some_and(|digits| {
            digits.len() >= SHORTEST && digits.bytes().all(|b| b.is_ascii_digit())
        });
        if is_number {
            Dialled::Number(normal)
        } else {
            Dialled::Other(dialled.trim().to_owned())
        }
    }

    /// How to tell a provider.
    pub fn written(&self, dialled: &str, form: Form) -> String {
        let number = match self.read(dialled) {
            Dialled::Emergency(text) | Dialled::Other(text) => return text,
            Dialled::Number(number) => number,
        };
        let digits = number.trim_start_matches('+');
        match (form, self.country) {
            (Form::AsGiven, _) => dialled.trim().to_owned(),
            (Form::Plus, _) => number,
            (Form::Digits, _) | (Form::National, None) => digits.to_owned(),
            (Form::National, Some(country)) => {
                let national = digits.strip_prefix(country.code);
                let national = national.filter(|n| country.digits.contains(&n.len()));
                let told = national.map(|national| format!("{}{national}", country.trunk));
                // Some would be read as another number, or as one abroad.
                let told = told.filter(|told| self.normalise(told) == number);
                told.unwrap_or_else(|| format!("{}{digits}", country.international))
            }
        }
    }
}

/// Digits, `*` and `#` of what was dialled.
fn plain(dialled: &str) -> String {
    let of_number = |c: &char| c.is_ascii_digit() || matches!(c, '*' | '#' | '+');
    let kept: String = dialled.trim().chars().filter(of_number).collect();
    let other = dialled
        .chars()
        .any(|c| !of_number(&c) && !matches!(c, '-' | '.' | ' ' | '(' | ')'));
    if other { String::new() } else { kept }
}

/// Digits of the shortest number with a country code.
const SHORTEST: usize = 7;

/// After an international prefix.
const SHORTEST_ABROAD: usize = 7;

const fn country(
    iso: &'static str,
    [code, trunk, international]: [&'static str; 3],
    digits: std::ops::RangeInclusive<usize>,
    emergency: &'static [&'static str],
) -> Country {
    Country {
        iso,
        code,
        trunk,
        international,
        digits,
        emergency,
    }
}

const RU: &[&str] = &["101", "102", "103", "104", "112"];
const EU: &[&str] = &["112"];
const NA: &[&str] = &["911"];

/// National prefixes and lengths by the ITU's lists; emergency numbers of each country.
static COUNTRIES: &[Country] = &[
    country(
        "AE",
        ["971", "0", "00"],
        8..=9,
        &["112", "997", "998", "999"],
    ),
    country(
        "AM",
        ["374", "0", "00"],
        8..=8,
        &["101", "102", "103", "112"],
    ),
    country(
        "AT",
        ["43", "0", "00"],
        4..=12,
        &["112", "122", "133", "144"],
    ),
    country("AU", ["61", "0", "0011"], 9..=9, &["000", "112"]),
    country("BE", ["32", "0", "00"], 8..=9, &["112", "100", "101"]),
    country("BR", ["55", "0", "00"], 10..=11, &["190", "192", "193"]),
    country(
        "BY",
        ["375", "8", "810"],
        9..=9,
        &["101", "102", "103", "104", "112"],
    ),
    country("CA", ["1", "1", "011"], 10..=10, NA),
    country(
        "CH",
        ["41", "0", "00"],
        9..=9,
        &["112", "117", "118", "144"],
    ),
    country("CN", ["86", "0", "00"], 10..=11, &["110", "119", "120"]),
    country(
        "CZ",
        ["420", "", "00"],
        9..=9,
        &["112", "150", "155", "158"],
    ),
    country("DE", ["49", "0", "00"], 6..=11, &["110", "112"]),
    country("ES", ["34", "", "00"], 9..=9, EU),
    country("FI", ["358", "0", "00"], 6..=11, EU),
    country("FR", ["33", "0", "00"], 9..=9, &["15", "17", "18", "112"]),
    country("GB", ["44", "0", "00"], 9..=10, &["112", "999"]),
    country("GE", ["995", "0", "00"], 9..=9, EU),
    country(
        "IL",
        ["972", "0", "00"],
        8..=9,
        &["100", "101", "102", "112"],
    ),
    country(
        "IN",
        ["91", "0", "00"],
        10..=10,
        &["100", "101", "108", "112"],
    ),
    country(
        "IT",
        ["39", "", "00"],
        9..=11,
        &["112", "113", "115", "118"],
    ),
    country("JP", ["81", "0", "010"], 9..=10, &["110", "119"]),
    country("KZ", ["7", "8", "810"], 10..=10, RU),
    country("NL", ["31", "0", "00"], 9..=9, EU),
    country("PL", ["48", "", "00"], 9..=9, &["112", "997", "998", "999"]),
    country("RU", ["7", "8", "810"], 10..=10, RU),
    country("SE", ["46", "0", "00"], 7..=9, EU),
    country("TR", ["90", "0", "00"], 10..=10, EU),
    country(
        "UA",
        ["380", "0", "00"],
        9..=9,
        &["101", "102", "103", "104", "112"],
    ),
    country("US", ["1", "1", "011"], 10..=10, NA),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan(iso: &str) -> NumberingPlan {
        NumberingPlan::of(iso).unwrap()
    }

    #[test]
    fn every_way_to_write_a_number_of_the_country_is_one() {
        for (iso, number, ways) in [
            (
                "RU",
                "+74951234567",
                &[
                    "8 (495) 123-45-67",
                    "84951234567",
                    "74951234567",
                    "+7 495 123 45 67",
                    "4951234567",
                    "81074951234567",
                    "0074951234567",
                ][..],
            ),
            (
                "DE",
                "+4930123456",
                &["030 123456", "4930123456", "004930123456"],
            ),
            (
                "US",
                "+15105550100",
                &["(510) 555-0100", "15105550100", "1-510-555-0100"],
            ),
            ("GB", "+442079460000", &["020 7946 0000", "442079460000"]),
        ] {
            for way in ways {
                assert_eq!(plan(iso).normalise(way), number, "{iso} {way}");
            }
        }
    }

    #[test]
    fn other_countries_names_and_extensions_stay_what_they_are() {
        let ru = plan("RU");
        assert_eq!(ru.normalise("+4930123456"), "+4930123456");
        assert_eq!(ru.normalise("8104930123456"), "+4930123456");
        assert_eq!(ru.normalise("support"), "support");
        assert_eq!(ru.normalise("*98"), "*98");
        assert_eq!(ru.read("100"), Dialled::Other("100".to_owned()));
        assert_eq!(ru.read("8800"), Dialled::Other("8800".to_owned()));
        assert_eq!(
            ru.read("88001234567"),
            Dialled::Number("+78001234567".to_owned())
        );
        assert_eq!(NumberingPlan::of("XX"), None);
        assert_eq!(
            NumberingPlan::default().normalise("84951234567"),
            "+84951234567"
        );
    }

    #[test]
    fn help_is_never_rewritten_and_nothing_else_is_help() {
        for (iso, number) in [
            ("RU", "112"),
            ("RU", "103"),
            ("US", "911"),
            ("GB", "999"),
            ("FR", "15"),
        ] {
            for form in [Form::AsGiven, Form::Plus, Form::Digits, Form::National] {
                assert_eq!(
                    plan(iso).read(number),
                    Dialled::Emergency(number.to_owned())
                );
                assert_eq!(plan(iso).written(number, form), number);
            }
        }
        let ru = plan("RU").with_emergency(["105".to_owned()]);
        assert!(ru.is_emergency("105") && ru.is_emergency(" 1-0-5 ") && ru.is_emergency("+112"));
        for other in [
            "1120",
            "0112",
            "+7112",
            "9112",
            "84951234112",
            "",
            "112a",
            "911",
        ] {
            assert!(!ru.is_emergency(other), "{other}");
        }
    }

    #[test]
    fn providers_are_told_in_the_form_they_want() {
        let ru = plan("RU");
        for (given, form, told) in [
            ("8 495 123-45-67", Form::Plus, "+74951234567"),
            ("+74951234567", Form::Digits, "74951234567"),
            ("+74951234567", Form::National, "84951234567"),
            ("+4930123456", Form::National, "8104930123456"),
            ("+74951234567", Form::AsGiven, "+74951234567"),
            ("100", Form::Plus, "100"),
            ("support", Form::National, "support"),
        ] {
            assert_eq!(ru.written(given, form), told, "{given}");
        }
    }

    proptest! {
        #[test]
        fn the_one_spelling_is_its_own(written in "[+0-9 ()*#a-z-]{0,18}", at in 0..COUNTRIES.len()) {
            let plan = NumberingPlan::of(COUNTRIES[at].iso).unwrap();
            let once = plan.normalise(&written);
            prop_assert_eq!(plan.normalise(&once), once);
            // And a provider's form means the same number again.
            for form in [Form::Plus, Form::National] {
                if let Dialled::Number(number) = plan.read(&written) {
                    let told = plan.written(&written, form);
                    prop_assert_eq!(plan.normalise(&told), number, "{}", told);
                }
            }
        }
    }
}
