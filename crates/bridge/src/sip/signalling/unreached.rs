//! Why nobody is reached over a connection, in words that say what mends it.

use std::net::SocketAddr;

use trunkline_client::tls::TlsTrouble;

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreached {
    /// The connection was refused, or there is no way there.
    #[error("{0} takes no connections")]
    Refused(SocketAddr),
    /// It took too long.
    #[error("{0} does not answer")]
    Slow(SocketAddr),
    /// We do not speak to whoever is there, or it does not speak to us.
    #[error("no tls with {name} at {address}: {fault}")]
    Tls {
        /// The domain that was dialled.
        name: String,
        /// Where.
        address: SocketAddr,
        /// What is wrong.
        fault: TlsFault,
    },
    /// One connection leads there already, and it is somebody else's.
    #[error(
        "the connection with {address} is that of {theirs}, without a certificate for {name}: give the \
         two names addresses of their own, or one certificate for both"
    )]
    Shared {
        /// The domain that was dialled.
        name: String,
        /// Where.
        address: SocketAddr,
        /// For whom the connection stands.
        theirs: String,
    },
}

impl Unreached {
    /// A stable word for journals.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Refused(_) => "no_connection",
            Self::Slow(_) => "phone_unreachable",
            Self::Tls { fault, .. } => fault.word(),
            Self::Shared { .. } => "tls_shared",
        }
    }

    /// Is trying again of no use until a person changes something?
    pub(super) const fn is_final(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Slow(_) => false,
            Self::Tls { fault, .. } => fault.is_final(),
            Self::Shared { .. } => true,
        }
    }
}

/// What is wrong with the other end's TLS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// Its time is over.
    #[error("its certificate has expired: it has to be renewed there")]
    Expired,
    /// Its time has not come.
    #[error("its certificate is not valid yet: check the clocks of both machines")]
    NotYetValid,
    /// Signed by nobody we know.
    #[error(
        "nobody this machine trusts has signed its certificate: name its CA under gateway.tls.peers"
    )]
    UnknownIssuer,
    /// For another name.
    #[error("its certificate is for {}: dial that name, or have one issued for this", names(.presented))]
    WrongName {
        /// The names it is for.
        presented: Vec<String>,
    },
    /// It has another key than is expected.
    #[error(
        "its certificate has another key than gateway.tls.peers expects: where it was renewed with a \
         new one, name its pin, {presented}"
    )]
    Pin {
        /// The one it has.
        presented: String,
    },
    /// The answer was no TLS at all.
    #[error("it does not speak tls on that port")]
    NotTls,
    /// It wants to know who we are.
    #[error(
        "it does not take our certificate, or wants one: name one under gateway.tls.peers ({what})"
    )]
    Ours {
        /// What TLS says.
        what: String,
    },
    /// Revoked, damaged, made for something else, or no common ground.
    #[error("{what}")]
    Unacceptable {
        /// What TLS says.
        what: String,
    },
    /// It took too long.
    #[error("the handshake took too long")]
    Slow,
    /// It went away in the middle.
    #[error("the connection ended during the handshake")]
    Gone,
}

fn names(presented: &[String]) -> String {
    match presented {
        [] => "other names".to_owned(),
        names => names.join(", "),
    }
}

impl TlsFault {
    const fn word(&self) -> &'static str {
        match self {
            Self::Expired => "tls_expired",
            Self::NotYetValid => "tls_not_yet_valid",
            Self::UnknownIssuer => "tls_unknown_issuer",
            Self::WrongName { .. } => "tls_wrong_name",
            Self::Pin { .. } => "tls_wrong_key",
            Self::Ours { .. } => "tls_our_certificate",
            Self::NotTls | Self::Unacceptable { .. } | Self::Slow | Self::Gone => "tls_failed",
        }
    }

    /// Who is somebody else today is somebody else in a second.
    pub(super) const fn is_final(&self) -> bool {
        !matches!(self, Self::Slow | Self::Gone)
    }
}

impl From<TlsTrouble> for TlsFault {
    fn from(trouble: TlsTrouble) -> Self {
        match trouble {
            TlsTrouble::Expired => Self::Expired,
            TlsTrouble::NotYetValid => Self::NotYetValid,
            TlsTrouble::UnknownIssuer | TlsTrouble::NoBundle => Self::UnknownIssuer,
            TlsTrouble::WrongName { presented } => Self::WrongName { presented },
            TlsTrouble::NotTls => Self::NotTls,
            // Of alerts only those about certificates come from a server that knows ours.
            TlsTrouble::Handshake { what } if what.to_ascii_lowercase().contains("certificate") => {
                Self::Ours { what }
            }
            TlsTrouble::Unacceptable { what } | TlsTrouble::Handshake { what } => {
                Self::Unacceptable { what }
            }
        }
    }
}
