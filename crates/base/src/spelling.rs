//! How numbers are written.

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
pub(crate) fn unescaped(number: &str) -> String {
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

/// How often `%XX` is undone.
const UNESCAPED: usize = 3;

/// Digits of a prefix that no local number has by accident.
pub(crate) const UNMISTAKABLE: usize = 3;

/// Longer than any number that is dialled without its country.
pub(crate) const LOCAL: usize = 10;
