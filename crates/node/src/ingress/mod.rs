//! Ingress as the LiveKit API has it: what may be imported into rooms, checked and remembered with
//! a stream key. Nothing is imported here; the import itself is another part's work.

mod check;
mod error;

use livekit_protocol as proto;
use proto::IngressInput as Input;
use proto::ingress_state::Status;
use trunkline_base::id::guid;
use trunkline_store::Store;

pub(crate) use error::IngressError;

use crate::records;

/// Where streams are pushed to, as the sender is told. Empty: not served.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IngressConfig {
    /// For RTMP; the stream key is appended by the sender.
    pub rtmp_base_url: String,
    pub whip_base_url: String,
}

/// The handle on ingresses.
#[derive(Debug, Clone)]
pub(crate) struct Ingresses {
    store: Store,
    config: IngressConfig,
}

impl Ingresses {
    pub(crate) const fn new(store: Store, config: IngressConfig) -> Self {
        Self { store, config }
    }

    /// Nobody could use an ingress without an address.
    pub(crate) fn connected(&self) -> Result<(), IngressError> {
        let none = self.config.rtmp_base_url.is_empty() && self.config.whip_base_url.is_empty();
        if none {
            Err(IngressError::NotConnected)
        } else {
            Ok(())
        }
    }

    pub(crate) async fn create(
        &self,
        request: proto::CreateIngressRequest,
    ) -> Result<proto::IngressInfo, IngressError> {
        self.connected()?;
        let url = match request.input_type() {
            Input::RtmpInput => self.config.rtmp_base_url.clone(),
            Input::WhipInput => self.config.whip_base_url.clone(),
            Input::UrlInput => check::pulled_url(&request.url)?,
        };
        let mut info = new_info(request, url);
        if info.input_type() == Input::UrlInput {
            check::room(&info)?;
        }
        check::whole(&info)?;
        decide_transcoding(&mut info);
        if info.input_type() == Input::UrlInput || info.url.is_empty() {
            // A pull starts at once, and nobody here pulls; nor takes what has no address.
            return Err(IngressError::NotConnected);
        }
        records::put(&self.store, &info).await?;
        tracing::info!(ingress = info.ingress_id, "ingress stored");
        Ok(info)
    }

    pub(crate) async fn update(
        &self,
        request: proto::UpdateIngressRequest,
    ) -> Result<proto::IngressInfo, IngressError> {
        self.connected()?;
        let mut info = self.get(&request.ingress_id).await?;
        if !info.reusable {
            return Err(IngressError::NotReusable);
        }
        if let Some(state) = &mut info.state
            && state.status() == Status::EndpointError
        {
            state.set_status(Status::EndpointInactive);
        }
        lay_over(&mut info, request);
        check::whole(&info)?;
        decide_transcoding(&mut info);
        records::put(&self.store, &info).await?;
        Ok(info)
    }

    pub(crate) async fn list(
        &self,
        request: &proto::ListIngressRequest,
    ) -> Result<Vec<proto::IngressInfo>, IngressError> {
        self.connected()?;
        if !request.ingress_id.is_empty() {
            return Ok(vec![self.get(&request.ingress_id).await?]);
        }
        let mut all = records::all::<proto::IngressInfo>(&self.store).await?;
        all.retain(|info| request.room_name.is_empty() || info.room_name == request.room_name);
        Ok(all)
    }

    pub(crate) async fn delete(&self, id: &str) -> Result<proto::IngressInfo, IngressError> {
        self.connected()?;
        let mut info = self.get(id).await?;
        records::delete::<proto::IngressInfo>(&self.store, id).await?;
        let state = info.state.get_or_insert_default();
        state.set_status(Status::EndpointInactive);
        tracing::info!(ingress = id, "ingress deleted");
        Ok(info)
    }

    async fn get(&self, id: &str) -> Result<proto::IngressInfo, IngressError> {
        let found = records::get(&self.store, id).await?;
        found.ok_or(IngressError::NotFound)
    }
}

fn new_info(request: proto::CreateIngressRequest, url: String) -> proto::IngressInfo {
    let pushed = request.input_type() != Input::UrlInput;
    let stream_key = if pushed {
        guid("", &mut rand::rng())
    } else {
        String::new()
    };
    proto::IngressInfo {
        ingress_id: guid("IN_", &mut rand::rng()),
        name: request.name,
        stream_key,
        url,
        input_type: request.input_type,
        audio: request.audio,
        video: request.video,
        enable_transcoding: request.enable_transcoding,
        room_name: request.room_name,
        participant_identity: request.participant_identity,
        participant_name: request.participant_name,
        participant_metadata: request.participant_metadata,
        reusable: pushed,
        state: Some(proto::IngressState::default()),
        enabled: request.enabled,
        ..Default::default()
    }
}

/// Empty and absent fields keep what is there.
fn lay_over(info: &mut proto::IngressInfo, update: proto::UpdateIngressRequest) {
    let set = |field: &mut String, value: String| {
        if !value.is_empty() {
            *field = value;
        }
    };
    set(&mut info.name, update.name);
    set(&mut info.room_name, update.room_name);
    set(&mut info.participant_identity, update.participant_identity);
    set(&mut info.participant_name, update.participant_name);
    set(&mut info.participant_metadata, update.participant_metadata);
    info.enable_transcoding = update.enable_transcoding.or(info.enable_transcoding);
    info.audio = update.audio.or_else(|| info.audio.take());
    info.video = update.video.or_else(|| info.video.take());
    info.enabled = update.enabled.or(info.enabled);
}

/// The older, opposite field says the same.
#[expect(deprecated, reason = "older clients read the opposite field")]
fn decide_transcoding(info: &mut proto::IngressInfo) {
    let default = info.input_type() != Input::WhipInput;
    let enabled = *info.enable_transcoding.get_or_insert(default);
    info.bypass_transcoding = !enabled;
}

#[cfg(test)]
mod tests;
