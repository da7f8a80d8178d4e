//! Who calls, as networks tell each other: P-Asserted-Identity and P-Preferred-Identity (RFC 3325),
//! Remote-Party-ID, which is older, and Privacy (RFC 3323).
//!
//! From is what the caller likes to show. What the network knows is written beside it, and is worth
//! as much as who sends it: from a trunk that is not trusted it is not read, and to one that is not
//! trusted nothing is told that the caller wants kept.

use trunkline_base::secret::Personal;

use crate::message::{Headers, NameAddr};
use crate::uri::Uri;

/// The header that says what is to be kept.
pub const PRIVACY: &str = "Privacy";

/// What the network says.
pub const ASSERTED: &str = "P-Asserted-Identity";

/// What somebody would like the network to say.
pub const PREFERRED: &str = "P-Preferred-Identity";

/// The older way.
pub const REMOTE_PARTY: &str = "Remote-Party-ID";

/// What a trusted network says of the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asserted {
    /// The number, or the user part.
    pub number: Option<Personal<String>>,
    /// The name.
    pub name: Option<Personal<String>>,
    /// The caller wants to be nobody: nothing of this may be shown.
    pub is_private: bool,
}

impl Asserted {
    /// Reads what an INVITE of a trusted trunk says.
    pub fn read(headers: &Headers) -> Self {
        let mut read = Self {
            is_private: is_private(headers),
            ..Self::default()
        };
        let asserted = headers.values(ASSERTED).take(MAX_VALUES);
        let mut told: Vec<NameAddr> = asserted.filter_map(NameAddr::parse).collect();
        if told.is_empty() {
            let parties = headers.values(REMOTE_PARTY).take(MAX_VALUES);
            let parties = parties.filter_map(NameAddr::parse);
            // It may also tell of the called one.
            let calling = |party: &NameAddr| {
                let side = party.params.get("party");
                side.is_none_or(|side| side.eq_ignore_ascii_case("calling"))
            };
            told = parties.filter(calling).collect();
            let kept = |party: &NameAddr| {
                let privacy = party.params.get("privacy").unwrap_or("off");
                !privacy.trim_matches('"').eq_ignore_ascii_case("off")
            };
            read.is_private |= told.iter().any(kept);
        }
        // A tel URI is a number for sure; a sip URI may hold a name.
        told.sort_by_key(|one| one.uri.scheme != crate::uri::Scheme::Tel);
        read.number = told
            .iter()
            .map(|one| one.uri.number())
            .find(|number| !number.is_empty())
            .map(Personal::new);
        read.name = told.into_iter().find_map(|one| one.name);
        read
    }

    /// The number, where it may be shown.
    pub fn shown(&self) -> Option<&Personal<String>> {
        self.number.as_ref().filter(|_| !self.is_private)
    }
}

/// Does a request ask that the caller be nobody?
pub fn is_private(headers: &Headers) -> bool {
    let asked = headers
        .lines(PRIVACY)
        .flat_map(|line| line.split([';', ',']));
    let keeps = ["id", "user", "header", "session", "critical"];
    let mut asked = asked.map(str::trim);
    asked.any(|word| keeps.iter().any(|kept| word.eq_ignore_ascii_case(kept)))
}

/// What is told of the caller of a call of ours.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The number, as the provider wants it written.
    pub number: Personal<String>,
    /// The name beside it.
    pub name: Option<Personal<String>>,
    /// Our domain there.
    pub domain: String,
    /// Write `user=phone`, which says that the user part is a telephone number.
    pub is_phone: bool,
    /// Shall the called one not know who calls?
    pub is_hidden: bool,
}

/// Which header tells a provider who calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Telling {
    /// None: From says it all.
    #[default]
    From,
    /// P-Asserted-Identity, to a network that trusts us.
    Asserted,
    /// P-Preferred-Identity, to one that asserts by itself.
    Preferred,
    /// Remote-Party-ID.
    RemoteParty,
}

impl Caller {
    /// From, without a tag. Whoever is hidden is RFC 3323's anonymous.
    pub fn from(&self) -> NameAddr {
        if !self.is_hidden {
            return self.address();
        }
        let mut anonymous = self.address();
        anonymous.name = Some(Personal::new("Anonymous".to_owned()));
        anonymous.uri.user = Some("anonymous".to_owned());
        anonymous.uri.host = "anonymous.invalid".to_owned();
        anonymous.uri.params.remove("user");
        anonymous
    }

    /// Headers beside From. A hidden caller is told of to those alone who shall keep it: where
    /// nothing but From may be told, nothing is.
    pub fn headers(&self, telling: Telling) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        let address = self.address();
        match telling {
            Telling::From => {}
            Telling::Asserted => headers.push((ASSERTED.to_owned(), address.to_string())),
            Telling::Preferred => headers.push((PREFERRED.to_owned(), address.to_string())),
            Telling::RemoteParty => {
                let mut party = address;
                let privacy = if self.is_hidden { "full" } else { "off" };
                party.params.set("party", Some("calling"));
                party.params.set("privacy", Some(privacy));
                party.params.set("screen", Some("yes"));
                headers.push((REMOTE_PARTY.to_owned(), party.to_string()));
            }
        }
        if self.is_hidden {
            headers.push((PRIVACY.to_owned(), "id".to_owned()));
        }
        headers
    }

    fn address(&self) -> NameAddr {
        let nowhere = std::net::SocketAddr::from(([0; 4], 0));
        let mut uri = Uri::sip(Some(self.number.expose()), nowhere);
        uri.host.clone_from(&self.domain);
        uri.port = None;
        if self.is_phone && is_telephone(self.number.expose()) {
            uri.params.set("user", Some("phone"));
        }
        NameAddr {
            name: self.name.clone(),
            ..NameAddr::new(uri)
        }
    }
}

/// `user=phone` is said of numbers only (RFC 3261 19.1.1).
fn is_telephone(user: &str) -> bool {
    let digits = user.strip_prefix('+').unwrap_or(user);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// More identities than anybody has.
const MAX_VALUES: usize = 8;

#[cfg(test)]
mod tests;
