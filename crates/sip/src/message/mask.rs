//! A message as it may be shown: without what opens a door. Credentials, keys of audio, telephone keys
//! and passwords in addresses are covered; what is left still reads as the message it was, and its body
//! is as long as its Content-Length says.

use super::parse::head_length;

/// Covers what nobody but the two ends may know. Whatever the bytes are, lines that look like such a
/// header or key are covered.
pub fn masked(message: &[u8]) -> Vec<u8> {
    let length = head_length(message).unwrap_or(message.len());
    let (head, body) = message.split_at_checked(length).unwrap_or((message, &[]));
    let mut out = Vec::with_capacity(message.len() + 32);
    let mut content = Content::default();
    let mut secret = false;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii_end();
        let end = line.get(text.len()..).unwrap_or_default();
        // A line of blanks goes on with the header above, too.
        if is_folded(line) {
            if secret && !text.is_empty() {
                out.extend_from_slice(b" [masked]");
            } else {
                extend(&mut out, text);
            }
            content.read(text, true);
        } else {
            let (name, value) = header(text);
            secret = name.is_some_and(is_secret);
            match name.filter(|_| secret) {
                Some(name) => {
                    out.extend_from_slice(name);
                    out.extend_from_slice(b": ");
                    out.extend_from_slice(scheme(value));
                    out.extend_from_slice(b"[masked]");
                }
                None => extend(&mut out, text),
            }
            content.read(text, false);
        }
        out.extend_from_slice(end);
    }
    let start = out.len();
    out.extend_from_slice(body);
    if let Some(body) = out.get_mut(start..) {
        hide_body(body, &content);
    }
    out
}

/// What the head says of the body.
#[derive(Default)]
struct Content {
    /// Keys that somebody pressed: a PIN, an account, a card.
    keys: bool,
    /// Nobody can look into it.
    encoded: bool,
    /// The header above is about the encoding.
    encoding: bool,
}

impl Content {
    fn read(&mut self, line: &[u8], folded: bool) {
        let (name, value) = header(line);
        let is = |wanted: &str| {
            !folded && name.is_some_and(|name| name.eq_ignore_ascii_case(wanted.as_bytes()))
        };
        if starts_with(line, b"INFO ") || is("CSeq") && contains(value, b"INFO") {
            self.keys = true;
        }
        if folded || is("Content-Type") || is("c") {
            self.keys |= KEY_TYPES.iter().any(|kind| contains(line, kind));
        }
        if !folded {
            self.encoding = is("Content-Encoding") || is("e");
        }
        let said = if folded { line } else { value };
        if self.encoding && !said.trim_ascii().eq_ignore_ascii_case(b"identity") {
            self.encoded = true;
        }
    }
}

fn hide_body(body: &mut [u8], content: &Content) {
    if content.encoded {
        return cover(body);
    }
    let mut secret = false;
    for line in body.split_mut(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        if line.is_empty() {
            continue;
        }
        if content.keys {
            hide_keys(line);
        }
        // A message inside a message has headers too.
        if !is_folded(line) {
            secret = header(line).0.is_some_and(is_secret);
        }
        if secret {
            let colon = line.iter().position(|byte| *byte == b':');
            let from = colon.filter(|_| !is_folded(line)).map_or(0, |at| at + 1);
            cover(line.get_mut(from..).unwrap_or_default());
        }
        hide_inside(line);
    }
}

/// `Signal=5`, `digits="4711"`, or nothing but a key.
fn hide_keys(line: &mut [u8]) {
    let named = line.iter().position(|byte| *byte == b'=');
    let (name, value) = line.split_at_mut(named.map_or(0, |at| at + 1));
    cover(value);
    for byte in name {
        if byte.is_ascii_digit() || matches!(*byte, b'*' | b'#') {
            *byte = b'x';
        }
    }
}

/// Appends a line with what is secret inside it covered.
fn extend(out: &mut Vec<u8>, line: &[u8]) {
    let start = out.len();
    out.extend_from_slice(line);
    if let Some(line) = out.get_mut(start..) {
        hide_inside(line);
    }
}

/// Keys of a description, and passwords in addresses.
fn hide_inside(line: &mut [u8]) {
    for whole in [&b"k="[..], b"a=key-mgmt:", b"a=ice-pwd:"] {
        if starts_with(line, whole) {
            cover(line.get_mut(whole.len()..).unwrap_or_default());
        }
    }
    let mut from = 0;
    while let Some(at) = find(line, b"inline:", from) {
        from = at + b"inline:".len();
        let key = line.get_mut(from..).unwrap_or_default();
        let length = key.iter().position(|byte| b"; \t|".contains(byte));
        let length = length.unwrap_or(key.len());
        cover(key.get_mut(..length).unwrap_or_default());
    }
    for scheme in [&b"sip:"[..], b"sips:"] {
        let mut from = 0;
        while let Some(at) = find(line, scheme, from) {
            from = at + scheme.len();
            hide_password(line.get_mut(from..).unwrap_or_default());
        }
    }
}

