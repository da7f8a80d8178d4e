//! Lists whose items may stand in quotes.

/// Splits at `at` wherever it stands outside quotes.
pub(crate) fn split_outside_quotes(text: &str, at: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c: char| {
        if escaped {
            escaped = false;
        } else if c == '\\' && quoted {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        } else if c == at && !quoted {
            return true;
        }
        false
    })
}

/// Splits a header's value at commas outside quotes and angle brackets.
pub(crate) fn split_values(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped, mut angle) = (false, false, false);
    let pieces = text.split(move |c: char| {
        if escaped {
            escaped = false;
            return false;
        }
        match c {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => angle = true,
            '>' if !quoted => angle = false,
            ',' if !quoted && !angle => return true,
            _ => {}
        }
        false
    });
    pieces.map(str::trim).filter(|piece| !piece.is_empty())
}
