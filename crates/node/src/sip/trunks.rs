//! Inbound and outbound trunks.

use livekit_protocol as proto;
use proto::update_sip_inbound_trunk_request::Action as InboundAction;
use proto::update_sip_outbound_trunk_request::Action as OutboundAction;
use proto::{SipInboundTrunkInfo as Inbound, SipOutboundTrunkInfo as Outbound};
use trunkline_base::id::TrunkId;
use trunkline_sip::routing::validate_trunks;

use super::{SipError, SipSetup, change, check, records, serves, stamp};

impl SipSetup {
    pub(crate) async fn create_inbound(&self, trunk: Option<Inbound>) -> Result<Inbound, SipError> {
        let mut trunk = trunk.ok_or(SipError::Invalid("missing trunk"))?;
        if !trunk.sip_trunk_id.is_empty() {
            return Err(SipError::Invalid("trunk id must not be set"));
        }
        let _turn = self.write_turn().await?;
        trunk.sip_trunk_id = TrunkId::generate(&mut rand::rng()).into();
        trunk.created_at = Some(stamp(crate::clock::now()));
        self.store_inbound(trunk).await
    }

    pub(crate) async fn update_inbound(
        &self,
        request: proto::UpdateSipInboundTrunkRequest,
    ) -> Result<Inbound, SipError> {
        let id = named(request.sip_trunk_id)?;
        let _turn = self.write_turn().await?;
        let mut trunk = self.inbound(&id).await?;
        match request.action.ok_or(SipError::Invalid(NO_ACTION))? {
            InboundAction::Replace(new) => {
                same_id(&new.sip_trunk_id, &id)?;
                let created_at = trunk.created_at;
                trunk = Inbound {
                    sip_trunk_id: id,
                    created_at,
                    ..new
                };
            }
            InboundAction::Update(update) => change::inbound(&mut trunk, update)?,
        }
        self.store_inbound(trunk).await
    }

