//! What the agent may do to a call. Whatever a model or a program wants, nothing else is done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::brain::Act;

/// What the file allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Powers {
    pub hang_up: bool,
    pub transfer: bool,
    pub send_dtmf: bool,
    pub set_attribute: bool,
    /// Who takes calls over, by name.
    pub targets: BTreeMap<String, Target>,
    /// Names under which nobody does so for now.
    pub vacant: BTreeSet<String>,
}

/// Somebody who takes calls over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `tel:`, `sip:` or `participant:`.
    pub to: String,
    /// What they are for, to a model.
    pub description: Option<String>,
    /// How long they may take to answer.
    pub ringing: Option<Duration>,
}

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `acts` does not name it.
    #[error("this agent may not do that")]
    NotAllowed,
    /// `transfer_to` does not name them.
    #[error("there is nobody called `{0}` to transfer to")]
    Nobody(String),
    /// Keys that no telephone has.
    #[error("these are no keys of a telephone")]
    NoKeys,
    /// A name or value that no attribute may have.
    #[error("this attribute cannot be set")]
    Attribute,
}

/// Keys pressed at once; more are no number that a menu asks for.
const MOST_KEYS: usize = 64;

/// Lengths of an attribute's name and value.
const LONGEST_NAME: usize = 128;
const LONGEST_VALUE: usize = 4096;

/// Attributes that others rely on to be true.
const RESERVED: &[&str] = &["lk.", "sip.", "trunkline."];

impl Powers {
    /// Whether anybody takes calls over.
    pub fn can_transfer(&self) -> bool {
        self.transfer && !self.targets.is_empty()
    }

    /// The names that a brain may say in its wishes.
    pub fn acts(&self) -> Vec<&'static str> {
        [
            ("hang_up", self.hang_up),
            ("transfer", self.can_transfer()),
            ("send_dtmf", self.send_dtmf),
            ("set_attribute", self.set_attribute),
        ]
        .into_iter()
        .filter_map(|(name, allowed)| allowed.then_some(name))
        .collect()
    }

    /// Whether it may be done.
    ///
    /// # Errors
    /// Why not.
    pub fn allow(&self, act: &Act) -> Result<(), Refusal> {
        let allowed = match act {
            Act::HangUp(_) => self.hang_up,
            Act::Transfer { .. } => self.transfer,
            Act::SendKeys(_) => self.send_dtmf,
            Act::SetAttribute { .. } => self.set_attribute,
        };
        if !allowed {
            return Err(Refusal::NotAllowed);
        }
        match act {
            Act::Transfer { to } if !self.targets.contains_key(to) => {
                Err(Refusal::Nobody(to.clone()))
            }
            Act::SendKeys(keys) if !are_keys(keys) => Err(Refusal::NoKeys),
            Act::SetAttribute { key, value } if !is_attribute(key, value) => {
                Err(Refusal::Attribute)
            }
            _ => Ok(()),
        }
    }
}

/// Digits, `*`, `#`, `A` to `D`, and `w` for half a second's wait.
fn are_keys(keys: &str) -> bool {
    let known = |key: char| "0123456789*#ABCDabcdwW,".contains(key);
    (1..=MOST_KEYS).contains(&keys.len())
        && keys.chars().all(known)
        && keys.chars().any(|key| !"wW,".contains(key))
}

fn is_attribute(key: &str, value: &str) -> bool {
    let reserved = RESERVED.iter().any(|prefix| key.starts_with(prefix));
    (1..=LONGEST_NAME).contains(&key.len())
        && !reserved
        && !key.chars().any(char::is_control)
        && value.len() <= LONGEST_VALUE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &str) -> Act {
        Act::SendKeys(keys.to_owned())
    }

    #[test]
    fn nothing_is_done_that_the_file_does_not_name() {
        let none = Powers::default();
        let all = Powers {
            hang_up: true,
            transfer: true,
            send_dtmf: true,
            set_attribute: true,
            ..Powers::default()
        };
        let to = |to: &str| Act::Transfer { to: to.to_owned() };
        let set = |key: &str| Act::SetAttribute {
            key: key.to_owned(),
            value: "1".to_owned(),
        };
        assert_eq!(none.allow(&to("sales")), Err(Refusal::NotAllowed));
        assert_eq!(
            all.allow(&to("sales")),
            Err(Refusal::Nobody("sales".into()))
        );
        assert_eq!(all.allow(&keys("1w2#")), Ok(()));
        for wrong in ["", "ww", "12x", "1 2", "1;phone-context=x"] {
            assert_eq!(all.allow(&keys(wrong)), Err(Refusal::NoKeys), "{wrong}");
        }
        assert_eq!(all.allow(&set("order")), Ok(()));
        for wrong in ["", "sip.callID", "lk.agent.state"] {
            assert_eq!(all.allow(&set(wrong)), Err(Refusal::Attribute), "{wrong}");
        }
        assert!(!all.acts().contains(&"transfer"), "there is nobody");
    }
}
