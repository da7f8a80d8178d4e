//! What a dialled text may mean to a trunk that is to be kept from dialling it.
//!
//! A trunk strips what it takes for a code (`*67`, `#31#`, a `9` for a line, `011` to lead abroad)
//! and dials the rest, so that a denied number is looked for behind each of them. One that could be
//! read so is refused though another trunk would read another number: with `+` and the country in
//! front it means one thing everywhere.

use std::collections::BTreeSet;

use crate::spelling::{LOCAL, UNMISTAKABLE, unescaped};

/// Letters, digits and signs of a number, without its scheme.
fn bare(number: &str) -> String {
    let is_ornament = |c: char| !c.is_alphanumeric() && !is_sign(c);
    let text = unescaped(number);
    let text = text.trim();
    let inside = SCHEMES.iter().find_map(|scheme| {
        let (before, rest) = text.split_at_checked(scheme.len())?;
        before.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let text = inside.unwrap_or(text);
    text.chars().filter(|c| !is_ornament(*c)).collect()
}

/// Whether a text hides a number: digits of another script, or letters among the digits of one. No
/// prefix says anything of it. What has few digits behind a letter is somebody's name.
pub(crate) fn is_veiled(number: &str) -> bool {
    let text = bare(number);
    if text.chars().any(|c| !c.is_ascii() && c.is_numeric()) {
        return true;
    }
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let is_name = text.starts_with(char::is_alphabetic);
    let most = if is_name { NAMED } else { KEYED };
    text.contains(char::is_alphabetic) && digits > most
}

/// What else a number may mean to a trunk. Asked only of what is denied, has its hours or costs: a
/// trunk that reads it so dials what costs.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Meaning {
    /// With `+`.
    pub(crate) number: String,
    /// Digits: prefixes that are shorter say too little of it.
    least: usize,
}

impl Meaning {
    pub(crate) fn begins_with(&self, prefix: &str) -> bool {
        let digits = prefix.strip_prefix('+');
        let least = match digits {
            Some(_) => self.least,
            None => self.least.max(UNMISTAKABLE),
        };
        let digits = digits.unwrap_or(prefix);
        let number = self.number.strip_prefix('+').unwrap_or(&self.number);
        digits.len() >= least && number.starts_with(digits)
    }
}

/// Everything the number may mean, behind each sign and code in it.
pub(crate) fn meanings(number: &str) -> BTreeSet<Meaning> {
    let text: String = bare(number).chars().take(LONGEST).collect();
    let mut found = BTreeSet::new();
    whole(&text, &mut found);
    for (at, sign) in text.char_indices().filter(|(_, c)| is_sign(*c)) {
        let (_, behind) = text.split_at(at);
        if sign == '+' {
            whole(behind, &mut found);
            continue;
        }
        let digits = digits(behind);
        for code in CODES {
            if let Some((_, rest)) = digits.split_at_checked(code) {
                behind_codes(rest, 0, &mut found);
            }
        }
    }
    found
}

fn whole(text: &str, found: &mut BTreeSet<Meaning>) {
    let digits = digits(text);
    let abroad = text.starts_with('+');
    if abroad {
        read(digits.trim_start_matches('0'), 0, found);
    }
    // No country's code begins with a zero, nor with two ones: those lead abroad once more.
    if !abroad || digits.starts_with('0') || digits.starts_with("11") {
        behind_codes(&digits, 0, found);
    }
}

/// What digits without `+` may mean behind so many codes.
fn behind_codes(digits: &str, depth: usize, found: &mut BTreeSet<Meaning>) {
    if is_american(digits) {
        read(&format!("1{digits}"), "1".len() + UNMISTAKABLE, found);
        return;
    }
    if digits.len() > LOCAL || is_beyond_america(digits) {
        read(digits, UNMISTAKABLE, found);
    }
    let behind = |code: &&str| {
        digits
            .strip_prefix(*code)
            .filter(|rest| rest.len() >= SHORTEST)
    };
    let is_long = depth == 0 && digits.len() > LOCAL;
    for rest in EXITS.iter().filter_map(behind) {
        read(rest, if is_long { 0 } else { UNMISTAKABLE }, found);
    }
    if depth == DEEPEST {
        return;
    }
    for rest in LEADS.iter().filter_map(behind) {
        behind_codes(rest, depth + 1, found);
    }
    // In front of a country's code these are as often the beginning of another's.
    for line in LINES {
        let rest = digits.strip_prefix(line).unwrap_or_default();
        for rest in EXITS.iter().filter_map(|exit| rest.strip_prefix(exit)) {
            if rest.len() >= SHORTEST {
                read(rest, UNMISTAKABLE, found);
            }
        }
    }
}

fn read(digits: &str, least: usize, found: &mut BTreeSet<Meaning>) {
    let number = format!("+{digits}");
    found.insert(Meaning { number, least });
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

const fn is_sign(c: char) -> bool {
    matches!(c, '*' | '#' | '+')
}

/// Ten digits as North America dials them: neither area nor exchange begins with 0 or 1. Elsewhere
/// such a number is another one, so that only whole area codes are looked for in it.
fn is_american(number: &str) -> bool {
    let exchange = number.as_bytes().get(3);
    is_ten(number) && exchange.is_some_and(|digit| *digit >= b'2') && !is_beyond_america(number)
}

/// Ten digits that begin with three that are kept from being an area code: those of satellites and
/// of no country are among them.
fn is_beyond_america(number: &str) -> bool {
    is_ten(number) && NO_AREA.iter().any(|area| number.starts_with(area))
}

fn is_ten(number: &str) -> bool {
    let first = number.as_bytes().first();
    number.len() == LOCAL && first.is_some_and(|digit| *digit >= b'2')
}

const SCHEMES: [&str; 3] = ["tel:", "sips:", "sip:"];

/// Digits of a name, at the most.
const NAMED: usize = 6;

/// Digits before letters, at the most: more are a number that is partly written by its keys.
const KEYED: usize = 2;

/// Signs of a number that are looked at. Longer than what any trunk dials.
const LONGEST: usize = 64;

/// Digits of a service behind `*` or `#`: none that belong to it, `67`, `671`.
const CODES: [usize; 3] = [0, 2, 3];

/// Digits that lead abroad: most countries', North America's, Australia's, Russia's.
const EXITS: &[&str] = &["00", "011", "0011", "810"];

/// Digits before a number that some take away: for a line, in parts of Asia to lead abroad, the
/// rest of `011`, and `*67` and `*82` on a dial.
const LEADS: &[&str] = &["0", "001", "11", "1167", "1182"];

/// Digits for a line, where one leads abroad behind it.
const LINES: [&str; 2] = ["9", "8"];

/// Codes before a number. More are none that a trunk takes away.
const DEEPEST: usize = 2;

/// Digits of the shortest number that a code leads to.
const SHORTEST: usize = 6;

/// Kept for more toll-free numbers.
const NO_AREA: &[&str] = &[
    "880", "881", "882", "883", "884", "885", "886", "887", "889",
];
