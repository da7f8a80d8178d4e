//! Trunks and rules as documents of the store: protobuf bytes by kind and id.

use livekit_protocol as proto;
use prost::Message;
use trunkline_store::Store;

use super::error::SipError;

/// Something kept under an id.
pub(super) trait Record: Message + Default + Clone {
    /// The kind of document.
    const KIND: &'static str;
    fn id(&self) -> &str;
}

impl Record for proto::SipInboundTrunkInfo {
    const KIND: &'static str = "sip_inbound_trunk";

    fn id(&self) -> &str {
        &self.sip_trunk_id
    }
}

impl Record for proto::SipOutboundTrunkInfo {
    const KIND: &'static str = "sip_outbound_trunk";

    fn id(&self) -> &str {
        &self.sip_trunk_id
    }
}

impl Record for proto::SipDispatchRuleInfo {
    const KIND: &'static str = "sip_dispatch_rule";

    fn id(&self) -> &str {
        &self.sip_dispatch_rule_id
    }
}

pub(super) async fn all<R: Record>(store: &Store) -> Result<Vec<R>, SipError> {
    let documents = store.documents().list(R::KIND).await?;
    let records = documents.iter().map(|(_, body)| R::decode(body.as_slice()));
    records
        .collect::<Result<_, _>>()
        .map_err(|_| SipError::Damaged)
}

pub(super) async fn get<R: Record>(store: &Store, id: &str) -> Result<Option<R>, SipError> {
    let body = store.documents().get(R::KIND, id).await?;
    body.map(|body| R::decode(body.as_slice()))
        .transpose()
        .map_err(|_| SipError::Damaged)
}

pub(super) async fn put<R: Record>(store: &Store, record: &R) -> Result<(), SipError> {
    let body = record.encode_to_vec();
    store
        .documents()
        .put(R::KIND, record.id(), &body, crate::clock::now())
        .await?;
    Ok(())
}

pub(super) async fn delete<R: Record>(store: &Store, id: &str) -> Result<bool, SipError> {
    Ok(store.documents().delete(R::KIND, id).await?)
}

/// The records asked for by id, in that order, with an empty one for each that is not there; all
/// that `fits` when no ids are given. Then the page.
pub(super) fn select<R: Record>(
    records: Vec<R>,
    ids: &[String],
    page: Option<&proto::Pagination>,
    fits: impl Fn(&R) -> bool,
) -> Vec<R> {
    let mut found: Vec<R> = if ids.is_empty() {
        records
    } else {
        let find = |id: &String| records.iter().find(|record| record.id() == id).cloned();
        ids.iter().map(|id| find(id).unwrap_or_default()).collect()
    };
    found.retain(|record| record.id().is_empty() || fits(record));
    let Some(page) = page else { return found };
    if !page.after_id.is_empty() {
        let after = found.iter().position(|record| record.id() == page.after_id);
        found.drain(..after.map_or(0, |at| at + 1));
    }
    match usize::try_from(page.limit) {
        Ok(limit) if limit > 0 => found.truncate(limit),
        _ => {}
    }
    found
}
