//! A sentence's sound, in memory and as bytes: a mark, the clauses with their sound, and a digest
//! of all that, so that a file that was cut short, changed or made by another program is no clip.

use sha2::{Digest as _, Sha256};

/// A sentence with its sound, clause by clause, at the voice rate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clip {
    pub(crate) clauses: Vec<(String, Vec<i16>)>,
}

/// What a file begins with; another layout has another mark.
const MARK: &[u8] = b"trunkline clip 1\n";
const DIGEST: usize = 32;

impl Clip {
    /// Adds sound to its clause; whether that begins with it.
    pub(crate) fn push(&mut self, clause: &str, samples: &[i16]) -> bool {
        if let Some((last, all)) = self.clauses.last_mut()
            && last == clause
        {
            all.extend_from_slice(samples);
            return false;
        }
        self.clauses.push((clause.to_owned(), samples.to_vec()));
        true
    }

    pub(super) fn length(&self) -> usize {
        self.clauses.iter().map(|(_, samples)| samples.len()).sum()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = MARK.to_vec();
        let number = |count: usize, bytes: &mut Vec<u8>| {
            bytes.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        };
        number(self.clauses.len(), &mut bytes);
        for (text, samples) in &self.clauses {
            number(text.len(), &mut bytes);
            bytes.extend_from_slice(text.as_bytes());
            number(samples.len(), &mut bytes);
            bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        }
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        bytes
    }

    /// The clip, if the bytes are one from beginning to end.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, digest) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST)?)?;
        if Sha256::digest(body)[..] != *digest {
            return None;
        }
        let mut rest = body.strip_prefix(MARK)?;
        let clauses = number(&mut rest)?;
        let mut clip = Self::default();
        for _ in 0..clauses {
            let length = number(&mut rest)?;
            let text = std::str::from_utf8(take(&mut rest, length)?).ok()?;
            let count = number(&mut rest)?;
            let sound = take(&mut rest, count.checked_mul(2)?)?;
            let (pairs, _) = sound.as_chunks::<2>();
            let samples = pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
            clip.clauses.push((text.to_owned(), samples));
        }
        rest.is_empty().then_some(clip)
    }
}

fn number(rest: &mut &[u8]) -> Option<usize> {
    let (first, others) = rest.split_first_chunk::<4>()?;
    *rest = others;
    usize::try_from(u32::from_le_bytes(*first)).ok()
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (first, others) = rest.split_at_checked(length)?;
    *rest = others;
    Some(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clip(clauses: &[(&str, Vec<i16>)]) -> Clip {
        let own = |(text, samples): &(&str, Vec<i16>)| ((*text).to_owned(), samples.clone());
        Clip {
            clauses: clauses.iter().map(own).collect(),
        }
    }

    #[test]
    fn a_clip_comes_back_as_it_was() {
        let sound = vec![0, -1, i16::MIN, i16::MAX];
        let spoken = clip(&[("Good day,", sound), ("how may I help?", Vec::new())]);
        assert_eq!(
            Clip::decode(&spoken.encode()).unwrap().clauses,
            spoken.clauses
        );
    }

    proptest! {
        #[test]
        fn a_damaged_file_is_no_clip(at in 0_usize..90, bit in 0_u8..8, cut in 1_usize..90) {
            let bytes = clip(&[("Hello.", vec![7; 12])]).encode();
            let mut flipped = bytes.clone();
            flipped[at % bytes.len()] ^= 1 << bit;
            prop_assert!(Clip::decode(&flipped).is_none());
            let short = bytes.get(..bytes.len().saturating_sub(cut)).unwrap();
            prop_assert!(Clip::decode(short).is_none());
        }

        #[test]
        fn any_bytes_are_looked_at_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            // With a digest that fits, so that the inside is looked at too.
            let mut body = [MARK, &bytes].concat();
            let digest = Sha256::digest(&body);
            body.extend_from_slice(&digest);
            if let Some(clip) = Clip::decode(&body) {
                prop_assert_eq!(clip.encode(), body);
            }
        }
    }
}
