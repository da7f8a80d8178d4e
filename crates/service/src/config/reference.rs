//! References and what they come to.

use std::iter::Peekable;
use std::str::Chars;

use super::aside::{CLOSE, DOLLAR, ESCAPE, OPEN, back};
use super::environment::Environment;

/// References inside references; more is a mistake or malice.
const DEEPEST: usize = 8;

/// Why a reference comes to nothing.
#[derive(Debug)]
pub(super) struct Wrong {
    /// Which reference of the scalar, in the order of their beginnings.
    pub(super) nth: usize,
    pub(super) what: String,
    pub(super) remedy: String,
}

/// A scalar with its references filled in.
pub(super) fn expand(scalar: &str, env: &Environment) -> Result<String, Wrong> {
    let mut reader = Reader {
        chars: scalar.chars().peekable(),
        env,
        nth: 0,
    };
    reader.text(None, true)
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    env: &'a Environment,
    nth: usize,
}

/// The reference that a text is part of.
#[derive(Clone, Copy)]
struct Inside {
    nth: usize,
    depth: usize,
}

impl Reader<'_> {
    /// Text up to the end, or to the end of the reference it is part of. What is not `wanted` is
    /// passed over.
    fn text(&mut self, inside: Option<Inside>, wanted: bool) -> Result<String, Wrong> {
        let mut text = String::new();
        let mut braces = 0_usize;
        while let Some(c) = self.chars.next() {
            match c {
                ESCAPE => {}
                DOLLAR => text.push_str(&self.reference(inside, wanted)?),
                CLOSE if braces == 0 && inside.is_some() => return Ok(text),
                c => {
                    match c {
                        OPEN => braces += 1,
                        CLOSE => braces = braces.saturating_sub(1),
                        _ => {}
                    }
                    text.push(back(c));
                }
            }
        }
        match inside {
            Some(inside) => Err(unclosed(inside.nth)),
            None => Ok(text),
        }
    }

    /// What comes after a `$`.
    fn reference(&mut self, inside: Option<Inside>, wanted: bool) -> Result<String, Wrong> {
        let here = Inside {
            nth: self.nth,
            depth: inside.map_or(1, |inside| inside.depth + 1),
        };
        self.nth += 1;
        if here.depth > DEEPEST {
            return Err(Wrong {
                nth: here.nth,
                what: "variables are named inside each other too deeply".to_owned(),
                remedy: "name one variable, or two".to_owned(),
            });
        }
        // The `{`, without which there is no reference.
        self.chars.next();
        let name = self.name();
        let strict = self.chars.next_if(|c| back(*c) == ':').is_some();
        let operator = self.chars.next();
        let value = self
            .env
            .var(&name)
            .filter(|value| !(strict && value.is_empty()));
        let value = value.map(str::to_owned);
        match operator {
            Some(CLOSE) if !name.is_empty() && !strict => match value {
                Some(value) => Ok(value),
                None if wanted => Err(unset(here.nth, &name)),
                None => Ok(String::new()),
            },
            Some('-') if !name.is_empty() => {
                let other = self.text(Some(here), wanted && value.is_none())?;
                Ok(value.unwrap_or(other))
            }
            Some('+') if !name.is_empty() => {
                let other = self.text(Some(here), wanted && value.is_some())?;
                Ok(value.map_or_else(String::new, |_| other))
            }
            Some('?') if !name.is_empty() => {
                let why = self.text(Some(here), false)?;
                match value {
                    Some(value) => Ok(value),
                    None if wanted => Err(demanded(here.nth, &name, &why)),
                    None => Ok(String::new()),
                }
            }
            None => Err(unclosed(here.nth)),
            Some(_) => Err(nameless(here.nth)),
        }
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.chars.next_if(|c| {
            *c == '_' || c.is_ascii_alphabetic() || (!name.is_empty() && c.is_ascii_digit())
        }) {
            name.push(c);
        }
        name
    }
}

fn unset(nth: usize, name: &str) -> Wrong {
    Wrong {
        nth,
        what: format!("the variable {name} is not set"),
        remedy: format!("set it in the environment or in .env, or write ${{{name}:-default}}"),
    }
}

fn demanded(nth: usize, name: &str, why: &str) -> Wrong {
    let why = if why.is_empty() { "is needed" } else { why };
    Wrong {
        nth,
        what: format!("the variable {name} is not set: {why}"),
        remedy: "set it in the environment or in .env".to_owned(),
    }
}

fn unclosed(nth: usize) -> Wrong {
    Wrong {
        nth,
        what: "this `${` is not closed before its value or its line ends".to_owned(),
        remedy: LITERAL.to_owned(),
    }
}

fn nameless(nth: usize) -> Wrong {
    Wrong {
        nth,
        what: "this `${` names no variable".to_owned(),
        remedy: LITERAL.to_owned(),
    }
}

const LITERAL: &str = "write ${NAME} or ${NAME:-default}; $${ is a `${` that stays as it is";
