//! Writing calls down, and reading them after a restart.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tracing::warn;
use trunkline_base::id::CallId;
use trunkline_base::secret::{Personal, Secret};
use trunkline_base::time::UnixTime;
use trunkline_sip::digest::Login;
use trunkline_sip::endpoint::{KeptInvite, KeptLeg, LegSecrets};
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

/// A dialog that was up when its process ended, or a call without one.
pub(crate) struct Found {
    /// Our tag in the dialog.
    pub(crate) tag: CallId,
    /// The call that it is the phone of; `None` where another phone is that call's now.
    pub(crate) call: Option<CallId>,
    /// The dialog and how long nobody has been there for it; `None` where it cannot be read.
    pub(crate) dialog: Option<(KeptLeg, std::time::Duration)>,
    /// Who was dialled there inside TLS.
    pub(crate) domain: Option<String>,
    /// All that is sealed, or in a word why there is none.
    pub(crate) rest: Result<(LegSecrets, Box<KeptCall>), &'static str>,
}

/// An INVITE that has no final answer, and who was dialled there inside TLS.
pub(crate) type Ringing = (KeptInvite, Option<String>);

/// The sealed half of a call, and whose it is.
type Opened = (CallId, Result<Box<KeptCall>, &'static str>);

/// The half of a call that SIP needs.
#[derive(Serialize, Deserialize)]
struct Page {
    at: UnixTime,
    leg: KeptLeg,
    /// Who was dialled there inside TLS: whoever is connected to again must be the same.
    #[serde(default)]
    domain: Option<String>,
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
    pub(crate) fn keep_dialog(
        &self,
        call: &CallId,
        (leg, domain): (KeptLeg, Option<String>),
        secrets: &LegSecrets,
    ) {
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
            domain,
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

    /// The calls that were up when the last process ended, each by its phone's dialog.
    pub(crate) async fn read(&self) -> Result<Vec<Found>, StoreError> {
        let journal = self.store.journal();
        let (all, now) = (journal.all().await?, wall_clock());
        let alive = journal.last_alive().await?.unwrap_or_default();
        let mut calls = self.calls(&all);
        let mut found = Vec::new();
        for (tag, halves) in &all {
            let (Some(body), Ok(tag)) = (&halves.dialog, CallId::parse(tag.as_str())) else {
                continue;
            };
            let page: Option<Page> = serde_json::from_slice(body).ok();
            let (call, rest) = match calls.remove(tag.as_str()) {
                Some((call, opened)) => (Some(call), self.rest(&tag, page.as_ref(), opened)),
                None if halves.call.is_some() => (None, Err("phone_left")),
                None if page.is_none() => (Some(tag.clone()), Err(UNREADABLE)),
                None => (Some(tag.clone()), Err("journal_incomplete")),
            };
            let domain = page.as_ref().and_then(|page| page.domain.clone());
            let dialog = page.map(|page| (page.leg, now.since(page.at.max(alive))));
            found.push(Found {
                tag,
                call,
                dialog,
                domain,
                rest,
            });
        }
        let alone = calls.into_values().map(|(call, _)| Found {
            tag: call.clone(),
            call: Some(call),
            dialog: None,
            domain: None,
            rest: Err(UNREADABLE),
        });
        found.extend(alone);
        Ok(found)
    }

    /// The sealed halves, by the tags of their dialogs.
    fn calls(&self, all: &BTreeMap<String, Journalled>) -> BTreeMap<String, Opened> {
        let calls = all.iter().filter_map(|(id, halves)| {
            let (body, call) = (halves.call.as_deref()?, CallId::parse(id.as_str()).ok()?);
            let opened = self.opened::<Box<KeptCall>>(&call, body);
            let dialog = opened.as_ref().ok().and_then(|kept| kept.dialog.clone());
            Some((dialog.unwrap_or_else(|| id.clone()), (call, opened)))
        });
        calls.collect()
    }

    fn opened<T: DeserializeOwned>(&self, call: &CallId, body: &[u8]) -> Result<T, &'static str> {
        let text = self.key.open(call.as_str(), body).ok_or(KEY_LOST)?;
        serde_json::from_slice(&text).map_err(|_| UNREADABLE)
    }

    fn rest(
        &self,
        tag: &CallId,
        page: Option<&Page>,
        kept: Result<Box<KeptCall>, &'static str>,
    ) -> Result<(LegSecrets, Box<KeptCall>), &'static str> {
        let page = page.ok_or(UNREADABLE)?;
        let kept = kept?;
        let sealed = STANDARD.decode(&page.sealed).map_err(|_| UNREADABLE)?;
        let Sealed { sdp, login } = self.opened(tag, &sealed)?;
        let secrets = LegSecrets {
            sdp: sdp.into(),
            login: login.map(|(username, password)| Login {
                username,
                password: Secret::new(password),
            }),
        };
        Ok((secrets, kept))
    }

    /// Writes down an INVITE that waits for its final answer.
    pub(crate) fn keep_ringing(&self, call: &CallId, invite: &Ringing) {
        if let Some(sealed) = self.seal(call, invite) {
            self.write(Half::Ringing, call, sealed, wall_clock());
        }
    }

    /// The INVITEs that waited when the last process ended; `None` for one that cannot be read.
    pub(crate) async fn ringing(&self) -> Result<Vec<(CallId, Option<Ringing>)>, StoreError> {
        let all = self.store.journal().ringing().await?;
        let found = all.into_iter().filter_map(|(call, body)| {
            let call = CallId::parse(call).ok()?;
            let invite = self.opened(&call, &body).ok();
            Some((call, invite))
        });
        Ok(found.collect())
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
const KEY_LOST: &str = "journal_key_lost";

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
