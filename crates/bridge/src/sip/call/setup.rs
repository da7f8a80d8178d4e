//! What calls share, and what each of them knows from its INVITE.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tracing::warn;
use trunkline_base::id::{CallId, ParticipantIdentity, RoomName};
use trunkline_client::api::LiveKitApiClient;
use trunkline_client::auth::{LiveKitAuthManager, Role, TokenSpec};
use trunkline_service::tasks::Stop;
use trunkline_sip::routing::{Accepted, DispatchRule, mark};
use trunkline_store::{Direction, Row, Store};

use super::super::config::{GatewayConfig, LineOut, Referrer};
use super::super::desk::LONGEST;
use super::super::journal::Journal as Pages;
use super::super::load::{Admission, Load};
use super::super::media::{Ports, Reels};
use super::super::outside::Outside;
use super::super::resolve::Resolver;
use super::super::signalling::{Arrival, Command};
use super::super::ways::Bound;
use super::attributes;
use super::exchange::Exchange;
use super::guard::Guard;
use super::names::{Name, Names};
use super::onward::{Origin, PassOrder};
use super::record::Journal;
use super::tries::Tries;

/// What every call of a gateway uses.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) config: Arc<GatewayConfig>,
    pub(crate) store: Store,
    pub(crate) auth: LiveKitAuthManager,
    pub(crate) api: LiveKitApiClient,
    pub(crate) names: Names,
    /// Who typed wrong PINs lately.
    pub(crate) tries: Tries,
    pub(crate) ports: Ports,
    pub(crate) stop: Stop,
    /// Where SIP is taken.
    pub(crate) bound: Bound,
    /// Where others see us.
    pub(crate) outside: Outside,
    /// To signalling, for calls that we place.
    pub(crate) commands: mpsc::Sender<Command>,
    /// Finds where they go, and knows which places failed lately.
    pub(crate) resolver: Resolver,
    /// What the file says of trunks that they go over, beside LiveKit's messages.
    pub(crate) lines_out: watch::Receiver<Vec<LineOut>>,
    /// Who may be dialled.
    pub(crate) guard: Guard,
    /// The calls that can be transferred.
    pub(crate) exchange: Exchange,
    /// To whoever dials in the place of a phone that passes its call on.
    pub(crate) passing: mpsc::Sender<PassOrder>,
    /// Whose phones may do so.
    pub(crate) referrers: watch::Receiver<Vec<Referrer>>,
    /// How the packets of all calls go out.
    pub(crate) load: Load,
    /// Whether there is room for one more.
    pub(crate) admission: Admission,
    /// Where their packets are kept, if they are.
    pub(crate) reels: Reels,
    /// Where calls are written down that are to outlive this process.
    pub(crate) journal: Option<Pages>,
    /// Calls are to end, before the rest of the process does.
    pub(crate) ended: watch::Receiver<bool>,
}

impl Shared {
    /// Tells whoever follows calls of this one's room.
    pub(super) fn tell_of(&self, room: &RoomName) {
        if let Some(told) = &self.config.joined
            && told.try_send(room.clone()).is_err()
        {
            warn!("whoever follows calls is behind and misses this one");
        }
    }

    /// What sound is bound with.
    pub(super) fn sockets(&self) -> (&Ports, IpAddr, &Load) {
        (&self.ports, self.config.udp.ip(), &self.load)
    }

    /// Where calls are written down.
    pub(super) fn journal(&self) -> Journal {
        Journal {
            store: self.store.clone(),
            news: self.config.news.clone(),
        }
    }

    /// Writes a call's row down, and tells whoever follows calls that there is one.
    pub(super) fn write(&self, row: Row) {
        self.journal().write(row);
    }

    /// Resolves when calls must say goodbye.
    pub(super) async fn ending(&self) {
        let mut ended = self.ended.clone();
        tokio::select! {
            () = self.stop.hurry() => {}
            Ok(_) = ended.wait_for(|ended| *ended) => {}
        }
    }
}

/// Names and limits of one call.
pub(super) struct Plan {
    pub(super) call_id: CallId,
    pub(super) room: RoomName,
    pub(super) name: Name,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) ringing: Duration,
    pub(super) longest: Duration,
    pub(super) media_timeout: Duration,
}

impl Plan {
    /// `None` only for names the matcher would not have made.
    pub(super) fn new(arrival: &Arrival, shared: &Shared) -> Option<Self> {
        let config = &shared.config;
        let accepted = &arrival.accepted;
        let trunk = &accepted.trunk;
        let ringing = trunk.ringing_timeout.unwrap_or(config.ringing_timeout);
        let longest = trunk.max_call_duration.unwrap_or(config.max_call_duration);
        let rule_timeout = accepted
            .rule
            .media
            .media_timeout
            .or(trunk.media.media_timeout);
        let room = RoomName::parse(accepted.room.as_str()).ok()?;
        let identity = ParticipantIdentity::parse(accepted.identity.as_str()).ok()?;
        let name = shared.names.take(&room, identity, &mut rand::rng());
        Some(Self {
            call_id: CallId::parse(arrival.tag.as_str()).ok()?,
            room,
            name,
            attributes: attributes::of_call(accepted, &arrival.invite, &arrival.tag),
            ringing: ringing.min(LONGEST),
            longest: longest.min(LONGEST),
            media_timeout: rule_timeout.unwrap_or(config.media_timeout),
        })
    }

    /// Whose call it is, should its phone pass it on.
    pub(super) fn origin(&self, accepted: &Accepted) -> Origin {
        Origin {
            direction: Direction::Inbound,
            trunk: mark::key(&accepted.trunk.metadata),
            number: accepted.called.expose().clone(),
            room: self.room.clone(),
            identity: self.name.identity().clone(),
        }
    }

    pub(super) fn token(&self, accepted: &Accepted) -> TokenSpec {
        // The token stays inside the system, so the rule's configuration may carry credentials.
        TokenSpec::new(Role::Sip, self.name.identity().clone())
            .in_room(self.room.clone())
            .with_credentials()
            .saying(|mut claims| {
                claims.room_config.clone_from(&accepted.rule.room_config);
                claims
                    .with_name(accepted.name.expose().as_str())
                    .with_metadata(metadata_of(accepted))
                    .with_attributes(self.attributes.clone())
            })
    }
}

/// What a rule says of its participants, unless no room takes as much.
fn metadata_of(accepted: &Accepted) -> &str {
    let metadata = accepted.metadata.as_str();
    if metadata.len() <= DispatchRule::MOST_METADATA {
        return metadata;
    }
    let (rule, bytes) = (&accepted.rule.id, metadata.len());
    warn!(%rule, bytes, limit = DispatchRule::MOST_METADATA, "the metadata of a rule is left out: it is too long");
    ""
}

/// Headers of our own for a 200: the trunk's, and attributes mapped to headers.
pub(super) fn answer_headers(
    accepted: &Accepted,
    attributes: &BTreeMap<String, String>,
) -> Vec<(String, String)> {
    let fixed = accepted
        .trunk
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    let map = &accepted.trunk.attributes_to_headers;
    fixed.chain(mapped_headers(map, attributes)).collect()
}

/// Headers that are made of attributes.
pub(super) fn mapped_headers(
    map: &BTreeMap<String, String>,
    attributes: &BTreeMap<String, String>,
) -> Vec<(String, String)> {
    let made = map.iter().filter_map(|(attribute, header)| {
        let value = attributes.get(attribute)?;
        // An attribute may hold line breaks, which would end the header and begin another.
        let clean: String = value.chars().filter(|c| !c.is_control()).collect();
        Some((header.clone(), clean))
    });
    made.collect()
}
