//! Bytes to descriptions, as forgiving as RFC 4566 asks readers to be: what cannot be understood is
//! passed over, a section that cannot be used keeps its place so that it can be refused there, and
//! only what says nothing at all is an error. Sizes are bounded.

use super::session::{Attribute, Media, Session, host};

/// Why a body is not a session description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// More lines or sections than any phone sends.
    #[error("session description is too large")]
    TooLarge,
    /// A version that is not ours to read.
    #[error("session description is not of version 0")]
    Version,
    /// Neither a version nor a section: something else.
    #[error("body is no session description")]
    Nothing,
}

impl Session {
    /// Reads a description.
    ///
    /// # Errors
    /// [`SdpError`]; no input panics.
    pub fn parse(data: &[u8]) -> Result<Self, SdpError> {
        let text = decode(data);
        let mut session = Session {
            origin: String::new(),
            name: "-".to_owned(),
            connection: None,
            time: "0 0".to_owned(),
            attributes: Vec::new(),
            media: Vec::new(),
        };
        let mut versioned = false;
        let lines = text.split(['\n', '\r', '\0']).map(str::trim);
        for (number, line) in lines.filter(|line| !line.is_empty()).enumerate() {
            if number >= MAX_LINES {
                return Err(SdpError::TooLarge);
            }
            let Some((letter, value)) = split(line) else {
                continue;
            };
            match letter {
                // A second description behind the first is none of ours.
                'v' if versioned => break,
                'v' if other_version(value) => return Err(SdpError::Version),
                'v' => versioned = true,
                'm' if session.media.len() == MAX_MEDIA => return Err(SdpError::TooLarge),
                _ => take(&mut session, letter, value),
            }
        }
        if versioned || !session.media.is_empty() {
            Ok(session)
        } else {
            Err(SdpError::Nothing)
        }
    }
}

/// UTF-8 where it is, else Latin-1, in which every byte is a character. Names and subjects are all
/// that ever needs it.
fn decode(data: &[u8]) -> String {
    let data = data.strip_prefix(BYTE_ORDER_MARK).unwrap_or(data);
    match std::str::from_utf8(data) {
        Ok(text) => text.to_owned(),
        Err(_) => data.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// A number that is not zero; what is no number says nothing.
fn other_version(value: &str) -> bool {
    value.parse::<u32>().is_ok_and(|version| version != 0)
}

/// `letter=value`, whatever spaces stand around.
fn split(line: &str) -> Option<(char, &str)> {
    let (letter, value) = line.split_once('=')?;
    let mut letters = letter.trim().chars();
    let letter = letters.next()?.to_ascii_lowercase();
    letters.next().is_none().then(|| (letter, value.trim()))
}

fn take(session: &mut Session, letter: char, value: &str) {
    match (letter, session.media.last_mut()) {
        ('m', _) => session.media.push(parse_media(value)),
        ('a', Some(media)) => media.attributes.extend(parse_attribute(value)),
        ('c', Some(media)) => keep_usable(&mut media.connection, value),
        ('a', None) => session.attributes.extend(parse_attribute(value)),
        ('c', None) => keep_usable(&mut session.connection, value),
        ('o', None) => value.clone_into(&mut session.origin),
        ('s', None) => value.clone_into(&mut session.name),
        ('t', None) => value.clone_into(&mut session.time),
        _ => {}
    }
}

/// Of several `c=` lines the first that holds an address counts.
fn keep_usable(kept: &mut Option<String>, value: &str) {
    if kept.as_deref().and_then(host).is_none() {
        *kept = Some(value.to_owned());
    }
}

/// A section, however little of it can be read: its place in the answer is what counts. One without
/// a port that exists is a refused one.
fn parse_media(value: &str) -> Media {
    let mut words = value.split_whitespace();
    let kind = words.next().unwrap_or("application");
    let port = words
        .next()
        .and_then(|port| port.split('/').next()?.parse().ok())
        .unwrap_or(0);
    let protocol = words.next().unwrap_or("RTP/AVP");
    let mut formats: Vec<String> = words.map(token).take(MAX_FORMATS).collect();
    if formats.is_empty() {
        // The grammar wants one.
        formats.push("0".to_owned());
    }
    Media {
        kind: token(kind).to_ascii_lowercase(),
        port,
        protocol: protocol
            .split('/')
            .map(token)
            .collect::<Vec<String>>()
            .join("/"),
        formats,
        connection: None,
        attributes: Vec::new(),
    }
}

/// A word as the grammar allows it, since it is written back in the answer.
fn token(word: &str) -> String {
    let kept: String = word.chars().filter(char::is_ascii_graphic).collect();
    if kept.is_empty() {
        "-".to_owned()
    } else {
        kept
    }
}

fn parse_attribute(value: &str) -> Option<Attribute> {
    let (name, value) = match value.split_once(':') {
        Some((name, value)) => (name.trim(), Some(value.trim().to_owned())),
        None => (value, None),
    };
    (!name.is_empty()).then(|| Attribute {
        name: name.to_ascii_lowercase(),
        value,
    })
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Far above the largest description of a video phone.
const MAX_LINES: usize = 1000;

/// Formats of one section: twice as many as there are payload types.
const MAX_FORMATS: usize = 256;

/// Sections in one description.
const MAX_MEDIA: usize = 32;
