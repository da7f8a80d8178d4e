//! Names, metadata and attributes: their limits and how an update is laid over them.

use std::collections::BTreeMap;

use crate::limits::Limits;

/// What a participant says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) metadata: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// Which limit a profile would break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooLarge {
    Name,
    Metadata,
    Attributes,
}

/// A change: empty name or metadata keep what is there, an empty attribute deletes its key.
#[derive(Debug, Default)]
pub(crate) struct Change<'a> {
    pub(crate) name: &'a str,
    pub(crate) metadata: &'a str,
    pub(crate) attributes: Option<&'a std::collections::HashMap<String, String>>,
}

impl Profile {
    /// The profile after `change`, or the limit it would break; the profile itself is untouched.
    pub(crate) fn with(&self, change: &Change<'_>, limits: &Limits) -> Result<Self, TooLarge> {
        let mut next = self.clone();
        if !change.name.is_empty() {
            next.name = change.name.to_owned();
        }
        if !change.metadata.is_empty() {
            next.metadata = change.metadata.to_owned();
        }
        for (key, value) in change.attributes.into_iter().flatten() {
            if value.is_empty() {
                next.attributes.remove(key);
            } else {
                next.attributes.insert(key.clone(), value.clone());
            }
        }
        next.check(limits)?;
        Ok(next)
    }

    pub(crate) fn check(&self, limits: &Limits) -> Result<(), TooLarge> {
        if self.name.len() > limits.name_bytes {
            return Err(TooLarge::Name);
        }
        if self.metadata.len() > limits.metadata_bytes {
            return Err(TooLarge::Metadata);
        }
        let attributes: usize = self.attributes.iter().map(|(k, v)| k.len() + v.len()).sum();
        if attributes > limits.attributes_bytes {
            return Err(TooLarge::Attributes);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        Profile {
            name: "Ann".to_owned(),
            metadata: "m".to_owned(),
            attributes: BTreeMap::from([("a".to_owned(), "1".to_owned())]),
        }
    }

    #[test]
    fn empty_keeps_and_an_empty_attribute_deletes() {
        let attributes = [
            ("a".to_owned(), String::new()),
            ("b".to_owned(), "2".to_owned()),
        ]
        .into();
        let change = Change {
            attributes: Some(&attributes),
            ..Change::default()
        };
        let after = profile().with(&change, &Limits::default()).unwrap();
        assert_eq!((after.name.as_str(), after.metadata.as_str()), ("Ann", "m"));
        assert_eq!(
            after.attributes,
            BTreeMap::from([("b".to_owned(), "2".to_owned())])
        );
    }

    #[test]
    fn each_limit_is_named() {
        let limits = Limits {
            name_bytes: 3,
            metadata_bytes: 2,
            attributes_bytes: 3,
            ..Limits::default()
        };
        let refused = |change: Change<'_>| profile().with(&change, &limits).unwrap_err();
        assert_eq!(
            refused(Change {
                name: "Anna",
                ..Change::default()
            }),
            TooLarge::Name
        );
        assert_eq!(
            refused(Change {
                metadata: "mmm",
                ..Change::default()
            }),
            TooLarge::Metadata
        );
        let long = [("b".to_owned(), "22".to_owned())].into();
        let change = Change {
            attributes: Some(&long),
            ..Change::default()
        };
        assert_eq!(refused(change), TooLarge::Attributes);
    }
}
