//! Who the callers of this gateway are in their rooms. A LiveKit room throws out whoever is there
//! when the same identity comes again, so no two calls get the same.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rand::Rng;
use trunkline_base::id::{ParticipantIdentity, RoomName, guid};

/// The identities in use. Behind a lock since calls begin and end on every thread; it is held for
/// one look into the set and never across an await.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(Arc<Mutex<Taken>>);

type Taken = BTreeSet<(RoomName, ParticipantIdentity)>;

/// An identity of one call; free again when dropped.
#[derive(Debug)]
pub(super) struct Name {
    names: Names,
    taken: (RoomName, ParticipantIdentity),
}

impl Names {
    /// The identity asked for, or one like it with an ending of its own.
    pub(super) fn take(
        &self,
        room: &RoomName,
        wanted: ParticipantIdentity,
        rng: &mut impl Rng,
    ) -> Name {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut name = (room.clone(), wanted.clone());
        while !taken.insert(name.clone()) {
            let ended = format!("{wanted}_{}", guid("", rng));
            match ParticipantIdentity::parse(ended) {
                Ok(identity) => name.1 = identity,
                // Too long for an ending: the one name that cannot be shared is shared.
                Err(_) => break,
            }
        }
        Name {
            names: self.clone(),
            taken: name,
        }
    }
}

impl Name {
    pub(super) const fn identity(&self) -> &ParticipantIdentity {
        &self.taken.1
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let mut taken = self.names.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.remove(&self.taken);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_second_call_of_a_number_does_not_throw_the_first_one_out() {
        let (names, mut rng) = (Names::default(), StdRng::seed_from_u64(1));
        let room = |name: &str| RoomName::parse(name).unwrap();
        let number = || ParticipantIdentity::parse("sip_+15550100").unwrap();
        let first = names.take(&room("a"), number(), &mut rng);
        let second = names.take(&room("a"), number(), &mut rng);
        let elsewhere = names.take(&room("b"), number(), &mut rng);
        assert_eq!(first.identity(), &number());
        assert_eq!(elsewhere.identity(), &number());
        assert!(second.identity().as_str().starts_with("sip_+15550100_"));
        drop(first);
        assert_eq!(
            names.take(&room("a"), number(), &mut rng).identity(),
            &number()
        );
    }
}
