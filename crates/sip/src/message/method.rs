//! Methods.

/// A method.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Starts or changes a session.
    Invite,
    /// Confirms a final answer to INVITE.
    Ack,
    /// Ends a session.
    Bye,
    /// Withdraws an INVITE.
    Cancel,
    /// Asks what we can do.
    Options,
    /// Carries something inside a session.
    Info,
    /// Changes a session without an INVITE.
    Update,
    /// Confirms a provisional answer (RFC 3262).
    Prack,
    /// Asks to call somebody else (RFC 3515).
    Refer,
    /// Tells what became of it, among other things (RFC 6665).
    Notify,
    /// Any other, as written.
    Other(String),
}

impl Method {
    /// Methods are case-sensitive.
    pub fn parse(text: &str) -> Self {
        match text {
            "INVITE" => Self::Invite,
            "ACK" => Self::Ack,
            "BYE" => Self::Bye,
            "CANCEL" => Self::Cancel,
            "OPTIONS" => Self::Options,
            "INFO" => Self::Info,
            "UPDATE" => Self::Update,
            "PRACK" => Self::Prack,
            "REFER" => Self::Refer,
            "NOTIFY" => Self::Notify,
            other => Self::Other(other.to_owned()),
        }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Options => "OPTIONS",
            Self::Info => "INFO",
            Self::Update => "UPDATE",
            Self::Prack => "PRACK",
            Self::Refer => "REFER",
            Self::Notify => "NOTIFY",
            Self::Other(text) => text,
        }
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
