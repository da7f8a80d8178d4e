//! What is wrong with a text that is no YAML, in the words of who writes it.

use granit_parser::ErrorKind;

/// What is wrong, from which byte on, and how to mend it.
pub(super) struct Wrong {
    pub(super) at: usize,
    pub(super) what: String,
    pub(super) remedy: String,
}

const SPACES: &str = "indent with spaces, two for each level";
const QUOTES: &str = "put the whole value in quotes";
const LEVEL: &str = "indent it just as far as the keys it belongs to, with spaces";
const COMMAS: &str = "put commas between the values, and close each bracket that was opened";
const BLOCK: &str =
    "nothing stands behind `|` or `>` on its line, and the text below it is indented evenly";
const ESCAPES: &str = r#"double the backslash (\\), or put the value in 'single quotes'"#;
const CLOSE_QUOTE: &str =
    r#"close it on the same line; inside, write \" in double quotes and '' in single ones"#;

/// Words for what the parser stumbled over at a byte of the text.
pub(super) fn wrong(kind: &ErrorKind, text: &str, at: usize) -> Wrong {
    let (at, what, remedy) = match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => (
            tab(text, at),
            "a tab stands where only spaces may".to_owned(),
            SPACES,
        ),
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::DocumentIndicatorInQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent => (
            quote(text, at),
            "this quote is not closed".to_owned(),
            CLOSE_QUOTE,
        ),
        ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar => (
            at,
            "something follows the closing quote".to_owned(),
            CLOSE_QUOTE,
        ),
        ErrorKind::UnclosedFlowCollection { open } => (
            bracket(text, at, *open),
            format!("this `{open}` is not closed"),
            COMMAS,
        ),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            (at, format!("this `{open}` is closed by `{close}`"), COMMAS)
        }
        ErrorKind::MisplacedFlowCollectionEnd => {
            (at, format!("{} closes nothing", sign(text, at)), COMMAS)
        }
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => {
            let code = u32::from(*character);
            let what = format!("the character U+{code:04X} may not stand in a file like this");
            (at, what, "take it out; save the file as UTF-8")
        }
        ErrorKind::UnexpectedCharacter { character } => (
            at,
            format!("a value does not begin with `{character}`"),
            QUOTES,
        ),
        ErrorKind::ExpectedBlockMappingKey if !begins_line(text, at) => (
            at,
            "something follows the end of the value".to_owned(),
            QUOTES,
        ),
        ErrorKind::MappingValueNotAllowed => return value_after_value(text, at),
        _ => {
            let (what, remedy) = plainly(kind);
            (at, what.to_owned(), remedy)
        }
    };
    Wrong {
        at,
        what,
        remedy: remedy.to_owned(),
    }
}

/// What is wrong, and how to mend it.
type Words = (&'static str, &'static str);

fn plainly(kind: &ErrorKind) -> Words {
    let nothing = (
        "the text makes no sense from here on",
        "compare it with the file that `trunkline init` writes",
    );
    lines(kind)
        .or_else(|| values(kind))
        .or_else(|| file(kind))
        .unwrap_or(nothing)
}

/// How lines stand to each other.
fn lines(kind: &ErrorKind) -> Option<Words> {
    use ErrorKind as Kind;
    Some(match kind {
        Kind::ExpectedBlockMappingKey
        | Kind::InvalidIndentation
        | Kind::InvalidFlowScalarIndent
        | Kind::MappingKeyNotAllowed => ("this line fits to no line above it", LEVEL),
        Kind::ExpectedBlockSequenceEntry => (
            "a list goes on here with something that is no `- value`",
            "begin each value of a list with `- `, all of them indented alike",
        ),
        Kind::BlockSequenceEntryNotAllowed
        | Kind::BlockEntryInFlowCollection
        | Kind::InvalidBlockEntryWhitespace
        | Kind::PlainScalarStartsWithDashFlowIndicator => (
            "no list may begin here",
            "begin it on the line below its key, one `- value` a line; or write [a, b]",
        ),
        Kind::SimpleKeyExpected | Kind::InvalidSimpleKey | Kind::UnexpectedEndOfPlainScalar => (
            "this is no `key: value`",
            "write a key, a colon, a space and a value",
        ),
        Kind::InvalidColonPlacement
        | Kind::InvalidMappingValueWhitespace
        | Kind::FlowMappingValueAdjacentCollection => (
            "this colon stands where none may",
            "write a space behind the colon of a key, and put a value with colons in quotes",
        ),
        Kind::InvalidBlockScalarHeader
        | Kind::InvalidBlockScalarIndent
        | Kind::ZeroBlockScalarIndent => ("the lines of this text do not stand evenly", BLOCK),
        Kind::CommentNotSeparated | Kind::CommentInterceptedScalar => (
            "this `#` begins a comment where none may",
            "write a space before it, or put the value in quotes if it is part of it",
        ),
        _ => return None,
    })
}

