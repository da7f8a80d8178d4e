//! Writing calls down, and reading them after a restart.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tracing::warn;
use trunkline_base::id::CallId;
use trunkline_base::secret::{Personal, Secret};
use trunkline_base::time::UnixTime;
use trunkline_sip::digest::Login;
use trunkline_sip::endpoint::{KeptLeg, LegSecrets};
use trunkline_store::{CallEnd, EndedBy, Half, Journalled, Row, Store, StoreError};

use super::super::desk::wall_clock;
use super::super::seal::JournalKey;
use super::kept::KeptCall;

/// The journal of a gateway's calls. Writing waits for no disk.
#[derive(Clone)]
pub(crate) struct Journal {
    store: Store,
    key: JournalKey,
}

/// A call that was up when its process ended.
pub(crate) struct Found {
    pub(crate) call: CallId,
    /// Its dialog and how long nobody has been there for it; `None` where it cannot be read.
    pub(crate) dialog: Option<(KeptLeg, std::time::Duration)>,
    /// All that is sealed, or in a word why there is none.
    pub(crate) rest: Result<(LegSecrets, Box<KeptCall>), &'static str>,
}

/// The half of a call that SIP needs.
#[derive(Serialize, Deserialize)]
struct Page {
    at: UnixTime,
    leg: KeptLeg,
    /// [`Sealed`], in base 64.
    sealed: String,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    sdp: String,
    login: Option<(String, String)>,
}

impl Journal {
    pub(crate) const fn new(store: Store, key: JournalKey) -> Self {
        Self { store, key }
    }

    /// Writes down what SIP needs of a call.
    pub(crate) fn keep_dialog(&self, call: &CallId, leg: KeptLeg, secrets: &LegSecrets) {
        let login = secrets.login.as_ref();
        let sealed = Sealed {
            sdp: String::from_utf8_lossy(&secrets.sdp).into_owned(),
            login: login.map(|login| (login.username.clone(), login.password.expose().clone())),
        };
        let at = wall_clock();
        let Some(sealed) = self.seal(call, &sealed) else {
            return;
        };
        let page = Page {
            at,
            leg,
            sealed: STANDARD.encode(sealed),
        };
        if let Ok(body) = serde_json::to_vec(&page) {
            self.write(Half::Dialog, call, body, at);
        }
    }

    /// Writes down the rest of a call.
    pub(crate) fn keep_call(&self, call: &CallId, kept: &KeptCall) {
        if let Some(sealed) = self.seal(call, kept) {
            self.write(Half::Call, call, sealed, wall_clock());
        }
    }

    pub(crate) fn forget(&self, half: Half, call: &CallId) {
        self.store.later(Row::Forget(half, call.clone()));
    }

    /// There are calls, and somebody who minds them.
    pub(crate) fn alive(&self) {
        self.store.later(Row::Alive(wall_clock()));
    }

    /// The call does not go on; its dialog is forgotten once the other side knows.
    pub(crate) fn give_up(&self, call: &CallId, reason: &'static str) {
        let end = CallEnd {
            at: wall_clock(),
            reason: reason.to_owned(),
            sip_status: None,
            q850: Some(41),
            by: Some(EndedBy::Gateway),
            bill: None,
            summary: serde_json::json!({ "resumed": false }),
        };
        self.store.later(Row::CallEnded(call.clone(), end));
        self.forget(Half::Call, call);
    }

    /// The calls that were up when the last process ended.
    pub(crate) async fn read(&self) -> Result<Vec<Found>, StoreError> {
        let journal = self.store.journal();
        let (all, now) = (journal.all().await?, wall_clock());
        let alive = journal.last_alive().await?.unwrap_or_default();
        let found = all.into_iter().filter_map(|(call, halves)| {
            let call = CallId::parse(call).ok()?;
            Some(self.found(call, &halves, (alive, now)))
        });
        Ok(found.collect())
    }

    fn found(
        &self,
        call: CallId,
        halves: &Journalled,
        (alive, now): (UnixTime, UnixTime),
    ) -> Found {
        let page = halves.dialog.as_deref();
        let page: Option<Page> = page.and_then(|page| serde_json::from_slice(page).ok());
        let rest = self.rest(&call, page.as_ref(), halves);
        let dialog = page.map(|page| (page.leg, now.since(page.at.max(alive))));
        Found { call, dialog, rest }
    }

    fn rest(
        &self,
        call: &CallId,
        page: Option<&Page>,
        halves: &Journalled,
    ) -> Result<(LegSecrets, Box<KeptCall>), &'static str> {
        let page = page.ok_or(UNREADABLE)?;
        let body = halves.call.as_deref().ok_or("journal_incomplete")?;
        let kept = self
            .key
            .open(call.as_str(), body)
            .ok_or("journal_key_lost")?;
        let kept = serde_json::from_slice(&kept).map_err(|_| UNREADABLE)?;
        let sealed = STANDARD.decode(&page.sealed).map_err(|_| UNREADABLE)?;
        let sealed = self.key.open(call.as_str(), &sealed);
        let sealed = sealed.ok_or("journal_key_lost")?;
        let Sealed { sdp, login } = serde_json::from_slice(&sealed).map_err(|_| UNREADABLE)?;
        let secrets = LegSecrets {
            sdp: sdp.into(),
            login: login.map(|(username, password)| Login {
                username,
                password: Secret::new(password),
            }),
        };
        Ok((secrets, kept))
    }

    fn seal(&self, call: &CallId, what: &impl Serialize) -> Option<Vec<u8>> {
        let text = serde_json::to_vec(what).ok();
        let sealed = text.and_then(|text| self.key.seal(call.as_str(), text));
        if sealed.is_none() {
            warn!("a call cannot be written down; it would not outlive this process");
        }
        sealed
    }

    fn write(&self, half: Half, call: &CallId, body: Vec<u8>, at: UnixTime) {
        let body = Personal::new(body);
        self.store.later(Row::Journal(half, call.clone(), body, at));
    }
}

const UNREADABLE: &str = "journal_unreadable";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn found(store: &Store, key: &JournalKey) -> Vec<Found> {
        assert!(store.written(Duration::from_secs(5)).await);
        let journal = Journal::new(store.clone(), key.clone());
        journal.read().await.unwrap()
    }

    /// Whatever else is lost, a call has its end in the store.
    #[tokio::test]
    async fn pages_that_cannot_be_read_are_found_with_a_word_for_it() {
        let store = Store::open(":memory:").await.unwrap();
        let key = JournalKey::fresh();
        let journal = store.journal();
        let at = UnixTime(1);
        journal.keep(Half::Dialog, "SCL_1", b"{", at).await.unwrap();
        journal
            .keep(Half::Call, "SCL_2", b"junk", at)
            .await
            .unwrap();
        let all = found(&store, &key).await;
        assert_eq!(all.len(), 2);
        for one in &all {
            assert!(one.dialog.is_none());
            assert_eq!(one.rest.as_ref().err().copied(), Some(UNREADABLE));
        }
    }
}
