//! What is written down of calls that are up, so that they may go on after a restart. Each call has
//! two halves, by whoever knows them: its dialog, and all the rest. What is inside is the owner's
//! business.

use std::collections::BTreeMap;

use sqlx::SqlitePool;
use trunkline_base::time::UnixTime;

use crate::documents::Documents;
use crate::error::StoreError;

/// A half of what is written down of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// What SIP needs to go on.
    Dialog,
    /// Sound, room and record.
    Call,
    /// An INVITE that has no final answer, of a call that is none yet.
    Ringing,
}

impl Half {
    /// The kind of its documents; `close_orphans` names them too.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Dialog => "sip_dialog",
            Self::Call => "sip_call",
            Self::Ringing => "sip_ringing",
        }
    }
}

/// A call as it was written down last.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Journalled {
    pub dialog: Option<Vec<u8>>,
    pub call: Option<Vec<u8>>,
}

/// The journal of calls.
#[derive(Clone, Copy, Debug)]
pub struct Journal<'a> {
    documents: Documents<'a>,
}

impl<'a> Journal<'a> {
    pub(crate) const fn new(pool: &'a SqlitePool) -> Self {
        Self {
            documents: Documents::new(pool),
        }
    }

    /// Writes a half in place of what there was.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn keep(
        &self,
        half: Half,
        call: &str,
        body: &[u8],
        at: UnixTime,
    ) -> Result<(), StoreError> {
        self.documents.put(half.kind(), call, body, at).await
    }

    /// Takes a half out; one that is not there is as good.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be taken out.
    pub async fn forget(&self, half: Half, call: &str) -> Result<(), StoreError> {
        self.documents.delete(half.kind(), call).await.map(drop)
    }

    /// Whoever has calls still lives.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn alive(&self, at: UnixTime) -> Result<(), StoreError> {
        let body = at.0.to_be_bytes();
        self.documents.put(ALIVE, ALIVE, &body, at).await
    }

    /// When somebody who had calls was last alive.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn last_alive(&self) -> Result<Option<UnixTime>, StoreError> {
        let body = self.documents.get(ALIVE, ALIVE).await?;
        let body = body.and_then(|body| <[u8; 8]>::try_from(body).ok());
        Ok(body.map(|body| UnixTime(u64::from_be_bytes(body))))
    }

    /// Every call that is written down, by its id.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn all(&self) -> Result<BTreeMap<String, Journalled>, StoreError> {
        let mut all: BTreeMap<String, Journalled> = BTreeMap::new();
        for (call, body) in self.documents.list(Half::Dialog.kind()).await? {
            all.entry(call).or_default().dialog = Some(body);
        }
        for (call, body) in self.documents.list(Half::Call.kind()).await? {
            all.entry(call).or_default().call = Some(body);
        }
        Ok(all)
    }

    /// Every INVITE that has no final answer, by its call's id.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn ringing(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.documents.list(Half::Ringing.kind()).await
    }

    /// Forgets every call: nobody will go on with them.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be taken out.
    pub async fn clear(&self) -> Result<(), StoreError> {
        for call in self.all().await?.keys() {
            self.forget(Half::Dialog, call).await?;
            self.forget(Half::Call, call).await?;
        }
        for (call, _) in self.ringing().await? {
            self.forget(Half::Ringing, &call).await?;
        }
        Ok(())
    }
}

/// Kind and name of the sign of life.
const ALIVE: &str = "sip_alive";

#[cfg(test)]
mod tests {
    use crate::Store;

    use super::*;

    #[tokio::test]
    async fn halves_come_together_by_their_call_and_go_one_by_one() {
        let store = Store::open(":memory:").await.unwrap();
        let journal = store.journal();
        journal
            .keep(Half::Dialog, "a", b"1", UnixTime(1))
            .await
            .unwrap();
        journal
            .keep(Half::Call, "a", b"2", UnixTime(2))
            .await
            .unwrap();
        journal
            .keep(Half::Call, "a", b"3", UnixTime(3))
            .await
            .unwrap();
        journal
            .keep(Half::Dialog, "b", b"4", UnixTime(4))
            .await
            .unwrap();
        let all = journal.all().await.unwrap();
        assert_eq!(all["a"].call.as_deref(), Some(&b"3"[..]));
        assert_eq!(all["a"].dialog.as_deref(), Some(&b"1"[..]));
        assert_eq!(all["b"].call, None);
        journal.forget(Half::Dialog, "a").await.unwrap();
        assert_eq!(journal.all().await.unwrap()["a"].dialog, None);
        assert_eq!(journal.last_alive().await.unwrap(), None);
        journal
            .keep(Half::Ringing, "c", b"5", UnixTime(5))
            .await
            .unwrap();
        assert_eq!(journal.ringing().await.unwrap().len(), 1);
        assert!(!journal.all().await.unwrap().contains_key("c"));
        journal.alive(UnixTime(7)).await.unwrap();
        assert_eq!(journal.last_alive().await.unwrap(), Some(UnixTime(7)));
        journal.clear().await.unwrap();
        assert!(journal.all().await.unwrap().is_empty());
        assert!(journal.ringing().await.unwrap().is_empty());
    }
}