/// Values, and the signs that mean something in them.
fn values(kind: &ErrorKind) -> Option<Words> {
    use ErrorKind as Kind;
    Some(match kind {
        Kind::ExpectedFlowMappingSeparator
        | Kind::ExpectedFlowSequenceSeparator
        | Kind::UnexpectedEofFlowSequence
        | Kind::UnexpectedEofFlowMapping
        | Kind::UnexpectedEofImplicitFlowMapping => (
            "a comma or a closing bracket is missing before this",
            COMMAS,
        ),
        Kind::UnknownAnchor => (
            "this `*name` has no `&name` before it",
            "name the anchor above its use; a text that begins with * goes in quotes",
        ),
        Kind::MissingAnchorOrAliasName => (
            "a name is missing behind `*` or `&`",
            "a text that begins with * or & goes in quotes",
        ),
        Kind::UnknownQuotedScalarEscape
        | Kind::InvalidQuotedScalarHexEscape
        | Kind::InvalidLowSurrogateHexEscape
        | Kind::InvalidLowSurrogate
        | Kind::MissingLowSurrogate
        | Kind::UnpairedLowSurrogate
        | Kind::InvalidUnicodeEscape => (
            "a backslash in double quotes means something else here",
            ESCAPES,
        ),
        Kind::ExpectedTagBang
        | Kind::InvalidGlobalTagCharacter
        | Kind::InvalidTagTerminator
        | Kind::MissingTagUri
        | Kind::UnclosedVerbatimTag
        | Kind::InvalidTagEscape
        | Kind::UndeclaredTagHandle => (
            "`!` begins a type here, which no value of this file has",
            "a text that begins with ! goes in quotes",
        ),
        _ => return None,
    })
}

/// The file as a whole.
fn file(kind: &ErrorKind) -> Option<Words> {
    use ErrorKind as Kind;
    Some(match kind {
        Kind::RecursionLimitExceeded => (
            "brackets and sections are nested too deeply here",
            "nothing in this file is deeper than eight levels",
        ),
        Kind::BomInsideDocument => (
            "a byte order mark stands in the middle of the file",
            "take it out; files that were joined keep that of each",
        ),
        Kind::InvalidDocumentEnd
        | Kind::ExpectedDocumentStart
        | Kind::MissingDocumentEndBeforeDirective => (
            "something follows the end of the document",
            "a file holds one document: take `---` and `...` out",
        ),
        Kind::MissingDirectiveName
        | Kind::InvalidDirectiveName
        | Kind::InvalidDirectiveTerminator
        | Kind::UnsupportedYamlMajorVersion
        | Kind::MissingYamlVersion
        | Kind::MissingYamlVersionSeparator => (
            "a line that begins with % says something of the file as a whole, and not this",
            "take it out; a text that begins with % goes in quotes",
        ),
        _ => return None,
    })
}

/// `say: Hours: nine to five`, or a key below a key that has a value already.
fn value_after_value(text: &str, at: usize) -> Wrong {
    let start = line_start(text, at);
    let line = text.get(start..).unwrap_or_default();
    let line = line.lines().next().unwrap_or_default();
    let before = text.get(start..at).unwrap_or_default();
    if let Some(colon) = before.find(": ") {
        let key = line.get(..colon).unwrap_or_default().trim();
        let value = line.get(colon + 2..).unwrap_or_default().trim();
        return Wrong {
            at,
            what: "a second colon in one line".to_owned(),
            remedy: format!("put the value in quotes: {key}: \"{}\"", short(value)),
        };
    }
    let indent = line.len() - line.trim_start().len();
    Wrong {
        at: start + indent,
        what: "this key is indented below one that has a value already".to_owned(),
        remedy: LEVEL.to_owned(),
    }
}

fn short(value: &str) -> String {
    let mut text: String = value.chars().take(40).collect();
    if text.len() < value.len() {
        text.push('\u{2026}');
    }
    text.replace('"', "\\\"")
}

fn line_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    before.rfind('\n').map_or(0, |end| end + 1)
}

fn begins_line(text: &str, at: usize) -> bool {
    let before = text.get(line_start(text, at)..at).unwrap_or_default();
    before.trim().is_empty()
}

/// The first tab from the line of the place on: a text may have begun on the line before.
fn tab(text: &str, at: usize) -> usize {
    let start = line_start(text, at);
    let rest = text.get(start..).unwrap_or_default();
    rest.find('\t').map_or(at, |tab| start + tab)
}

/// The quote that is still open at a place: the parser says where it gave up looking for its end.
fn quote(text: &str, at: usize) -> usize {
    let is_quote = |c: char| matches!(c, '"' | '\'');
    let rest = text.get(at..).unwrap_or_default();
    if rest.starts_with(is_quote) {
        return at;
    }
    // A quote opens a value, so a sign of YAML or a space stands before it.
    let before = text.get(..at).unwrap_or(text);
    let opens = |(place, _): &(usize, &str)| {
        let earlier = before.get(..*place).unwrap_or_default();
        earlier
            .chars()
            .next_back()
            .is_none_or(|c| c.is_whitespace() || matches!(c, '[' | '{' | ','))
    };
    let mut found = before.rmatch_indices(is_quote);
    found.find(opens).map_or(at, |(place, _)| place)
}

/// The last bracket of this kind before a place.
fn bracket(text: &str, at: usize, open: char) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    if rest.starts_with(open) {
        return at;
    }
    text.get(..at)
        .and_then(|before| before.rfind(open))
        .unwrap_or(at)
}

fn sign(text: &str, at: usize) -> String {
    let sign = text.get(at..).and_then(|rest| rest.chars().next());
    sign.map_or_else(|| "this".to_owned(), |sign| format!("`{sign}`"))
}
