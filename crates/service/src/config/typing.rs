//! What is wrong with a value that is YAML and not what is wanted, in the words of who writes it.

use serde_saphyr::{Error, Location};

use super::nearest::nearest;

/// What is wrong, and how to mend it.
pub(super) struct Wrong {
    pub(super) what: String,
    pub(super) remedy: Option<String>,
}

impl Wrong {
    fn new(what: impl Into<String>, remedy: &str) -> Self {
        Self {
            what: what.into(),
            remedy: Some(remedy.to_owned()),
        }
    }
}

/// Where the mistake is, as the one who wrote it sees it: where another section is brought in, not
/// where it stands.
pub(super) fn place(error: &Error) -> Option<Location> {
    let location = match error {
        Error::AliasError { locations, .. } => Some(locations.reference_location),
        plain => plain.location(),
    };
    location.filter(|at| at.line() > 0)
}

/// What stands at the place of a mistake.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found<'a> {
    pub(super) word: &'a str,
    pub(super) is_key: bool,
}

/// Words for an error.
pub(super) fn wrong(error: &Error, found: Found<'_>) -> Wrong {
    if let Error::AliasError {
        error, locations, ..
    } = error
    {
        let inner = wrong(error, found);
        let line = locations.defined_location.line();
        let what = format!("{}, in what was named in line {line}", inner.what);
        return Wrong { what, ..inner };
    }
    let nothing = || {
        Wrong::new(
            "this is not what is wanted here",
            "compare it with the file that `trunkline init` writes",
        )
    };
    value(error, found)
        .or_else(|| shape(error, found))
        .unwrap_or_else(nothing)
}

/// A key or a value that is not what is wanted.
fn value(error: &Error, found: Found<'_>) -> Option<Wrong> {
    Some(match error {
        Error::Unexpected { expected, .. } => unexpected(expected, found),
        Error::InvalidScalar { ty, .. } => scalar(ty, found.word),
        Error::InvalidBooleanStrict { .. } => scalar("boolean", found.word),
        Error::NullIntoString { .. } | Error::Eof { .. } => missing(),
        Error::SerdeUnknownField {
            field, expected, ..
        } => Wrong {
            what: format!("there is no key `{field}` here"),
            remedy: Some(nearest(field, expected)),
        },
        Error::SerdeUnknownVariant {
            variant, expected, ..
        } => Wrong {
            what: format!("`{variant}` is not known here"),
            remedy: Some(nearest(variant, expected)),
        },
        Error::SerdeMissingField { field, .. } => Wrong::new(
            format!("the key `{field}` is missing in this section"),
            &format!("add a line `{field}: \u{2026}` to it"),
        ),
        Error::SerdeInvalidType {
            unexpected,
            expected,
            ..
        }
        | Error::SerdeInvalidValue {
            unexpected,
            expected,
            ..
        } => Wrong {
            what: format!(
                "{} is wanted here, not {}",
                kind(expected),
                kind(unexpected)
            ),
            remedy: None,
        },
        Error::Message { msg, .. } => Wrong {
            what: msg.clone(),
            remedy: None,
        },
        _ => return None,
    })
}

/// What is wrong with the parts of a file together.
fn shape(error: &Error, found: Found<'_>) -> Option<Wrong> {
    Some(match error {
        Error::DuplicateMappingKey { .. } => Wrong::new(
            format!("`{}` is here twice", found.word),
            "keep one of the two, and put what belongs to it together",
        ),
        Error::MultipleDocuments { .. } => Wrong::new(
            "a second document begins here",
            "a file holds one: take the line `---` out, or what follows it",
        ),
        Error::UnknownAnchor { .. } => Wrong::new(
            "this `*name` has no `&name` before it",
            "name the anchor above the place where it is used",
        ),
        Error::MergeValueNotMapOrSeqOfMaps { .. } => Wrong::new(
            "`<<` brings the keys of a section in, and this is none",
            "write `<<: *name`, where `&name` stands before a section",
        ),
        Error::RecursiveReferencesRequireWeakTypes { .. } => Wrong::new(
            "this `*name` stands inside the section it brings in",
            "write the values out",
        ),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::Budget { .. } => Wrong::new(
            "this is too much for a configuration: too long, too deep, or `*name` too often",
            "write the values out, and nothing deeper than eight levels",
        ),
        Error::UnsupportedTag { .. }
        | Error::TaggedStructFieldName { .. }
        | Error::TaggedEnumMismatch { .. }
        | Error::TaggedScalarCannotDeserializeIntoString { .. }
        | Error::InvalidBinaryBase64 { .. }
        | Error::BinaryNotUtf8 { .. } => Wrong::new(
            "no value of this file has a type of its own (`!\u{2026}`)",
            "take it out; a text that begins with ! goes in quotes",
        ),
        _ => return None,
    })
}

fn missing() -> Wrong {
    Wrong::new(
        "a value is missing here",
        "write one, or take the line out to have the default",
    )
}

/// A list, a section and a single value in each other's places.
fn unexpected(expected: &str, found: Found<'_>) -> Wrong {
    let (given, word) = (given(found), found.word);
    if expected.contains("mapping") {
        Wrong::new(
            format!("keys with values are wanted here, not {given}"),
            "write each key on a line of its own, indented below this one; or {key: value}",
        )
    } else if expected.contains("sequence") {
        let list = if word.is_empty() || found.is_key || word.starts_with(['{', '-']) {
            "one, two"
        } else {
            word
        };
        Wrong::new(
            format!("a list is wanted here, not {given}"),
            &format!("write [{list}], or one `- value` a line"),
        )
    } else {
        Wrong::new(
            format!("one value is wanted here, not {given}"),
            "a text that begins with [ or { goes in quotes",
        )
    }
}

fn given(found: Found<'_>) -> String {
    match found.word.chars().next() {
        None => "nothing".to_owned(),
        Some('[' | '-') => "a list".to_owned(),
        Some('{') => "keys with values".to_owned(),
        Some(_) if found.is_key => "keys with values".to_owned(),
        Some(_) => format!("`{}`", found.word),
    }
}

/// A value of another kind. What came from a variable is not known to whoever reads the line.
fn scalar(ty: &str, word: &str) -> Wrong {
    let value = if word.starts_with("${") {
        format!("what {word} stands for")
    } else {
        format!("`{word}`")
    };
    if word.is_empty() || matches!(word, "~" | "null") {
        return missing();
    }
    if ty.contains("bool") {
        Wrong::new(
            format!("{value} is neither yes nor no"),
            "write true or false",
        )
    } else if ty.starts_with('u') {
        Wrong::new(
            format!("{value} is no whole number from 0 up"),
            "write digits only, without a unit",
        )
    } else {
        Wrong::new(
            format!("{value} is no number"),
            "write digits, without a unit; a point before fractions",
        )
    }
}

/// The words of the library for kinds of values.
fn kind(word: &str) -> String {
    let word = word.trim();
    let plain = match word {
        "sequence" | "a sequence" => "a list",
        "map" | "a map" => "keys with values",
        "unit value" | "Option value" => "nothing",
        "a string" | "string" | "a borrowed string" => "a text",
        "a boolean" => "true or false",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => {
            "a whole number"
        }
        "f32" | "f64" => "a number",
        _ if word.starts_with("struct ") => "keys with values",
        _ => {
            let value = word
                .strip_prefix("string ")
                .or_else(|| word.strip_prefix("integer "))
                .or_else(|| word.strip_prefix("floating point "))
                .or_else(|| word.strip_prefix("boolean "));
            return value.unwrap_or(word).replace('"', "`");
        }
    };
    plain.to_owned()
}
