//! Text to descriptions: lenient in order and spacing, strict in size.

use super::{Attribute, Media, Session};

/// Why a body is not a session description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Not text.
    #[error("session description is not utf-8")]
    NotText,
    /// More lines or sections than any phone sends.
    #[error("session description is too large")]
    TooLarge,
    /// It does not begin with `v=0`.
    #[error("session description does not begin with v=0")]
    Version,
    /// A line is not `letter=value`.
    #[error("line {0} of the session description is malformed")]
    Line(usize),
}

pub(super) fn parse(data: &[u8]) -> Result<Session, SdpError> {
    let text = std::str::from_utf8(data).map_err(|_| SdpError::NotText)?;
    let mut session = Session {
        origin: String::new(),
        name: "-".to_owned(),
        connection: None,
        time: "0 0".to_owned(),
        attributes: Vec::new(),
        media: Vec::new(),
    };
    let mut versioned = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() {
            continue;
        }
        if number >= MAX_LINES {
            return Err(SdpError::TooLarge);
        }
        let (letter, value) = line.split_once('=').ok_or(SdpError::Line(number + 1))?;
        if !versioned {
            versioned = letter == "v" && value == "0";
            if !versioned {
                return Err(SdpError::Version);
            }
            continue;
        }
        if letter.len() != 1 {
            return Err(SdpError::Line(number + 1));
        }
        if letter == "m" && session.media.len() == MAX_MEDIA {
            return Err(SdpError::TooLarge);
        }
        take(&mut session, letter, value).ok_or(SdpError::Line(number + 1))?;
    }
    if versioned {
        Ok(session)
    } else {
        Err(SdpError::Version)
    }
}

fn take(session: &mut Session, letter: &str, value: &str) -> Option<()> {
    match (letter, session.media.last_mut()) {
        ("m", _) => session.media.push(parse_media(value)?),
        ("a", Some(media)) => media.attributes.push(parse_attribute(value)),
        ("c", Some(media)) => media.connection = Some(value.to_owned()),
        ("a", None) => session.attributes.push(parse_attribute(value)),
        ("c", None) => session.connection = Some(value.to_owned()),
        ("o", None) => value.clone_into(&mut session.origin),
        ("s", None) => value.clone_into(&mut session.name),
        ("t", None) => value.clone_into(&mut session.time),
        _ => {}
    }
    Some(())
}

fn parse_media(value: &str) -> Option<Media> {
    let mut words = value.split_whitespace();
    let kind = words.next()?.to_owned();
    let port = words.next()?.split('/').next()?.parse().ok()?;
    let protocol = words.next()?.to_owned();
    let formats: Vec<String> = words.map(str::to_owned).collect();
    (!formats.is_empty()).then_some(Media {
        kind,
        port,
        protocol,
        formats,
        connection: None,
        attributes: Vec::new(),
    })
}

fn parse_attribute(value: &str) -> Attribute {
    match value.split_once(':') {
        Some((name, value)) => Attribute::new(name.trim(), value.trim()),
        None => Attribute::flag(value.trim()),
    }
}

/// Far above the largest description of a video phone.
const MAX_LINES: usize = 1000;

/// Sections in one description.
const MAX_MEDIA: usize = 32;