/// `user:password@host` of an address.
fn hide_password(address: &mut [u8]) {
    let end = address.iter().position(|byte| b"<>\", \t".contains(byte));
    let end = end.unwrap_or(address.len());
    let address = address.get_mut(..end).unwrap_or_default();
    let Some(at) = address.iter().rposition(|byte| *byte == b'@') else {
        return;
    };
    let user = address.get_mut(..at).unwrap_or_default();
    if let Some(colon) = user.iter().position(|byte| *byte == b':') {
        cover(user.get_mut(colon + 1..).unwrap_or_default());
    }
}

/// Another letter for each byte; blanks and line ends stay.
fn cover(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| !byte.is_ascii_whitespace()) {
        *byte = b'x';
    }
}

fn header(line: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        return (None, line);
    };
    let name = line.get(..colon).unwrap_or_default().trim_ascii();
    let value = line.get(colon + 1..).unwrap_or_default();
    (Some(name), value.trim_ascii())
}

/// Headers whose value opens a door: those of logins, and those that somebody named so.
fn is_secret(name: &[u8]) -> bool {
    let challenge = CHALLENGES
        .iter()
        .any(|challenge| name.eq_ignore_ascii_case(challenge));
    let is_pin = name.eq_ignore_ascii_case(b"pin") || ends_with(name, b"-pin");
    let named = SECRET_NAMES.iter().any(|part| contains(name, part));
    !challenge && !name.contains(&b' ') && (named || is_pin)
}

/// `Digest ` and such stay: they say how somebody logged in, and not with what.
fn scheme(value: &[u8]) -> &'static [u8] {
    for known in [&b"Digest "[..], b"Basic ", b"Bearer "] {
        if starts_with(value, known) {
            return known;
        }
    }
    b""
}

fn is_folded(line: &[u8]) -> bool {
    line.first()
        .is_some_and(|byte| matches!(byte, b' ' | b'\t'))
}

fn starts_with(line: &[u8], start: &[u8]) -> bool {
    line.get(..start.len())
        .is_some_and(|begins| begins.eq_ignore_ascii_case(start))
}

fn ends_with(line: &[u8], end: &[u8]) -> bool {
    let from = line.len().checked_sub(end.len());
    from.and_then(|from| line.get(from..))
        .is_some_and(|ends| ends.eq_ignore_ascii_case(end))
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    find(line, part, 0).is_some()
}

fn find(line: &[u8], part: &[u8], from: usize) -> Option<usize> {
    let rest = line.get(from..)?;
    let mut windows = rest.windows(part.len());
    let at = windows.position(|window| window.eq_ignore_ascii_case(part))?;
    Some(from + at)
}

/// What a server asks with, and what it says of itself, are no secrets.
const CHALLENGES: &[&[u8]] = &[b"WWW-Authenticate", b"Proxy-Authenticate"];

const SECRET_NAMES: &[&[u8]] = &[
    b"auth",
    b"token",
    b"secret",
    b"passw",
    b"passcode",
    b"credential",
    b"api-key",
    b"apikey",
    b"pincode",
];

