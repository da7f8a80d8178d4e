//! What one RPC is: its name, the grant it needs, whether it may be repeated, and how a request
//! of it is completed, scoped to a room and bounded in time.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use crate::auth::{ApiGrant, Scope};

/// Whether a call may be sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// It reads, or sets absolute values.
    Safe,
    /// It carries a nonce by which the server drops a second copy. Stale soon, so a repeat goes
    /// out at once or not at all.
    AtOnce,
    /// It removes: `not_found` on a repeat means the first one worked.
    GoneIsDone,
    /// It ends something: `not_found` and `failed_precondition` on a repeat mean the first one
    /// worked.
    EndedIsDone,
    /// A second one would do something a second time: dial, record, dispatch. It is sent again
    /// only where the first provably never left this machine.
    Never,
}

/// One RPC, without its types: what tools list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RpcInfo {
    /// `RoomService`, `Egress`, `Ingress`, `SIP`, `AgentDispatchService`, `Connector`.
    pub service: &'static str,
    /// The method, as the protocol spells it.
    pub method: &'static str,
    /// `Service/Method`.
    pub name: &'static str,
    /// `/twirp/livekit.Service/Method`.
    pub path: &'static str,
    /// The least right it needs.
    pub grant: ApiGrant,
    /// Whether it may be sent twice.
    pub repeat: Repeat,
}

/// One RPC with its request and answer.
pub struct Rpc<Req, Res> {
    info: RpcInfo,
    scope: for<'a> fn(&'a Req) -> Scope<'a>,
    fill: fn(&mut Req),
    /// How long the call takes by its nature, where that is longer than calls usually may.
    takes: fn(&Req) -> Duration,
    answer: PhantomData<fn() -> Res>,
}

impl<Req, Res> Rpc<Req, Res> {
    pub(super) const fn new(info: RpcInfo) -> Self {
        Self {
            info,
            scope: |_| Scope {
                room: "",
                destination: "",
            },
            fill: |_| (),
            takes: |_| Duration::ZERO,
            answer: PhantomData,
        }
    }

    /// About the room this finds in the request.
    pub(super) const fn about(mut self, scope: for<'a> fn(&'a Req) -> Scope<'a>) -> Self {
        self.scope = scope;
        self
    }

    /// With what a caller may leave out.
    pub(super) const fn filled(mut self, fill: fn(&mut Req)) -> Self {
        self.fill = fill;
        self
    }

    /// Taking longer than other calls.
    pub(super) const fn taking(mut self, takes: fn(&Req) -> Duration) -> Self {
        self.takes = takes;
        self
    }

    pub const fn info(&self) -> &RpcInfo {
        &self.info
    }

    pub(super) fn scope<'a>(&self, request: &'a Req) -> Scope<'a> {
        (self.scope)(request)
    }

    pub(super) fn fill(&self, request: &mut Req) {
        (self.fill)(request);
    }

    /// The deadline of the whole call.
    pub(super) fn limit(&self, request: &Req, usual: Duration, margin: Duration) -> Duration {
        let takes = (self.takes)(request);
        if takes.is_zero() {
            return usual;
        }
        usual.max(takes + margin)
    }
}

impl<Req, Res> fmt::Debug for Rpc<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rpc").field(&self.info.name).finish()
    }
}

impl fmt::Display for RpcInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
