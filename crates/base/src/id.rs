//! A type per entity and per naming scheme, so that a room's name is never taken for its sid.
//! Ids are parsed at the edge and infallible afterwards.

use std::fmt;

use rand::{Rng, RngCore};
use serde::{Deserialize, Deserializer, Serialize};

/// LiveKit's alphabet for generated ids: no `0 1 I O l`.
const ALPHABET: &[u8; 57] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Length of the random part of a generated id.
const GUID_LEN: usize = 12;

/// A prefix and twelve random characters, as LiveKit makes its ids.
pub fn guid(prefix: &str, rng: &mut impl RngCore) -> String {
    let mut id = String::with_capacity(prefix.len() + GUID_LEN);
    id.push_str(prefix);
    for _ in 0..GUID_LEN {
        let letter = ALPHABET
            .get(rng.random_range(0..ALPHABET.len()))
            .copied()
            .unwrap_or(b'2');
        id.push(char::from(letter));
    }
    id
}

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("{kind} is empty")]
    Empty {
        /// What was to be named.
        kind: &'static str,
    },
    /// Longer than LiveKit allows.
    #[error("{kind} is {len} bytes long, {max} at most")]
    TooLong {
        /// What was to be named.
        kind: &'static str,
        /// Bytes given.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal, max $max:literal $(, prefix $prefix:literal)?) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks length and emptiness.
            ///
            /// # Errors
            /// [`IdError`] when the text is empty or too long.
            pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                if text.is_empty() {
                    return Err(IdError::Empty { kind: $kind });
                }
                if text.len() > $max {
                    return Err(IdError::TooLong { kind: $kind, len: text.len(), max: $max });
                }
                Ok(Self(text))
            }

            $(
                /// A fresh id with LiveKit's prefix for this entity.
                pub fn generate(rng: &mut impl RngCore) -> Self {
                    Self(guid($prefix, rng))
                }
            )?

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

id_type!(
    /// What users call a room.
    RoomName, "room name", max 256
);
id_type!(
    /// One life of a room.
    RoomSid, "room sid", max 64, prefix "RM_"
);
id_type!(
    /// What the token calls a participant.
    ParticipantIdentity, "participant identity", max 256
);
id_type!(
    /// One session of a participant.
    ParticipantSid, "participant sid", max 64, prefix "PA_"
);
id_type!(
    /// A published track.
    TrackSid, "track sid", max 64, prefix "TR_"
);
id_type!(
    /// A phone call, LiveKit's `sip.callID`.
    CallId, "call id", max 64, prefix "SCL_"
);
id_type!(
    /// One exchange inside a conversation.
    TurnId, "turn id", max 64, prefix "TN_"
);
id_type!(
    /// A job an agent worker was given.
    JobId, "job id", max 64, prefix "AJ_"
);
id_type!(
    /// A standing request for an agent in a room.
    DispatchId, "dispatch id", max 64, prefix "AD_"
);
id_type!(
    /// A registered agent worker.
    WorkerId, "worker id", max 64, prefix "AW_"
);
id_type!(
    /// A recording or stream out of a room.
    EgressId, "egress id", max 64, prefix "EG_"
);
id_type!(
    /// An import of media into a room.
    IngressId, "ingress id", max 64, prefix "IN_"
);
id_type!(
    /// A SIP trunk.
    TrunkId, "trunk id", max 64, prefix "ST_"
);
id_type!(
    /// A SIP dispatch rule.
    RuleId, "dispatch rule id", max 64, prefix "SDR_"
);
id_type!(
    /// A webhook event.
    EventId, "event id", max 64, prefix "EV_"
);
id_type!(
    /// A server node.
    NodeId, "node id", max 64, prefix "ND_"
);

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::SmallRng};

    #[test]
    fn generated_ids_carry_the_prefix_and_the_alphabet() {
        let mut rng = SmallRng::seed_from_u64(1);
        let sid = RoomSid::generate(&mut rng);
        let tail = sid.as_str().strip_prefix("RM_").unwrap();
        assert_eq!(tail.len(), GUID_LEN);
        assert!(tail.bytes().all(|b| ALPHABET.contains(&b)));
    }

    #[test]
    fn the_same_seed_gives_the_same_id() {
        let make = || guid("PA_", &mut SmallRng::seed_from_u64(9));
        assert_eq!(make(), make());
    }

    #[test]
    fn empty_and_endless_names_are_refused() {
        assert_eq!(
            RoomName::parse(""),
            Err(IdError::Empty { kind: "room name" })
        );
        let long = "x".repeat(257);
        assert!(matches!(
            RoomName::parse(long),
            Err(IdError::TooLong { len: 257, .. })
        ));
    }
}
