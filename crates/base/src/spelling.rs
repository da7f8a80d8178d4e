//! How numbers are written, and what else they may mean to a trunk.

/// The number without what people write for the eye, `%XX` undone, and `00`, `+00` and `++` as `+`.
/// Names stay as they are.
pub(crate) fn plain(number: &str) -> String {
    let is_ornament = |c: char| !c.is_alphanumeric() && !matches!(c, '*' | '#' | '+');
    let bare = unescaped(number);
    let bare: String = bare.chars().filter(|c| !is_ornament(*c)).collect();
    let abroad = bare.strip_prefix('+').or_else(|| bare.strip_prefix("00"));
    // No country's code begins with a zero.
    let rest = abroad.map(|rest| rest.trim_start_matches(['+', '0']));
    match rest {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("+{}", rest.replace('+', ""))
        }
        _ => bare,
    }
}

/// `%XX` undone, more than once: what we escape anew somebody may undo twice.
fn unescaped(number: &str) -> String {
    (0..UNESCAPED).fold(number.to_owned(), |text, _| unescaped_once(&text))
}

fn unescaped_once(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let pair = after.split_at_checked(2);
        match pair.and_then(|(pair, tail)| Some((escaped(pair)?, tail))) {
            Some((c, tail)) => {
                out.push(c);
                rest = tail;
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn escaped(pair: &str) -> Option<char> {
    let is_pair = pair.bytes().all(|b| b.is_ascii_hexdigit());
    let byte = u8::from_str_radix(pair, 16).ok().filter(|_| is_pair)?;
    byte.is_ascii().then(|| char::from(byte))
}

/// A plain prefix with `+` also fits the same number written without one, as trunks are dialled.
pub(crate) fn is_prefix(prefix: &str, number: &str) -> bool {
    if number.starts_with(prefix) {
        return true;
    }
    prefix.strip_prefix('+').is_some_and(|digits| {
        digits.len() >= UNMISTAKABLE && number.len() > LOCAL && number.starts_with(digits)
    })
}

/// The same for prices, of which one has to be found: whole numbers are longer than any that is
/// dialled without its country, whichever that is.
pub(crate) fn is_priced_by(prefix: &str, number: &str) -> bool {
    let is_whole = number.len() > LOCAL;
    let bare = prefix.strip_prefix('+').filter(|digits| !digits.is_empty());
    is_prefix(prefix, number) || bare.is_some_and(|digits| is_whole && number.starts_with(digits))
}

/// What else a number may mean to a trunk. Asked only of what is denied: a trunk that reads it so
/// dials what costs.
pub(crate) struct Reading {
    pub(crate) number: String,
    /// Prefixes that are shorter say too little of it.
    least: usize,
}

impl Reading {
    pub(crate) fn begins_with(&self, prefix: &str) -> bool {
        prefix.len() >= self.least && self.number.starts_with(prefix)
    }
}

pub(crate) fn readings(number: &str) -> Vec<Reading> {
    let abroad = EXITS.iter().filter_map(|exit| {
        let rest = number.strip_prefix(exit).filter(|_| number.len() > LOCAL)?;
        Some(Reading {
            number: format!("+{rest}"),
            least: 0,
        })
    });
    let at_home = is_american(number).then(|| Reading {
        number: format!("+1{number}"),
        least: "+1".len() + UNMISTAKABLE,
    });
    abroad.chain(at_home).collect()
}

/// Ten digits as North America dials them: neither area nor exchange begins with 0 or 1. Elsewhere
/// such a number is another one, so that only whole area codes are looked for in it.
fn is_american(number: &str) -> bool {
    let digits = number.as_bytes();
    let begins = |at: usize| digits.get(at).is_some_and(|digit| *digit >= b'2');
    digits.len() == LOCAL && digits.iter().all(u8::is_ascii_digit) && begins(0) && begins(3)
}

/// How often `%XX` is undone.
const UNESCAPED: usize = 3;

/// Digits that lead abroad besides `00`: North America's, the same or Australia's behind what was
/// read as `+`, and Russia's.
const EXITS: &[&str] = &["011", "+11", "810"];

/// Digits of a prefix that no local number has by accident.
const UNMISTAKABLE: usize = 3;

/// Longer than any number that is dialled without its country.
const LOCAL: usize = 10;
