//! What two sides share: a master key and its salt.

use rand::RngCore;
use trunkline_base::secret::Secret;

use super::Suite;

/// A master key with its salt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterKey {
    suite: Suite,
    /// The key, and the salt behind it, as `inline:` has them.
    bytes: Secret<Vec<u8>>,
    /// How it is named in packets, if it is.
    pub mki: Option<Mki>,
    /// How many packets it is good for, if that was said.
    pub lifetime: Option<Lifetime>,
}

/// The name of a master key in packets (RFC 3711 3.1), most significant byte first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mki(pub Vec<u8>);

/// Packets that a master key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(pub u64);

impl MasterKey {
    /// Key and salt of a suite; `None` when there are not as many bytes as it takes.
    pub fn new(suite: Suite, key_and_salt: Vec<u8>) -> Option<Self> {
        let length = suite.key_length() + suite.salt_length();
        let bytes = Secret::new(key_and_salt);
        (bytes.expose().len() == length).then_some(Self {
            suite,
            bytes,
            mki: None,
            lifetime: None,
        })
    }

    /// A new one.
    pub fn generate(suite: Suite, rng: &mut impl RngCore) -> Self {
        let mut bytes = vec![0; suite.key_length() + suite.salt_length()];
        rng.fill_bytes(&mut bytes);
        Self {
            suite,
            bytes: Secret::new(bytes),
            mki: None,
            lifetime: None,
        }
    }

    /// Its suite.
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// Key and salt, as they are written into a description.
    pub fn expose(&self) -> &[u8] {
        self.bytes.expose()
    }

    pub(super) fn parts(&self) -> (&[u8], &[u8]) {
        self.expose()
            .split_at_checked(self.suite.key_length())
            .unwrap_or_default()
    }
}