    /// The whole set of inbound trunks is checked as it would be with this one.
    #[expect(
        deprecated,
        reason = "older clients set the encryption outside the media settings"
    )]
    async fn store_inbound(&self, mut trunk: Inbound) -> Result<Inbound, SipError> {
        change::carry_encryption(&mut trunk.media, trunk.media_encryption);
        check::inbound(&trunk)?;
        let mut set = records::all::<Inbound>(&self.store).await?;
        set.retain(|other| other.sip_trunk_id != trunk.sip_trunk_id);
        set.push(trunk.clone());
        let set: Vec<_> = set
            .iter()
            .map(check::routing_trunk)
            .collect::<Result<_, _>>()?;
        validate_trunks(&set)?;
        trunk.updated_at = Some(stamp(crate::clock::now()));
        records::put(&self.store, &trunk).await?;
        tracing::info!(trunk = trunk.sip_trunk_id, "inbound trunk stored");
        Ok(trunk)
    }

    pub(crate) async fn inbound(&self, id: &str) -> Result<Inbound, SipError> {
        let id = required(id)?;
        records::get(&self.store, id)
            .await?
            .ok_or(SipError::NoTrunk)
    }

    pub(crate) async fn list_inbound(
        &self,
        request: proto::ListSipInboundTrunkRequest,
    ) -> Result<Vec<Inbound>, SipError> {
        let all = records::all(&self.store).await?;
        let fits = |trunk: &Inbound| serves(&trunk.numbers, &request.numbers);
        Ok(records::select(
            all,
            &request.trunk_ids,
            request.page.as_ref(),
            fits,
        ))
    }

    pub(crate) async fn create_outbound(
        &self,
        trunk: Option<Outbound>,
    ) -> Result<Outbound, SipError> {
        let mut trunk = trunk.ok_or(SipError::Invalid("missing trunk"))?;
        if !trunk.sip_trunk_id.is_empty() {
            return Err(SipError::Invalid("trunk id must not be set"));
        }
        trunk.sip_trunk_id = TrunkId::generate(&mut rand::rng()).into();
        trunk.created_at = Some(stamp(crate::clock::now()));
        self.store_outbound(trunk).await
    }

    pub(crate) async fn update_outbound(
        &self,
        request: proto::UpdateSipOutboundTrunkRequest,
    ) -> Result<Outbound, SipError> {
        let id = named(request.sip_trunk_id)?;
        let _turn = self.write_turn().await?;
        let mut trunk = self.outbound(&id).await?;
        match request.action.ok_or(SipError::Invalid(NO_ACTION))? {
            OutboundAction::Replace(new) => {
                same_id(&new.sip_trunk_id, &id)?;
                let created_at = trunk.created_at;
                trunk = Outbound {
                    sip_trunk_id: id,
                    created_at,
                    ..new
                };
            }
            OutboundAction::Update(update) => change::outbound(&mut trunk, update)?,
        }
        self.store_outbound(trunk).await
    }

    #[expect(
        deprecated,
        reason = "older clients set the encryption outside the media settings"
    )]
    async fn store_outbound(&self, mut trunk: Outbound) -> Result<Outbound, SipError> {
        change::carry_encryption(&mut trunk.media, trunk.media_encryption);
        check::outbound(&trunk)?;
        trunk.updated_at = Some(stamp(crate::clock::now()));
        records::put(&self.store, &trunk).await?;
        tracing::info!(trunk = trunk.sip_trunk_id, "outbound trunk stored");
        Ok(trunk)
    }

    pub(crate) async fn outbound(&self, id: &str) -> Result<Outbound, SipError> {
        let id = required(id)?;
        records::get(&self.store, id)
            .await?
            .ok_or(SipError::NoTrunk)
    }

    pub(crate) async fn list_outbound(
        &self,
        request: proto::ListSipOutboundTrunkRequest,
    ) -> Result<Vec<Outbound>, SipError> {
        let all = records::all(&self.store).await?;
        let fits = |trunk: &Outbound| serves(&trunk.numbers, &request.numbers);
        Ok(records::select(
            all,
            &request.trunk_ids,
            request.page.as_ref(),
            fits,
        ))
    }

    /// Both kinds in one deprecated shape.
    pub(crate) async fn list_legacy(&self) -> Result<Vec<proto::SipTrunkInfo>, SipError> {
        let inbound = records::all::<Inbound>(&self.store).await?;
        let outbound = records::all::<Outbound>(&self.store).await?;
        let inbound = inbound.into_iter().map(super::legacy_inbound);
        Ok(inbound
            .chain(outbound.into_iter().map(super::legacy_outbound))
            .collect())
    }

    /// Deletes a trunk of either kind; one that is not there is fine.
    pub(crate) async fn delete_trunk(&self, id: &str) -> Result<proto::SipTrunkInfo, SipError> {
        let id = required(id)?;
        let _turn = self.write_turn().await?;
        let inbound = records::delete::<Inbound>(&self.store, id).await?;
        let outbound = records::delete::<Outbound>(&self.store, id).await?;
        if inbound || outbound {
            tracing::info!(trunk = id, "trunk deleted");
        }
        Ok(proto::SipTrunkInfo {
            sip_trunk_id: id.to_owned(),
            ..Default::default()
        })
    }
}

fn required(id: &str) -> Result<&str, SipError> {
    if id.is_empty() {
        Err(SipError::Invalid("trunk ID is required"))
    } else {
        Ok(id)
    }
}

fn named(id: String) -> Result<String, SipError> {
    if id.is_empty() {
        Err(SipError::Invalid("trunk id must be set"))
    } else {
        Ok(id)
    }
}

fn same_id(given: &str, id: &str) -> Result<(), SipError> {
    if given.is_empty() || given == id {
        return Ok(());
    }
    Err(SipError::Invalid(
        "trunk id in the info must be empty or match the id in the update",
    ))
}

const NO_ACTION: &str = "missing or unsupported update action";
