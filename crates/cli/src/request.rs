//! Requests written by people: protobuf JSON in a file, on standard input (`-`), or typed as it is.
//! What does not parse is named with file, line and column; so is a field that does not exist,
//! which the protocol's own reader would drop without a word.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::Path;

use serde::de::DeserializeOwned;
use trunkline_base::class::Class;

use crate::failure::Failure;

/// Larger requests are a mistake.
const LIMIT: u64 = 1 << 20;

/// Reads a request.
///
/// # Errors
/// What cannot be read or does not parse, with its place.
pub(crate) fn read<T: DeserializeOwned>(typed: &str) -> Result<T, Failure> {
    let (name, text) = text(typed)?;
    parse(&name, &text)
}

fn text(typed: &str) -> Result<(String, String), Failure> {
    let mut text = String::new();
    if typed == "-" {
        let taken = io::stdin().lock().take(LIMIT).read_to_string(&mut text);
        taken.map_err(|error| unread("standard input", &error))?;
        return Ok(("standard input".to_owned(), text));
    }
    if !Path::new(typed).exists() && typed.trim_start().starts_with(['{', '[']) {
        return Ok(("the JSON given".to_owned(), typed.to_owned()));
    }
    let file = std::fs::File::open(typed).map_err(|error| unread(typed, &error))?;
    let taken = file.take(LIMIT).read_to_string(&mut text);
    taken.map_err(|error| unread(typed, &error))?;
    Ok((typed.to_owned(), text))
}

fn unread(name: &str, error: &io::Error) -> Failure {
    let class = match error.kind() {
        io::ErrorKind::NotFound => Class::Missing,
        _ => Class::Invalid,
    };
    let text = format!("{name} cannot be read: {error}");
    Failure::new(class, "request.read", text)
        .or_else("give a JSON file, - for standard input, or the JSON itself")
}

/// Reads `text`; `name` is what errors call it.
pub(crate) fn parse<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, Failure> {
    let taken = Cell::new(0);
    let counted = Counted {
        bytes: text.as_bytes(),
        taken: &taken,
    };
    let mut unknown: Option<(String, usize)> = None;
    let mut json = serde_json::Deserializer::from_reader(counted);
    let mut note = |path: serde_ignored::Path<'_>| {
        unknown.get_or_insert_with(|| (path.to_string(), taken.get()));
    };
    let reader = serde_ignored::Deserializer::new(&mut json, &mut note);
    let value: T = serde_path_to_error::deserialize(reader).map_err(|error| {
        let path = error.path().to_string();
        broken(blame(name, text, &path, taken.get(), error.inner()))
    })?;
    json.end()
        .map_err(|error| broken(blame(name, text, ".", 0, &error)))?;
    match unknown {
        None => Ok(value),
        Some((path, end)) => {
            let key = path.rsplit('.').next().unwrap_or_default();
            let (line, column) = place(text, end, key);
            Err(broken(format!(
                "{name}:{line}:{column}: there is no field `{key}` here (at {path})"
            )))
        }
    }
}

fn broken(text: String) -> Failure {
    Failure::new(Class::Invalid, "request.invalid", text)
}

/// An error with its place: of a value, its field; of the text, where reading stopped.
fn blame(name: &str, text: &str, path: &str, end: usize, error: &serde_json::Error) -> String {
    let why = error.to_string();
    let why = why.split(" at line ").next().unwrap_or_default();
    let key = path.rsplit('.').next().unwrap_or_default();
    let key = key.split('[').next().unwrap_or_default();
    if error.is_data() && !key.is_empty() {
        let (line, column) = place(text, end, key);
        return format!("{name}:{line}:{column}: {path}: {why}");
    }
    format!("{name}:{}:{}: {why}", error.line(), error.column())
}

/// Where the key stands that ends just before byte `end`; line and column from one.
fn place(text: &str, end: usize, key: &str) -> (usize, usize) {
    let before = text.get(..end).unwrap_or(text);
    let at = before.rfind(&format!("\"{key}\"")).unwrap_or(end);
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(start..).map_or(0, |rest| rest.chars().count());
    (line, column + 1)
}

/// Text that tells how much of it has been read; the JSON reader takes it byte by byte.
struct Counted<'a> {
    bytes: &'a [u8],
    taken: &'a Cell<usize>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        self.taken.set(self.taken.get() + read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use livekit_protocol as proto;

    use super::*;

    fn said<T: DeserializeOwned>(text: &str) -> String {
        match parse::<T>("file.json", text) {
            Ok(_) => panic!("it parses"),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn both_spellings_of_a_field_are_read() {
        for text in [
            r#"{"trunk": {"authUsername": "u", "numbers": ["+1"]}}"#,
            r#"{"trunk": {"auth_username": "u", "numbers": ["+1"]}}"#,
        ] {
            let request: proto::CreateSipInboundTrunkRequest = parse("file.json", text).unwrap();
            let trunk = request.trunk.unwrap();
            assert_eq!(trunk.auth_username, "u");
            assert_eq!(trunk.numbers, ["+1"]);
        }
    }

    #[test]
    fn a_field_that_does_not_exist_is_named_with_its_place() {
        let text = "{\n  \"trunk\": {\n    \"name\": \"nmae\",\n    \"nmae\": {\"a\": [1]}\n  }\n}";
        let said = said::<proto::CreateSipInboundTrunkRequest>(text);
        assert!(said.starts_with("file.json:4:5: "), "{said}");
        assert!(said.contains("`nmae`"), "{said}");
    }

    #[test]
    fn broken_json_is_named_with_its_place() {
        let said = said::<proto::CreateRoomRequest>("{\n  \"name\": \"a\",\n  \"metadata\" 7\n}");
        assert!(said.starts_with("file.json:3:14: "), "{said}");
        assert!(!said.contains("at line"), "{said}");
    }

    #[test]
    fn a_value_of_another_kind_is_named_with_its_place() {
        let said = said::<proto::CreateRoomRequest>("{\n  \"emptyTimeout\": \"soon\"\n}");
        assert!(said.starts_with("file.json:2:3: emptyTimeout: "), "{said}");
        let said = self::said::<proto::SipOutboundTrunkInfo>("{\"transport\": \"PIGEON\"}");
        assert!(said.contains("PIGEON"), "{said}");
    }

    #[test]
    fn what_follows_the_request_is_refused() {
        let said = said::<proto::CreateRoomRequest>("{} {}");
        assert!(said.contains("trailing"), "{said}");
    }
}
