//! What a conversation and its brain tell each other.

use crate::turn::Heard;
/// What the brain is asked.
#[derive(Clone, Debug)]
pub enum Question {
    /// The caller said or keyed something.
    Heard(Heard),
    /// The caller has been silent for long, for the n-th time in a row.
    Silence(u32),
    /// What was announced could not be done: the caller is to be told.
    Undone(Undone),
}

/// Something the agent wanted to do, and why it did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// What.
    pub act: Act,
    /// Why, as a part of a sentence: "the line is busy".
    pub why: String,
}

/// Something the agent says of its own accord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The words.
    pub text: String,
    /// Whether the caller may talk over them.
    pub interruptible: bool,
}

/// What the agent does in the world when it has finished speaking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Ends the call.
    HangUp(Farewell),
    /// Passes the call to somebody else, and with it leaves the caller.
    Transfer {
        /// Who, as `transfer_to` names them.
        to: String,
    },
    /// Presses keys of the telephone: of a menu, a conference, an extension.
    SendKeys(String),
    /// Sets an attribute of the agent's, for those who watch the room.
    SetAttribute {
        /// Its name.
        key: String,
        /// Its value; an empty one takes it away.
        value: String,
    },
}

/// Why the agent ends a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Farewell {
    /// The caller has what he wanted, and said so.
    #[default]
    Done,
    /// The caller said nothing for too long.
    Silence,
    /// Many turns led nowhere.
    NoProgress,
    /// A machine is at the other end.
    Machine,
}

/// What of an answer was heard.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// The words that were played so far.
    pub text: String,
    /// Whether more will follow.
    pub progress: Progress,
}

/// How far the playing of an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It goes on, or is paused and may go on.
    Going,
    /// The caller cut it short.
    Cut,
    /// All of it was played.
    Whole,
}
