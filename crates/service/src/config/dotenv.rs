//! `.env` files: `NAME=value`, one a line.
//!
//! `export` before the name, blank lines, comments and CRLF are as everywhere. A value in single
//! quotes is taken as it stands; in double quotes `\n \r \t \" \\ \$` are read; either may go on
//! over several lines. Without quotes a value ends at its line or at ` #`. Values are never
//! substituted: a `$` in a password is a `$`.

use super::report::{Place, Report};
use super::source::Source;

/// The variables of a file, in its order; every mistake is reported.
pub(super) fn parse(source: &Source, report: &mut Report) -> Vec<(String, String)> {
    let mut cursor = Cursor::new(source.text());
    let mut found = Vec::new();
    while !cursor.is_done() {
        let line = cursor.line;
        match assignment(&mut cursor) {
            Ok(pair) => found.extend(pair),
            Err(wrong) => {
                report.unseen(source.name(), wrong.place, wrong.what, wrong.remedy);
                // An open quote has swallowed the rest: only its own line is in doubt.
                cursor.go_after(line);
            }
        }
    }
    found
}

struct Wrong {
    place: Place,
    what: String,
    remedy: String,
}

/// One line, or several where a quoted value goes on.
fn assignment(cursor: &mut Cursor<'_>) -> Result<Option<(String, String)>, Wrong> {
    cursor.skip_blank();
    if cursor.at_end() || cursor.peek() == Some('#') {
        cursor.next_line();
        return Ok(None);
    }
    let place = cursor.place();
    let mut name = cursor.word();
    if name == "export"
        && cursor
            .peek()
            .is_some_and(|next| next == ' ' || next == '\t')
    {
        cursor.skip_blank();
        name = cursor.word();
    }
    cursor.skip_blank();
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(wrong(
            place,
            "this line does not begin with a variable's name",
        ));
    }
    if cursor.peek() != Some('=') {
        let what = format!("there is no `=` after `{name}`");
        return Err(wrong(cursor.place(), what));
    }
    cursor.bump();
    let spaced = matches!(cursor.peek(), Some(' ' | '\t'));
    cursor.skip_blank();
    if spaced && cursor.peek() == Some('#') {
        cursor.next_line();
        return Ok(Some((name, String::new())));
    }
    let value = value(cursor, &name)?;
    Ok(Some((name, value)))
}

fn value(cursor: &mut Cursor<'_>, name: &str) -> Result<String, Wrong> {
    let value = match cursor.peek() {
        Some(quote @ ('"' | '\'')) => quoted(cursor, quote, name)?,
        _ => return Ok(plain(cursor)),
    };
    cursor.skip_blank();
    if !cursor.at_end() && cursor.peek() != Some('#') {
        let what = format!("there is text after the quoted value of `{name}`");
        return Err(Wrong {
            place: cursor.place(),
            what,
            remedy:
                "put all of the value into the quotes; write \\\" for a quote inside double ones"
                    .to_owned(),
        });
    }
    cursor.next_line();
    Ok(value)
}

fn plain(cursor: &mut Cursor<'_>) -> String {
    let mut value = String::new();
    while !cursor.at_end() {
        let Some(next) = cursor.peek() else { break };
        if next == '#' && value.ends_with([' ', '\t']) {
            break;
        }
        value.push(next);
        cursor.bump();
    }
    cursor.next_line();
    value.trim_end().to_owned()
}

fn quoted(cursor: &mut Cursor<'_>, quote: char, name: &str) -> Result<String, Wrong> {
    let opened = cursor.place();
    cursor.bump();
    let mut value = String::new();
    loop {
        let Some(next) = cursor.peek() else {
            return Err(Wrong {
                place: opened,
                what: format!("the quote of `{name}` is never closed"),
                remedy: format!("end the value with {quote}"),
            });
        };
        cursor.bump();
        match next {
            end if end == quote => return Ok(value),
            '\\' if quote == '"' => match cursor.peek() {
                Some(escaped) => {
                    cursor.bump();
                    push_escaped(&mut value, escaped);
                }
                None => value.push('\\'),
            },
            // A file from Windows ends its lines with two characters.
            '\r' if cursor.peek() == Some('\n') => {}
            other => value.push(other),
        }
    }
}

/// What is not known to be escaped keeps its backslash: passwords have them.
fn push_escaped(value: &mut String, escaped: char) {
    match escaped {
        'n' => value.push('\n'),
        'r' => value.push('\r'),
        't' => value.push('\t'),
        '"' | '\\' | '$' => value.push(escaped),
        other => value.extend(['\\', other]),
    }
}

fn wrong(place: Place, what: impl Into<String>) -> Wrong {
    Wrong {
        place,
        what: what.into(),
        remedy: "write NAME=value, and # before a comment".to_owned(),
    }
}

/// Where the reading is.
struct Cursor<'a> {
    text: &'a str,
    rest: &'a str,
    line: u64,
    column: u64,
}

impl<'a> Cursor<'a> {
    const fn new(text: &'a str) -> Self {
        Self {
            text,
            rest: text,
            line: 1,
            column: 1,
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) {
        let mut chars = self.rest.chars();
        if chars.next() == Some('\n') {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        self.rest = chars.as_str();
    }

    const fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether the line is over.
    fn at_end(&self) -> bool {
        self.is_done() || self.rest.starts_with('\n') || self.rest.starts_with("\r\n")
    }

    const fn place(&self) -> Place {
        Place {
            line: self.line,
            column: self.column,
        }
    }

    fn skip_blank(&mut self) {
        while !self.at_end() && matches!(self.peek(), Some(' ' | '\t' | '\r')) {
            self.bump();
        }
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(next) = self
            .peek()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        {
            word.push(next);
            self.bump();
        }
        word
    }

    /// Goes to the beginning of the next line.
    fn next_line(&mut self) {
        while let Some(passed) = self.peek() {
            self.bump();
            if passed == '\n' {
                return;
            }
        }
    }

    /// Goes to the line after this one.
    fn go_after(&mut self, line: u64) {
        *self = Self::new(self.text);
        while self.line <= line && !self.is_done() {
            self.bump();
        }
    }
}
