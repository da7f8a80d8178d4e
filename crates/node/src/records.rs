//! What survives a restart, as documents of the store: protobuf bytes by kind and id.

use livekit_protocol as proto;
use prost::Message;
use trunkline_base::class::{Class, Classified};
use trunkline_store::{Store, StoreError};

/// Something kept under an id.
pub(crate) trait Record: Message + Default + Clone {
    /// The kind of document.
    const KIND: &'static str;
    fn id(&self) -> &str;
}

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("a stored record is damaged")]
    Damaged,
}

impl Classified for RecordError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Damaged => Class::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Damaged => "node.records.damaged",
        }
    }
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

/// The merged, deprecated view of both kinds of trunk; listed, never stored.
impl Record for proto::SipTrunkInfo {
    const KIND: &'static str = "sip_trunk";

    fn id(&self) -> &str {
        &self.sip_trunk_id
    }
}

impl Record for proto::EgressInfo {
    const KIND: &'static str = "egress";

    fn id(&self) -> &str {
        &self.egress_id
    }
}

impl Record for proto::IngressInfo {
    const KIND: &'static str = "ingress";

    fn id(&self) -> &str {
        &self.ingress_id
    }
}

pub(crate) async fn all<R: Record>(store: &Store) -> Result<Vec<R>, RecordError> {
    let documents = store.documents().list(R::KIND).await?;
    let records = documents.iter().map(|(_, body)| R::decode(body.as_slice()));
    records
        .collect::<Result<_, _>>()
        .map_err(|_| RecordError::Damaged)
}

pub(crate) async fn get<R: Record>(store: &Store, id: &str) -> Result<Option<R>, RecordError> {
    let body = store.documents().get(R::KIND, id).await?;
    body.map(|body| R::decode(body.as_slice()))
        .transpose()
        .map_err(|_| RecordError::Damaged)
}

pub(crate) async fn put<R: Record>(store: &Store, record: &R) -> Result<(), RecordError> {
    let body = record.encode_to_vec();
    store
        .documents()
        .put(R::KIND, record.id(), &body, crate::clock::now())
        .await?;
    Ok(())
}

pub(crate) async fn delete<R: Record>(store: &Store, id: &str) -> Result<bool, RecordError> {
    Ok(store.documents().delete(R::KIND, id).await?)
}

/// What is asked for, in the order of ids: the records of the ids given, or all, that fit; then
/// the page. An id that is not there is left out.
pub(crate) fn select<R: Record>(
    mut records: Vec<R>,
    ids: &[String],
    page: Option<&proto::Pagination>,
    fits: impl Fn(&R) -> bool,
) -> Vec<R> {
    records.retain(|record| {
        let named = ids.is_empty() || ids.iter().any(|id| id == record.id());
        named && fits(record)
    });
    records.sort_by(|a, b| a.id().cmp(b.id()));
    let Some(page) = page else { return records };
    if !page.after_id.is_empty() {
        records.retain(|record| record.id() > page.after_id.as_str());
    }
    match usize::try_from(page.limit) {
        Ok(limit) if limit > 0 => records.truncate(limit),
        _ => {}
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk(id: &str) -> proto::SipInboundTrunkInfo {
        proto::SipInboundTrunkInfo {
            sip_trunk_id: id.to_owned(),
            ..Default::default()
        }
    }

    fn ids(found: &[proto::SipInboundTrunkInfo]) -> Vec<&str> {
        found.iter().map(Record::id).collect()
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let all = vec![trunk("c"), trunk("a"), trunk("d"), trunk("b")];
        let page = |after: &str, limit| proto::Pagination {
            after_id: after.to_owned(),
            limit,
        };
        let first = select(all.clone(), &[], Some(&page("", 2)), |_| true);
        assert_eq!(ids(&first), ["a", "b"]);
        let next = select(all.clone(), &[], Some(&page("b", 2)), |_| true);
        assert_eq!(ids(&next), ["c", "d"]);
        assert!(select(all, &[], Some(&page("d", 2)), |_| true).is_empty());
    }

    #[test]
    fn an_id_that_is_not_there_is_left_out() {
        let all = vec![trunk("b"), trunk("a")];
        let wanted = ["b".to_owned(), "none".to_owned()];
        assert_eq!(ids(&select(all.clone(), &wanted, None, |_| true)), ["b"]);
        assert!(select(all, &wanted, None, |_| false).is_empty());
    }
}
