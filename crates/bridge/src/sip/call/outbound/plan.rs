//! What an order means: whom to call, as whom, over what, and for how long.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::Rng;
use trunkline_base::dialling::{DialPolicy, Dialling};
use trunkline_base::id::{CallId, ParticipantIdentity, RoomName, guid};
use trunkline_base::secret::Personal;
use trunkline_client::auth::{Role, TokenSpec};
use trunkline_sip::digest::Login;
use trunkline_sip::endpoint::Transport;
use trunkline_sip::message::NameAddr;
use trunkline_sip::routing::{HeaderOptions, mark};
use trunkline_sip::uri::Uri;
use trunkline_store::{CallStart, Direction};

use super::super::super::config::{GatewayConfig, LineOut};
use super::super::super::desk::{header_options, media_options, wall_clock};
use super::super::guard::moment;
use super::super::onward::Origin;
use super::super::prepared::Sound;
use super::super::setup::mapped_headers;
use super::order::{DialOrder, Unfit};
use super::request::{
    From, Hop, Limits, addressed, caller, codecs, encryption, from, identity, inline, login,
    merged, own_attributes, parse_address, target, transport, wants_tone,
};

/// All that is known of a call before it is placed.
pub(crate) struct Plan {
    pub(super) call_id: CallId,
    pub(crate) room: RoomName,
    pub(crate) identity: ParticipantIdentity,
    pub(super) name: String,
    pub(super) metadata: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) trunk_id: String,
    /// The trunk's key, where a file made it.
    pub(super) trunk_key: Option<String>,
    /// The number that calls, and the one that is called.
    pub(super) caller: String,
    pub(crate) callee: String,
    /// Where the INVITE goes first.
    pub(super) hop: Hop,
    /// What the trunk says of it.
    pub(super) transport: Option<Transport>,
    pub(super) target: Uri,
    pub(super) to: Option<NameAddr>,
    pub(super) from: From,
    pub(super) login: Option<Login>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) headers_to_attributes: BTreeMap<String, String>,
    pub(super) attributes_to_headers: BTreeMap<String, String>,
    pub(super) include_headers: HeaderOptions,
    pub(super) sound: Sound,
    pub(super) keys: String,
    pub(super) dialtone: bool,
    pub(super) ringing: Duration,
    pub(super) longest: Duration,
    /// Whoever asked waits for the answer.
    pub(crate) waits: bool,
}

impl Plan {
    pub(crate) fn new(
        order: DialOrder,
        config: &GatewayConfig,
        lines: &[LineOut],
        rng: &mut impl Rng,
    ) -> Result<Self, Unfit> {
        let DialOrder { request, trunk } = order;
        let trunk_id = request.sip_trunk_id.clone();
        let trunk = trunk.unwrap_or_else(|| inline(request.trunk.clone().unwrap_or_default()));
        let address = parse_address(&trunk.address)?;
        let transport = transport(trunk.transport(), config)?;
        let line = lines.iter().find(|line| line.is_of(&trunk.metadata));
        let proxy = line.and_then(|line| line.proxy.clone());
        let caller = caller(&request, &trunk, rng)?;
        let callee = request.sip_call_to.clone();
        let call_id = CallId::parse(guid("SCL_", rng))?;
        let room = RoomName::parse(request.room_name.as_str())?;
        let identity = ParticipantIdentity::parse(identity(&request, rng))?;
        let target = target(&request, &address, transport)?;
        let media = [
            media_options(request.media.clone()),
            media_options(trunk.media.clone()),
        ];
        let encryption = encryption(&request, &media, config.encryption);
        let codecs = codecs(&media, config)?;
        let limits = Limits::of(&request, &media, config);
        let mut attributes: BTreeMap<String, String> =
            request.participant_attributes.clone().into_iter().collect();
        let known = own_attributes(&request, &trunk, (&call_id, &trunk_id), &caller);
        attributes.extend(known);
        let include_headers = match header_options(request.include_headers()) {
            HeaderOptions::None => header_options(trunk.include_headers()),
            wanted => wanted,
        };
        let attributes_to_headers = trunk.attributes_to_headers.into_iter().collect();
        let mut headers = merged(trunk.headers, &request.headers);
        headers.extend(mapped_headers(&attributes_to_headers, &attributes));
        Ok(Self {
            to: addressed(&request, &target),
            from: from(&request, &caller, &trunk.from_host)?,
            name: match request.participant_name.as_str() {
                "" if request.hide_phone_number => "Phone".to_owned(),
                "" => format!("Phone {callee}"),
                name => name.to_owned(),
            },
            login: login(trunk.auth_username, trunk.auth_password),
            headers_to_attributes: trunk.headers_to_attributes.into_iter().collect(),
            dialtone: wants_tone(&request),
            metadata: request.participant_metadata,
            keys: request.dtmf,
            waits: request.wait_until_answered,
            ringing: limits.ringing,
            longest: limits.longest,
            sound: Sound {
                codecs,
                encryption,
                timeout: limits.media,
                complexity: config.opus_complexity,
            },
            trunk_key: mark::key(&trunk.metadata),
            call_id,
            room,
            identity,
            attributes,
            trunk_id,
            caller,
            callee,
            hop: Hop::new(&address, transport, proxy),
            transport,
            target,
            headers,
            attributes_to_headers,
            include_headers,
        })
    }

    /// The trunk that is billed, the number that was asked for, and the one that goes out.
    pub(super) fn for_guard(&self) -> (String, String, String) {
        // What a request says of a trunk it brings is free to change with each.
        let trunk = match self.trunk_id.as_str() {
            "" => BROUGHT.to_owned(),
            id => id.to_owned(),
        };
        (trunk, self.callee.clone(), self.target.number())
    }

    /// As the store has it when it begins.
    pub(super) fn first_row(&self) -> CallStart {
        CallStart {
            call_id: self.call_id.clone(),
            room: Some(self.room.clone()),
            direction: Direction::Outbound,
            caller: Personal::new(self.caller.clone()),
            called: Personal::new(self.callee.clone()),
            trunk_id: self.trunk_id.clone(),
            rule_id: String::new(),
            at: wall_clock(),
        }
    }

    /// Does it call for help?
    pub(crate) fn is_emergency(&self, policy: &DialPolicy) -> bool {
        let (_, asked, sent) = self.for_guard();
        matches!(
            policy.judge(&asked, &sent, &moment()),
            Ok(Dialling::Emergency)
        )
    }

    /// Whose call it is, should its phone pass it on.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            direction: Direction::Outbound,
            trunk: self.trunk_key.clone(),
            number: self.caller.clone(),
            room: self.room.clone(),
            identity: self.identity.clone(),
        }
    }

    /// What the participant's token says.
    pub(super) fn token(&self) -> TokenSpec {
        TokenSpec::new(Role::Sip, self.identity.clone())
            .in_room(self.room.clone())
            .saying(|claims| {
                claims
                    .with_name(self.name.as_str())
                    .with_metadata(self.metadata.as_str())
                    .with_attributes(self.attributes.clone())
            })
    }
}

/// The one account of all trunks that come with their requests.
const BROUGHT: &str = "inline";
