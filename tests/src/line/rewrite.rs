//! SIP messages whose session descriptions name another port.

/// The port of the first audio section of a message's description.
pub(super) fn audio_port(message: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(message).ok()?;
    let (_, body) = text.split_once("\r\n\r\n")?;
    let line = body
        .lines()
        .find_map(|line| line.strip_prefix("m=audio "))?;
    line.split(' ')
        .next()?
        .parse()
        .ok()
        .filter(|port| *port != 0)
}

/// The same message with that port in the place of the one it names, and its length put right.
pub(super) fn with_audio_port(message: &[u8], port: u16) -> Option<Vec<u8>> {
    let old = audio_port(message)?;
    let text = std::str::from_utf8(message).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let body = body.replacen(&format!("m=audio {old} "), &format!("m=audio {port} "), 1);
    let is_length = |line: &str| {
        let name = line.split(':').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("l")
    };
    let mut out = String::new();
    for line in head.split("\r\n").filter(|line| !is_length(line)) {
        out.push_str(line);
        out.push_str("\r\n");
    }
    out.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    Some(out.into_bytes())
}

/// What names the call of a message.
pub(super) fn call_id(message: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(message).ok()?;
    let (head, _) = text.split_once("\r\n\r\n")?;
    head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let name = name.trim();
        let is_id = name.eq_ignore_ascii_case("call-id") || name.eq_ignore_ascii_case("i");
        is_id.then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_names_the_port_it_is_told_to_and_its_length_fits() {
        let body = "v=0\r\nm=audio 40000 RTP/AVP 0\r\nm=video 40000 RTP/AVP 31\r\n";
        let message = format!(
            "INVITE sip:a@b SIP/2.0\r\nCall-ID: x@y\r\nl: {}\r\n\r\n{body}",
            body.len()
        );
        assert_eq!(audio_port(message.as_bytes()), Some(40_000));
        let changed = with_audio_port(message.as_bytes(), 777).unwrap();
        assert_eq!(audio_port(&changed), Some(777));
        let text = String::from_utf8(changed).unwrap();
        let (head, changed) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("Content-Length: {}", changed.len())));
        assert!(changed.contains("m=video 40000") && !head.contains("l: "));
        assert_eq!(call_id(text.as_bytes()).as_deref(), Some("x@y"));
        assert_eq!(audio_port(b"SIP/2.0 200 OK\r\n\r\n"), None);
    }
}
