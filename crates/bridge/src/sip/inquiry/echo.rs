//! What became of our headers: an answer repeats Via, From, To, Call-ID and CSeq as they were sent
//! (RFC 3261 8.2.6.2). Where it does not, somebody between has changed them.

use trunkline_sip::message::{Headers, Via, name};

/// Every header that differs, in words.
pub(super) fn changes(sent: &Headers, got: &Headers) -> Vec<String> {
    let mut changed = Vec::new();
    if let (Ok(ours), Ok(theirs)) = (sent.via(), got.via()) {
        let (ours, theirs) = (sent_by(&ours), sent_by(&theirs));
        if ours != theirs {
            changed.push(format!("Via {ours} became {theirs}"));
        }
    }
    let count = got.values(name::VIA).count();
    if count != 1 {
        changed.push(format!("one Via became {count}"));
    }
    let mut compare = |name: &str, ours: Option<String>, theirs: Option<String>| {
        if ours != theirs {
            let text = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
            changed.push(format!("{name} {} became {}", text(ours), text(theirs)));
        }
    };
    let call_id = |headers: &Headers| headers.get(name::CALL_ID).map(str::to_owned);
    compare(name::CALL_ID, call_id(sent), call_id(got));
    // To gets a tag of theirs.
    let from = |headers: &Headers| headers.from().ok().map(|from| from.uri.to_string());
    compare(name::FROM, from(sent), from(got));
    let to = |headers: &Headers| headers.to().ok().map(|to| to.uri.to_string());
    compare(name::TO, to(sent), to(got));
    changed
}

/// Who sent it, as Via says.
fn sent_by(via: &Via) -> String {
    let port = via.port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("{} {}{port}", via.transport, via.host.to_ascii_lowercase())
}

/// What Content-Length says and what there is, where they differ.
pub(super) fn odd_length(headers: &Headers, raw: &[u8]) -> Option<(usize, usize)> {
    let said = headers.get(name::CONTENT_LENGTH)?.trim().parse().ok()?;
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n")?;
    let found = raw.len() - end - 4;
    (said != found).then_some((said, found))
}
