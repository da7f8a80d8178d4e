//! Rust as words and signs: what is left without comments, texts, letters and lifetimes.

use std::iter::Peekable;
use std::str::Chars;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    Sign(char),
}

impl Token {
    pub(super) fn is(&self, sign: char) -> bool {
        *self == Self::Sign(sign)
    }

    pub(super) fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Sign(_) => None,
        }
    }
}

pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => _ = chars.by_ref().find(|&c| c == '\n'),
            '/' if chars.peek() == Some(&'*') => comment(&mut chars),
            '"' => quoted(&mut chars),
            '\'' => letter(&mut chars),
            c if c.is_alphabetic() || c == '_' => {
                let word = word(c, &mut chars);
                let raw = matches!(word.as_str(), "r" | "br" | "cr");
                match chars.peek() {
                    Some('"' | '#') if raw => raw_quoted(&mut chars, &mut tokens),
                    Some('"') if matches!(word.as_str(), "b" | "c") => {
                        chars.next();
                        quoted(&mut chars);
                    }
                    Some('\'') if word == "b" => {
                        chars.next();
                        letter(&mut chars);
                    }
                    _ => tokens.push(Token::Word(word)),
                }
            }
            c if c.is_whitespace() => {}
            c => tokens.push(Token::Sign(c)),
        }
    }
    tokens
}

fn word(first: char, chars: &mut Peekable<Chars<'_>>) -> String {
    let mut word = String::from(first);
    while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
        word.push(c);
    }
    word
}

/// Comments nest.
fn comment(chars: &mut Peekable<Chars<'_>>) {
    let mut depth = 1;
    chars.next();
    while let (Some(c), 1..) = (chars.next(), depth) {
        match (c, chars.peek()) {
            ('/', Some('*')) => depth += 1,
            ('*', Some('/')) => depth -= 1,
            _ => continue,
        }
        chars.next();
        if depth == 0 {
            return;
        }
    }
}

fn quoted(chars: &mut Peekable<Chars<'_>>) {
    while let Some(c) = chars.next() {
        match c {
            '"' => return,
            '\\' => drop(chars.next()),
            _ => {}
        }
    }
}

/// `r#"…"#`, or a word such as `r#type`.
fn raw_quoted(chars: &mut Peekable<Chars<'_>>, tokens: &mut Vec<Token>) {
    let mut hashes = 0;
    while chars.next_if_eq(&'#').is_some() {
        hashes += 1;
    }
    if chars.next_if_eq(&'"').is_none() {
        if let Some(first) = chars.next() {
            tokens.push(Token::Word(word(first, chars)));
        }
        return;
    }
    while chars.by_ref().any(|c| c == '"') {
        let mut closing = 0;
        while closing < hashes && chars.next_if_eq(&'#').is_some() {
            closing += 1;
        }
        if closing == hashes {
            return;
        }
    }
}

/// `'a'`, `'\n'`, or the lifetime `'a`.
fn letter(chars: &mut Peekable<Chars<'_>>) {
    match chars.next() {
        Some('\\') => {
            chars.next();
            chars.by_ref().find(|&c| c == '\'');
        }
        Some(c) if chars.next_if_eq(&'\'').is_none() => {
            drop(word(c, chars));
        }
        _ => {}
    }
}
