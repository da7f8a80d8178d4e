//! Who carries out the calls that the API asks for: a gateway, which whoever ties the parts together
//! connects to the node. Without one there is nobody to dial.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use livekit_protocol as proto;
use trunkline_base::class::Class;

/// A call to place: a request that was found fit, and the trunk it names.
#[derive(Clone, Debug)]
pub struct CallOrder {
    /// Whom, and how.
    pub request: proto::CreateSipParticipantRequest,
    /// The stored trunk; `None` where the request brings one of its own.
    pub trunk: Option<proto::SipOutboundTrunkInfo>,
}

/// Why a call was not placed or not transferred.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct LineError {
    /// How it is to be taken.
    pub class: Class,
    /// In words.
    pub text: String,
    /// The status of the phone's side and its words, where it was asked.
    pub sip: Option<(u16, String)>,
}

/// What comes of an order, in its time. Dropping it says that nobody waits any more.
pub type LineFuture<T> = Pin<Box<dyn Future<Output = Result<T, LineError>> + Send>>;

/// Lines to the telephone network.
pub trait Lines: Send + Sync + 'static {
    /// Places a call. It is there once its participant is in the room, or, where the request says
    /// so, once somebody has answered.
    fn place(&self, order: CallOrder) -> LineFuture<proto::SipParticipantInfo>;

    /// Sends whoever is on the phone to somebody else, and says how that went: where it failed, the
    /// call goes on.
    fn transfer(
        &self,
        request: proto::TransferSipParticipantRequest,
    ) -> LineFuture<proto::TransferSipParticipantResponse>;
}

/// Trunks and rules that calls go by. Lists are for whoever asks: they tell no password that is ours.
pub trait Trunks: Send + Sync + 'static {
    /// Those that calls come in over.
    fn inbound(&self) -> LineFuture<Vec<proto::SipInboundTrunkInfo>>;
    /// Those that calls go out over.
    fn outbound(&self) -> LineFuture<Vec<proto::SipOutboundTrunkInfo>>;
    /// The one of them with this id, with all that a call over it needs.
    fn way_out(&self, id: String) -> LineFuture<Option<proto::SipOutboundTrunkInfo>>;
    /// Which room a call goes to.
    fn rules(&self) -> LineFuture<Vec<proto::SipDispatchRuleInfo>>;
}

/// The lines, once they are connected.
#[derive(Clone, Default)]
pub(crate) struct Connected(Arc<OnceLock<Arc<dyn Lines>>>);

impl Connected {
    /// Connects them, for the first who does.
    pub(crate) fn connect(&self, lines: Arc<dyn Lines>) {
        if self.0.set(lines).is_err() {
            tracing::warn!("lines are connected already");
        }
    }

    pub(crate) fn get(&self) -> Option<&dyn Lines> {
        self.0.get().map(AsRef::as_ref)
    }
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connected")
            .field(&self.0.get().is_some())
            .finish()
    }
}
