//! Inbound trunks, and what both kinds of trunk have in common.

use livekit_protocol as proto;
use proto::update_sip_inbound_trunk_request::Action;
use proto::{SipInboundTrunkInfo as Inbound, SipOutboundTrunkInfo as Outbound};
use trunkline_base::id::TrunkId;

use super::{SipError, SipSetup, change, check, conflicts, select, serves, stamp};
use crate::records;

impl SipSetup {
    pub(crate) async fn create_inbound(&self, trunk: Option<Inbound>) -> Result<Inbound, SipError> {
        let trunk = new(trunk, |trunk| &trunk.sip_trunk_id)?;
        check::inbound(&trunk)?;
        let _turn = self.write_turn().await?;
        self.store_inbound(trunk).await
    }

    pub(crate) async fn update_inbound(
        &self,
        request: proto::UpdateSipInboundTrunkRequest,
    ) -> Result<Inbound, SipError> {
        let id = named(request.sip_trunk_id)?;
        let action = request.action.ok_or(SipError::Invalid(NO_ACTION))?;
        match &action {
            Action::Replace(new) => {
                same_id(&new.sip_trunk_id, &id)?;
                check::inbound(new)?;
            }
            Action::Update(update) => change::check_inbound(update)?,
        }
        let _turn = self.write_turn().await?;
        let mut trunk = self.inbound(&id).await?;
        match action {
            Action::Replace(new) => {
                let created_at = trunk.created_at;
                trunk = Inbound {
                    sip_trunk_id: id,
                    created_at,
                    ..new
                };
            }
            Action::Update(update) => change::inbound(&mut trunk, update),
        }
        self.store_inbound(trunk).await
    }

    /// Checked with all others as they would be with this one; a new one gets its id last, for
    /// the check speaks of it as new.
    #[expect(
        deprecated,
        reason = "older clients set the encryption outside the media settings"
    )]
    async fn store_inbound(&self, mut trunk: Inbound) -> Result<Inbound, SipError> {
        change::carry_encryption(&mut trunk.media, trunk.media_encryption);
        check::inbound(&trunk)?;
        let mut set = records::all::<Inbound>(&self.store).await?;
        set.retain(|other| {
            let same = other.sip_trunk_id == trunk.sip_trunk_id;
            !same && serves(&other.numbers, &trunk.numbers)
        });
        set.push(trunk.clone());
        conflicts::trunks(&set)?;
        let now = Some(stamp(crate::clock::now()));
        if trunk.sip_trunk_id.is_empty() {
            trunk.sip_trunk_id = TrunkId::generate(&mut rand::rng()).into();
            trunk.created_at = now;
        }
        trunk.updated_at = now;
        records::put(&self.store, &trunk).await?;
        tracing::info!(trunk = trunk.sip_trunk_id, "inbound trunk stored");
        Ok(trunk)
    }

    pub(crate) async fn inbound(&self, id: &str) -> Result<Inbound, SipError> {
        let id = required(id)?;
        let found = records::get(&self.store, id).await?;
        found.ok_or(SipError::NoTrunk)
    }

    pub(crate) async fn list_inbound(
        &self,
        request: proto::ListSipInboundTrunkRequest,
    ) -> Result<Vec<Inbound>, SipError> {
        let all = records::all(&self.store).await?;
        Ok(select::inbound(all, &request))
    }

    /// Both kinds in one deprecated shape.
    pub(crate) async fn list_legacy(
        &self,
        request: proto::ListSipTrunkRequest,
    ) -> Result<Vec<proto::SipTrunkInfo>, SipError> {
        let inbound = records::all::<Inbound>(&self.store).await?;
        let outbound = records::all::<Outbound>(&self.store).await?;
        let inbound = inbound.into_iter().map(super::legacy_inbound);
        let outbound = outbound.into_iter().map(super::legacy_outbound);
        let all = inbound.chain(outbound).collect();
        Ok(records::select(all, &[], request.page.as_ref(), |_| true))
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

/// A trunk to be created, which must not have an id.
pub(super) fn new<T>(trunk: Option<T>, id: impl Fn(&T) -> &String) -> Result<T, SipError> {
    let trunk = trunk.ok_or(SipError::Invalid("missing trunk"))?;
    if id(&trunk).is_empty() {
        Ok(trunk)
    } else {
        Err(SipError::Invalid("trunk id must not be set"))
    }
}

pub(super) const fn required(id: &str) -> Result<&str, SipError> {
    if id.is_empty() {
        Err(SipError::Invalid("trunk ID is required"))
    } else {
        Ok(id)
    }
}

pub(super) fn named(id: String) -> Result<String, SipError> {
    if id.is_empty() {
        Err(SipError::Invalid("trunk id must be set"))
    } else {
        Ok(id)
    }
}

pub(super) fn same_id(given: &str, id: &str) -> Result<(), SipError> {
    if given.is_empty() || given == id {
        return Ok(());
    }
    Err(SipError::Invalid(
        "trunk id in the info must be empty or match the id in the update",
    ))
}

pub(super) const NO_ACTION: &str = "missing or unsupported update action";
