//! What a verb failed with: the chain of causes for a person, a class for the exit code.

use std::error::Error;
use std::fmt;

pub(crate) use trunkline_base::class::chain;
use trunkline_base::class::{Class, Classified};
use trunkline_service::config::Report;

/// A failure at the edge of the process.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: u8,
    code: &'static str,
    text: String,
    remedy: Option<String>,
}

/// `EX_CONFIG` of `sysexits.h`.
pub(crate) const EXIT_CONFIG: u8 = 78;

impl Failure {
    /// A failure of a class, in words.
    pub(crate) fn new(class: Class, code: &'static str, text: impl Into<String>) -> Self {
        Self {
            exit: class.exit_code(),
            code,
            text: text.into(),
            remedy: None,
        }
    }

    /// What a check or a plan answers by its exit code; everything was said already.
    pub(crate) const fn verdict(exit: u8) -> Self {
        Self {
            exit,
            code: "verdict",
            text: String::new(),
            remedy: None,
        }
    }

    /// Whether there is nothing more to say.
    pub(crate) fn is_verdict(&self) -> bool {
        self.text.is_empty()
    }

    /// The same in other words.
    #[must_use]
    pub(crate) fn with_text(mut self, text: String) -> Self {
        self.text = text;
        self
    }

    /// With what to do about it.
    #[must_use]
    pub(crate) fn or_else(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// What to do about it.
    pub(crate) fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref()
    }

    /// The process's exit code.
    pub(crate) const fn exit(&self) -> u8 {
        self.exit
    }

    /// A stable word for programs.
    pub(crate) const fn code(&self) -> &'static str {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Any classified error becomes a failure with its whole chain told once.
impl<E: Classified + Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            exit: error.class().exit_code(),
            code: error.code(),
            text: chain(&error),
            remedy: None,
        }
    }
}

/// A broken configuration.
pub(crate) fn config(report: &Report) -> Failure {
    Failure {
        exit: EXIT_CONFIG,
        code: "config.invalid",
        text: report.to_string(),
        remedy: None,
    }
}
