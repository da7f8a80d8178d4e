//! Outbound trunks.

use livekit_protocol as proto;
use proto::SipOutboundTrunkInfo as Outbound;
use proto::update_sip_outbound_trunk_request::Action;
use trunkline_base::id::TrunkId;

use super::trunks::{NO_ACTION, named, new, required, same_id};
use super::{SipError, SipSetup, change, check, select, stamp};
use crate::records;

impl SipSetup {
    pub(crate) async fn create_outbound(
        &self,
        trunk: Option<Outbound>,
    ) -> Result<Outbound, SipError> {
        let trunk = new(trunk, |trunk| &trunk.sip_trunk_id)?;
        self.store_outbound(trunk).await
    }

    pub(crate) async fn update_outbound(
        &self,
        request: proto::UpdateSipOutboundTrunkRequest,
    ) -> Result<Outbound, SipError> {
        let id = named(request.sip_trunk_id)?;
        let action = request.action.ok_or(SipError::Invalid(NO_ACTION))?;
        match &action {
            Action::Replace(new) => {
                same_id(&new.sip_trunk_id, &id)?;
                check::outbound(new)?;
            }
            Action::Update(update) => change::check_outbound(update)?,
        }
        let _turn = self.write_turn().await?;
        let mut trunk = self.outbound(&id).await?;
        match action {
            Action::Replace(new) => {
                let created_at = trunk.created_at;
                trunk = Outbound {
                    sip_trunk_id: id,
                    created_at,
                    ..new
                };
            }
            Action::Update(update) => change::outbound(&mut trunk, update),
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
        let now = Some(stamp(crate::clock::now()));
        if trunk.sip_trunk_id.is_empty() {
            trunk.sip_trunk_id = TrunkId::generate(&mut rand::rng()).into();
            trunk.created_at = now;
        }
        trunk.updated_at = now;
        records::put(&self.store, &trunk).await?;
        tracing::info!(trunk = trunk.sip_trunk_id, "outbound trunk stored");
        Ok(trunk)
    }

    pub(crate) async fn outbound(&self, id: &str) -> Result<Outbound, SipError> {
        let id = required(id)?;
        let found = records::get(&self.store, id).await?;
        found.ok_or(SipError::NoTrunk)
    }

    pub(crate) async fn list_outbound(
        &self,
        request: proto::ListSipOutboundTrunkRequest,
    ) -> Result<Vec<Outbound>, SipError> {
        let all = records::all(&self.store).await?;
        Ok(select::outbound(all, &request))
    }

    /// The stored trunk of a call, if it names one, and whether there is a number to call from.
    pub(crate) async fn way_out(
        &self,
        request: &proto::CreateSipParticipantRequest,
    ) -> Result<Option<Outbound>, SipError> {
        let trunk = match request.sip_trunk_id.as_str() {
            "" => None,
            id => Some(self.outbound(id).await?),
        };
        has_number(request, trunk.as_ref())?;
        Ok(trunk)
    }
}

/// Whether there is a number to call from.
pub(crate) fn has_number(
    request: &proto::CreateSipParticipantRequest,
    trunk: Option<&Outbound>,
) -> Result<(), SipError> {
    let numbers = trunk.map_or(0, |trunk| trunk.numbers.len());
    if request.sip_number.is_empty() && numbers == 0 {
        return Err(SipError::NoNumbers);
    }
    Ok(())
}
