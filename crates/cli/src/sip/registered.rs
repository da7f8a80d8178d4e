//! How registrations stand, as the daemon writes it into the store and `sip registrations` reads it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use trunkline_base::time::UnixTime;
use trunkline_bridge::sip::{RegistrationState, Standing};
use trunkline_store::{Store, StoreError};

/// All registrations of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sheet {
    /// When it was written. A gateway that runs does so every half minute.
    pub(crate) at: UnixTime,
    /// The gateway has ended, and taken them back.
    pub(crate) ended: bool,
    pub(crate) trunks: Vec<Line>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) trunk: String,
    pub(crate) registrar: String,
    pub(crate) state: State,
    /// Our address there.
    pub(crate) contact: Option<String>,
    /// The server that has it.
    pub(crate) target: Option<String>,
    /// Until when calls come, without being renewed.
    pub(crate) expires_at: Option<UnixTime>,
    /// When it is tried again.
    pub(crate) next_try_at: Option<UnixTime>,
    /// What went wrong last.
    pub(crate) error: Option<String>,
    /// What mends that.
    pub(crate) remedy: Option<String>,
}

/// Whether calls come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Registered,
    /// Never yet, or no longer.
    Trying,
}

impl State {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Trying => "not registered",
        }
    }
}

impl Sheet {
    pub(crate) fn of(states: Vec<RegistrationState>, at: UnixTime) -> Self {
        let trunks = states.into_iter().map(|state| Line::of(state, at));
        Self {
            at,
            ended: false,
            trunks: trunks.collect(),
        }
    }

    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn write(&self, store: &Store) -> Result<(), StoreError> {
        let body = serde_json::to_vec(self).unwrap_or_default();
        store.documents().put(KIND, ID, &body, self.at).await
    }

    /// The latest, if any gateway ever wrote one; what cannot be read is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn read(store: &Store) -> Result<Option<Self>, StoreError> {
        let body = store.documents().get(KIND, ID).await?;
        Ok(body.and_then(|body| serde_json::from_slice(&body).ok()))
    }

    /// Does whoever wrote it seem to be gone without a word?
    pub(crate) fn is_stale(&self, now: UnixTime) -> bool {
        !self.ended && now.since(self.at) > EVERY * 3
    }
}

impl Line {
    fn of(state: RegistrationState, at: UnixTime) -> Self {
        let after = |seconds: u64| Some(at.plus(Duration::from_secs(seconds)));
        let (word, expires_at, next_try_at) = match state.standing {
            Standing::Registered(left) => (State::Registered, after(left), None),
            Standing::Trying(next) => (State::Trying, None, after(next)),
        };
        Self {
            trunk: state.trunk,
            registrar: state.registrar,
            state: word,
            contact: state.contact,
            target: state.target,
            expires_at,
            next_try_at,
            error: state.error,
            remedy: state.remedy.map(str::to_owned),
        }
    }
}

/// How often it is written where nothing changes.
pub(crate) const EVERY: Duration = Duration::from_secs(30);

const KIND: &str = "sip_registrations";
const ID: &str = "gateway";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_is_read_and_grows_stale() {
        let store = Store::open(":memory:").await.unwrap();
        assert_eq!(Sheet::read(&store).await.unwrap(), None);
        let at = UnixTime::from_secs(1_800_000_000);
        let state = |standing, error: Option<&str>| RegistrationState {
            trunk: "provider".to_owned(),
            registrar: "sip.example.com".to_owned(),
            standing,
            contact: Some("sip:tl01@203.0.113.1:5060".to_owned()),
            error: error.map(str::to_owned),
            remedy: error.map(|_| "check it"),
            target: None,
        };
        let states = vec![
            state(Standing::Registered(60), None),
            state(Standing::Trying(5), Some("the registrar does not answer")),
        ];
        let sheet = Sheet::of(states, at);
        sheet.write(&store).await.unwrap();
        assert_eq!(Sheet::read(&store).await.unwrap().as_ref(), Some(&sheet));
        assert_eq!(
            sheet.trunks[0].expires_at,
            Some(UnixTime::from_secs(1_800_000_060))
        );
        assert_eq!(sheet.trunks[1].remedy.as_deref(), Some("check it"));
        assert!(!sheet.is_stale(at.plus(EVERY)));
        assert!(sheet.is_stale(at.plus(EVERY * 4)));
        let ended = Sheet {
            ended: true,
            ..sheet
        };
        assert!(!ended.is_stale(at.plus(EVERY * 4)));
    }
}
