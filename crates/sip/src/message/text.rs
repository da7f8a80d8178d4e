//! Bytes of a header line as text, and back.
//!
//! SIP is UTF-8, and much equipment writes Latin-1 all the same. A line that is not UTF-8 is read
//! as Latin-1, where every byte is a character, and remembers it: it is printed back byte by byte.

/// The text of a line, and whether it was Latin-1.
pub(super) fn decode(bytes: &[u8]) -> (String, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (bytes.iter().copied().map(char::from).collect(), true),
    }
}

/// Appends text as it came. A character beyond Latin-1 in such a line is one that was put in since.
pub(super) fn encode(text: &str, latin1: bool, out: &mut Vec<u8>) {
    if !latin1 {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for c in text.chars() {
        match u8::try_from(u32::from(c)) {
            Ok(byte) => out.push(byte),
            Err(_) => out.push(b'?'),
        }
    }
}

/// What may stand around a value.
pub(super) const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r')
}

/// RFC 3261 `token`.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b))
}