/// Types of bodies that hold telephone keys.
const KEY_TYPES: &[&[u8]] = &[b"dtmf", b"digits", b"kpml"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::{Message, parse};

    fn shown(message: &str) -> String {
        String::from_utf8(masked(message.as_bytes())).unwrap()
    }

    #[test]
    fn logins_are_covered_and_challenges_are_not() {
        let shown = shown(
            "INVITE sip:100@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
             aUTHORIZATION : Digest username=\"alice\",\r\n  \r\n\tresponse=\"deadbeef\",\r\n cnonce=\"c0ffee\"\r\n\
             Proxy-Authorization: Basic YWxpY2U6cHc=\r\nWWW-Authenticate: Digest nonce=\"n1\"\r\n\
             Authentication-Info: rspauth=\"feed\"\r\nX-Api-Key: k3y\r\nX-Access-Token: t0k\r\n\
             X-Pin: 4711\r\nCall-ID: a\r\n\r\n",
        );
        for secret in [
            "alice", "deadbeef", "c0ffee", "YWxp", "feed", "k3y", "t0k", "4711",
        ] {
            assert!(!shown.contains(secret), "{secret}: {shown}");
        }
        assert!(
            shown.contains("aUTHORIZATION: Digest [masked]\r\n"),
            "{shown}"
        );
        assert!(
            shown.contains("nonce=\"n1\"") && shown.contains("Call-ID: a\r\n"),
            "{shown}"
        );
    }

    #[test]
    fn keys_of_audio_are_covered_and_the_body_keeps_its_length() {
        let body = "v=0\r\nk=clear:s3same\r\nm=audio 4 RTP/SAVP 0\r\n\
                    a=crypto:1 AES_CM_128_HMAC_SHA1_80 INLINE:c2VjcmV0|2^20|1:4;inline:b3RoZXI= KDR=1\r\n\
                    a=ice-pwd:1ce\ra=key-mgmt:mikey AQAFgM0X\r\na=rtpmap:0 PCMU/8000\r\n";
        let message = format!(
            "SIP/2.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let shown = shown(&message);
        for secret in ["s3same", "c2Vj", "b3Ro", "1ce", "AQAF"] {
            assert!(!shown.contains(secret), "{secret}: {shown}");
        }
        assert_eq!(shown.len(), message.len());
        assert!(shown.contains("AES_CM_128_HMAC_SHA1_80") && shown.contains("rtpmap:0 PCMU/8000"));
        assert!(parse(shown.as_bytes()).is_ok());
    }

    #[test]
    fn keys_that_were_pressed_are_covered_however_they_came() {
        for (head, body, secret) in [
            (
                "INFO sip:a SIP/2.0\r\nContent-Type: application/dtmf-relay",
                "Signal= 5\r\nDuration= 160",
                "5",
            ),
            ("INFO sip:a SIP/2.0\r\nc: application/dtmf", "7", "7"),
            ("INFO sip:a SIP/2.0\r\nc: application/x", "D", "D"),
            (
                "NOTIFY sip:a SIP/2.0\r\nContent-Type:\r\n application/kpml-response+xml",
                "<k digits=\"4711\"/>",
                "4711",
            ),
            (
                "SIP/2.0 200 OK\r\nContent-Encoding:\r\n gzip",
                "4711",
                "4711",
            ),
            ("SIP/2.0 200 OK\r\ne: deflate", "4711", "4711"),
        ] {
            let shown = shown(&format!("{head}\r\n\r\n{body}"));
            let (_, body) = shown.split_once("\r\n\r\n").unwrap();
            assert!(!body.contains(secret), "{shown}");
        }
    }

    #[test]
    fn passwords_in_addresses_and_in_messages_inside_messages_are_covered() {
        let shown = shown(
            "INVITE sips:bob:w0nder@h;x=1 SIP/2.0\r\nFrom: <sip:a:p%40ss@h:5060>;tag=1, <sip:b@h:5061>\r\n\
             Contact: <sip:c@h:5062>\r\n\r\nINVITE sip:x SIP/2.0\r\nAuthorization: Digest response=\"dead\"\r\n more=\"beef\"\r\n",
        );
        for secret in ["w0nder", "p%40ss", "dead", "beef"] {
            assert!(!shown.contains(secret), "{secret}: {shown}");
        }
        for kept in ["h;x=1", "@h:5060", "b@h:5061", "c@h:5062"] {
            assert!(shown.contains(kept), "{kept}: {shown}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_covering_twice_changes_nothing(bytes: Vec<u8>) {
            let once = masked(&bytes);
            prop_assert_eq!(masked(&once), once);
        }

        #[test]
        fn a_login_is_covered_wherever_it_stands(before in "[A-Za-z: \r\n\t]{0,40}", after in "[ -~\r\n]{0,40}") {
            let message = format!("{before}\nAuthorization: Digest response=\"5e4f\"\r\n{after}");
            let shown = masked(message.as_bytes());
            prop_assert!(!String::from_utf8_lossy(&shown).contains("5e4f"));
        }

        #[test]
        fn what_could_be_read_can_still_be_read(user in "[a-z]{1,8}", key in "[A-Za-z0-9+/]{40}") {
            let sdp = format!("v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n");
            let message = format!(
                "INVITE sip:{user}@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:{user}:{key}@h>;tag=1\r\n\
                 To: <sip:b@h>\r\nCall-ID: {user}\r\nCSeq: 1 INVITE\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
            let shown = masked(message.as_bytes());
            prop_assert!(!String::from_utf8_lossy(&shown).contains(&key));
            let Ok(Message::Request(request)) = parse(&shown) else { panic!("unreadable") };
            prop_assert_eq!(request.body.len(), sdp.len());
            prop_assert_eq!(request.headers.call_id().ok().map(str::to_owned), Some(user));
        }
    }
}
