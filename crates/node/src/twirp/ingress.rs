//! `livekit.Ingress`: what may be imported is checked and remembered.

use axum::response::Response;
use livekit_protocol as proto;

use super::api::Api;
use super::call::Call;
use super::error::TwirpError;
use crate::caller::Caller;
use crate::ingress::IngressError;

pub(super) async fn answer(api: &Api, call: Call, method: &str) -> Response {
    match method {
        "CreateIngress" => {
            call.run(|c, r| async move { create(api, &c, r).await })
                .await
        }
        "UpdateIngress" => {
            call.run(|c, r| async move { update(api, &c, r).await })
                .await
        }
        "ListIngress" => call.run(|c, r| async move { list(api, &c, r).await }).await,
        "DeleteIngress" => {
            call.run(|c, r| async move { delete(api, &c, r).await })
                .await
        }
        _ => call.no_method(),
    }
}

fn may_administer(caller: &Caller) -> Result<(), TwirpError> {
    Ok(caller.may(|video| video.ingress_admin)?)
}

/// The type is looked at before the grant, as the official server does.
async fn create(
    api: &Api,
    caller: &Caller,
    request: proto::CreateIngressRequest,
) -> Result<proto::IngressInfo, TwirpError> {
    if proto::IngressInput::try_from(request.input_type).is_err() {
        return Err(IngressError::Type.into());
    }
    may_administer(caller)?;
    Ok(api.ingress.create(request).await?)
}

async fn update(
    api: &Api,
    caller: &Caller,
    request: proto::UpdateIngressRequest,
) -> Result<proto::IngressInfo, TwirpError> {
    may_administer(caller)?;
    Ok(api.ingress.update(request).await?)
}

async fn list(
    api: &Api,
    caller: &Caller,
    request: proto::ListIngressRequest,
) -> Result<proto::ListIngressResponse, TwirpError> {
    may_administer(caller)?;
    let items = api.ingress.list(&request).await?;
    Ok(proto::ListIngressResponse {
        items,
        ..Default::default()
    })
}

async fn delete(
    api: &Api,
    caller: &Caller,
    request: proto::DeleteIngressRequest,
) -> Result<proto::IngressInfo, TwirpError> {
    may_administer(caller)?;
    Ok(api.ingress.delete(&request.ingress_id).await?)
}
