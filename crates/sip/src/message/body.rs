//! The session description of a message, wherever in its body it stands (RFC 2045, 2046, 5621).

use bytes::Bytes;

use super::parse::{head_length, head_lines, header_lines};
use super::{Headers, name};
use crate::quoted::split_outside_quotes;
use crate::uri::Params;

/// Why a body holds no description for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is of another type, or none of its parts is a description.
    #[error("body is not a session description")]
    Type,
    /// It is compressed or such.
    #[error("body is encoded")]
    Encoding,
}

/// The session description in a body; empty when there is no body. In a multipart body it is the
/// first part of that type, at any depth.
///
/// # Errors
/// [`BodyError`] for a body that holds none.
pub fn sdp_of(headers: &Headers, body: &Bytes) -> Result<Bytes, BodyError> {
    if body.is_empty() {
        return Ok(Bytes::new());
    }
    if !is_plain(headers, "Content-Encoding") {
        return Err(BodyError::Encoding);
    }
    match headers.content_type().as_deref() {
        Some("application/sdp") => Ok(body.clone()),
        // Nobody said what it is, and it says so itself.
        None | Some("") if body.starts_with(b"v=") => Ok(body.clone()),
        Some(kind) if kind.starts_with("multipart/") => {
            let mut budget = MAX_PARTS;
            part(headers, body, 1, &mut budget).ok_or(BodyError::Type)
        }
        _ => Err(BodyError::Type),
    }
}

fn part(headers: &Headers, body: &Bytes, depth: usize, budget: &mut usize) -> Option<Bytes> {
    let value = headers.get(name::CONTENT_TYPE)?;
    let (_, params) = value.split_once(';')?;
    let params = Params::parse(params);
    let boundary = params.get("boundary")?.trim_matches('"');
    if boundary.is_empty() || depth > MAX_DEPTH {
        return None;
    }
    for piece in pieces(body, boundary) {
        *budget = budget.checked_sub(1)?;
        // A part without headers begins with its empty line.
        let head = head_length(piece).unwrap_or(0);
        let (headers, _) = header_lines(head_lines(piece.get(..head).unwrap_or_default()));
        let content = body.slice_ref(piece.get(head..).unwrap_or_default());
        let kind = headers.content_type().unwrap_or_default();
        let readable = is_plain(&headers, "Content-Encoding")
            && is_plain(&headers, "Content-Transfer-Encoding");
        if kind == "application/sdp" && readable && !content.is_empty() {
            return Some(content);
        }
        if kind.starts_with("multipart/")
            && let Some(found) = part(&headers, &content, depth + 1, budget)
        {
            return Some(found);
        }
    }
    None
}

/// What stands between the boundary lines. A part goes to the end where the last boundary is
/// missing; the line break before a boundary is the boundary's.
fn pieces<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let mut found = Vec::new();
    let mut begin: Option<usize> = None;
    let mut at = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let bare = line.trim_ascii_end();
        let after = bare
            .strip_prefix(b"--")
            .and_then(|rest| rest.strip_prefix(boundary.as_bytes()));
        if let Some(after) = after.filter(|after| after.is_empty() || *after == b"--") {
            if let Some(begin) = begin {
                found.push(without_break(body.get(begin..at).unwrap_or_default()));
            }
            begin = after.is_empty().then_some(at + line.len());
        }
        at += line.len();
    }
    if let Some(begin) = begin {
        found.push(body.get(begin..).unwrap_or_default());
    }
    found
}

fn without_break(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

/// Is the body as it stands? `identity`, `7bit`, `8bit` and `binary` all say so.
fn is_plain(headers: &Headers, header: &str) -> bool {
    let plain = ["", "identity", "7bit", "8bit", "binary"];
    headers
        .lines(header)
        .flat_map(|line| split_outside_quotes(line, ','))
        .all(|value| plain.iter().any(|p| value.trim().eq_ignore_ascii_case(p)))
}

/// Multiparts in multiparts; carriers nest two.
const MAX_DEPTH: usize = 4;

/// Parts looked at in one body, over all depths.
const MAX_PARTS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\ns=-\r\n";

    #[expect(clippy::unwrap_in_result, reason = "what a test finds is text")]
    fn found(content_type: &str, body: &str) -> Result<String, BodyError> {
        let mut headers = Headers::new();
        if !content_type.is_empty() {
            headers.push(name::CONTENT_TYPE, content_type);
        }
        let found = sdp_of(&headers, &Bytes::copy_from_slice(body.as_bytes()))?;
        Ok(String::from_utf8(found.to_vec()).unwrap())
    }

    #[test]
    fn a_description_is_found_in_any_wrapping() {
        let part = format!("Content-Type: application/sdp\r\n\r\n{SDP}");
        let isup = "Content-Type: application/isup;version=x\r\nContent-Disposition: signal;handling=optional\r\n\r\n\u{1}\u{2}";
        let inner = format!("--in\r\n{part}\r\n--in--\r\n");
        for (content_type, body) in [
            ("application/sdp", SDP.to_owned()),
            ("Application/SDP ; charset=utf-8", SDP.to_owned()),
            ("", SDP.to_owned()),
            (
                "multipart/mixed;boundary=b",
                format!("--b\r\n{part}\r\n--b\r\n{isup}\r\n--b--\r\n"),
            ),
            (
                "multipart/mixed; boundary=\"b;1\"",
                format!("preamble\r\n--b;1\r\n{isup}\r\n--b;1  \r\n{part}\r\n--b;1--\r\nepilogue"),
            ),
            (
                "MULTIPART/Related;type=x;boundary=out",
                format!(
                    "--out\r\nContent-Type: multipart/alternative;boundary=in\r\n\r\n{inner}\r\n--out--"
                ),
            ),
            (
                "multipart/mixed;boundary=b",
                format!("--b\r\n{part}\r\n--b"),
            ),
            (
                "multipart/mixed;boundary=b",
                format!(
                    "--b\nc: application/sdp\nContent-Transfer-Encoding: 8bit\n\n{SDP}\n--b--\n"
                ),
            ),
        ] {
            let text = found(content_type, &body).unwrap();
            assert_eq!(text.trim_end(), SDP.trim_end(), "{content_type}\n{body}");
        }
        assert_eq!(found("application/sdp", "").unwrap(), "");
    }

    #[test]
    fn what_holds_no_description_says_so() {
        for (content_type, body) in [
            ("application/pidf+xml", "<x/>"),
            ("", "hello"),
            ("multipart/mixed", "--b\r\n\r\nx\r\n--b--\r\n"),
            ("multipart/mixed;boundary=b", "--c\r\n\r\nx\r\n--c--\r\n"),
            (
                "multipart/mixed;boundary=b",
                "--b\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\ndj0w\r\n--b--",
            ),
        ] {
            assert_eq!(found(content_type, body), Err(BodyError::Type), "{body}");
        }
        let mut headers = Headers::new();
        headers.push(name::CONTENT_TYPE, "application/sdp");
        headers.push("Content-Encoding", "gzip");
        let encoded = sdp_of(&headers, &Bytes::from_static(b"v=0"));
        assert_eq!(encoded, Err(BodyError::Encoding));
    }

    #[test]
    fn a_body_of_boundaries_costs_little() {
        let wrapped = "--b\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n".repeat(1000);
        let found = found("multipart/mixed;boundary=b", &wrapped);
        assert_eq!(found, Err(BodyError::Type));
    }
}
