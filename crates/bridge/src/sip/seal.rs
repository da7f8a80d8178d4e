//! The key of the journal, and who has it.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rand::RngCore;
use trunkline_base::class::{Class, Classified};
use trunkline_base::secret::Secret;

/// The key that seals the journal of calls. Whoever has it is the only process that has: the lock ends
/// with its process, however that ends.
#[derive(Clone)]
pub struct JournalKey {
    key: Secret<Vec<u8>>,
    _lock: Option<Arc<File>>,
}

/// Why the key cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("the journal of calls cannot be kept: {}", .path.display())]
pub struct JournalKeyError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Classified for JournalKeyError {
    fn class(&self) -> Class {
        Class::Unavailable
    }

    fn code(&self) -> &'static str {
        "sip.journal.key"
    }
}

impl JournalKey {
    /// The key in a file, which is made where there is none; `None` while another process has it.
    ///
    /// # Errors
    /// [`JournalKeyError`] when the file cannot be made or read.
    pub fn claim(path: &Path) -> Result<Option<Self>, JournalKeyError> {
        let claimed = open(path).and_then(|file| match file.try_lock() {
            Ok(()) => read(file).map(Some),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        });
        claimed.map_err(|source| JournalKeyError {
            path: path.to_owned(),
            source,
        })
    }

    /// One that nobody else knows, and that ends with this process.
    #[cfg(test)]
    pub(crate) fn fresh() -> Self {
        Self {
            key: Secret::new(made()),
            _lock: None,
        }
    }

    /// Seals what belongs to a call; it opens for that one alone.
    pub(super) fn seal(&self, call: &str, mut text: Vec<u8>) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        rand::rng().fill_bytes(&mut nonce);
        let mut sealed = nonce.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let aad = Aad::from(call.as_bytes());
        let done = self
            .cipher()?
            .seal_in_place_append_tag(nonce, aad, &mut text);
        done.ok()?;
        sealed.append(&mut text);
        Some(sealed)
    }

    /// Opens what [`Self::seal`] sealed for this call with this key, and nothing else.
    pub(super) fn open(&self, call: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let aad = Aad::from(call.as_bytes());
        let length = self
            .cipher()?
            .open_in_place(nonce, aad, &mut text)
            .ok()?
            .len();
        text.truncate(length);
        Some(text)
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        let key = UnboundKey::new(&AES_256_GCM, self.key.expose()).ok()?;
        Some(LessSafeKey::new(key))
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    // Its owner's alone, before anything is in it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The key in the file; a new one where there is none, or none that is whole.
fn read(mut file: File) -> io::Result<JournalKey> {
    let mut key = Vec::new();
    file.read_to_end(&mut key)?;
    if key.len() != AES_256_GCM.key_len() {
        key = made();
        file.set_len(0)?;
        io::Seek::rewind(&mut file)?;
        file.write_all(&key)?;
        file.sync_all()?;
    }
    Ok(JournalKey {
        key: Secret::new(key),
        _lock: Some(Arc::new(file)),
    })
}

fn made() -> Vec<u8> {
    let mut key = vec![0; AES_256_GCM.key_len()];
    rand::rng().fill_bytes(&mut key);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_call_and_with_its_key_alone() {
        let (key, other) = (JournalKey::fresh(), JournalKey::fresh());
        let sealed = key.seal("SCL_1", b"a key of the sound".to_vec()).unwrap();
        assert!(!sealed.windows(5).any(|part| part == b"sound"));
        assert_eq!(key.open("SCL_1", &sealed).unwrap(), b"a key of the sound");
        assert!(key.open("SCL_2", &sealed).is_none());
        assert!(other.open("SCL_1", &sealed).is_none());
        let mut bent = sealed.clone();
        bent[20] ^= 1;
        assert!(key.open("SCL_1", &bent).is_none());
        assert!(key.open("SCL_1", &sealed[..7]).is_none());
        assert_ne!(
            key.seal("SCL_1", b"a key of the sound".to_vec()).unwrap(),
            sealed
        );
    }

    #[test]
    fn one_process_at_a_time_has_the_key_and_the_next_has_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("calls.key");
        let first = JournalKey::claim(&path).unwrap().unwrap();
        let sealed = first.seal("a", b"x".to_vec()).unwrap();
        assert!(JournalKey::claim(&path).unwrap().is_none());
        drop(first);
        let next = JournalKey::claim(&path).unwrap().unwrap();
        assert_eq!(next.open("a", &sealed).unwrap(), b"x");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = path.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        drop(next);
        // Half a key is none.
        std::fs::write(&path, b"short").unwrap();
        let fresh = JournalKey::claim(&path).unwrap().unwrap();
        assert!(fresh.open("a", &sealed).is_none());
    }
}
