//! Lists that a server hands out page by page.

use std::collections::BTreeSet;

use livekit_protocol::{Pagination, TokenPagination};
use tokio::time::Instant;

use super::{ApiError, Failure};

/// One page, and what asks for the next.
type Page<T> = (Vec<T>, Option<TokenPagination>);

/// Follows the pages of an RPC to the end, from the first.
pub(super) async fn pages<T>(
    rpc: &'static str,
    mut fetch: impl AsyncFnMut(Option<TokenPagination>) -> Result<Page<T>, ApiError>,
) -> Result<Vec<T>, ApiError> {
    let began = Instant::now();
    let mut all = Vec::new();
    let mut token = None;
    for _ in 0..MOST {
        let (items, next) = fetch(token.clone()).await?;
        let is_last = items.is_empty();
        all.extend(items);
        // A server that hands out the same token for ever is not followed for ever.
        let next = next.filter(|next| !is_last && !next.token.is_empty());
        if next.is_none() || next == token {
            return Ok(all);
        }
        token = next;
    }
    Err(endless(rpc, began))
}

/// Follows pages that begin behind an id, to the end: one that is shorter than any server's is the last,
/// and so is one with nothing new. A server that does not page hands out again what it did before.
pub(super) async fn behind<T, F>(
    rpc: &'static str,
    mut fetch: impl FnMut(Option<Pagination>) -> F,
    id: impl Fn(&T) -> &str,
) -> Result<Vec<T>, ApiError>
where
    F: Future<Output = Result<Vec<T>, ApiError>>,
{
    let began = Instant::now();
    let mut all: Vec<T> = Vec::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    for _ in 0..MOST {
        let page = all.last().map(|last| Pagination {
            after_id: id(last).to_owned(),
            ..Pagination::default()
        });
        let mut items = fetch(page).await?;
        let is_short = items.len() < SHORTEST;
        items.retain(|item| !known.contains(id(item)));
        known.extend(items.iter().map(|item| id(item).to_owned()));
        let is_last = is_short || items.is_empty();
        all.extend(items);
        if is_last {
            return Ok(all);
        }
    }
    Err(endless(rpc, began))
}

/// A server makes up one page after the other.
fn endless(rpc: &'static str, began: Instant) -> ApiError {
    ApiError {
        rpc,
        failure: Failure::Endless { pages: MOST },
        attempts: 1,
        elapsed: began.elapsed(),
    }
}

/// Pages that are followed: twenty thousand entries of the shortest.
const MOST: usize = 400;

/// The shortest page that a server with more behind it hands out: 50 is LiveKit Cloud's own where its
/// protocol names one (`ListPhoneNumbersRequest`), 1000 is livekit-server's.
const SHORTEST: usize = 50;

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::ops::Range;

    use super::*;

    const RPC: &str = "SIP/ListSIPInboundTrunk";

    fn ids(some: Range<usize>) -> Vec<String> {
        some.map(|at| format!("ST_{at:06}")).collect()
    }

    /// What a server with so many entries hands out, and how often it is asked.
    async fn asked(count: usize, page: usize) -> (Result<Vec<String>, ApiError>, usize) {
        let (mut asked, all) = (0, ids(0..count));
        let fetch = |wanted: Option<Pagination>| {
            asked += 1;
            let after = wanted.map(|wanted| wanted.after_id).unwrap_or_default();
            let behind = all.iter().filter(|id| **id > after).cloned();
            ready(Ok(behind.take(page).collect::<Vec<_>>()))
        };
        let listed = behind(RPC, fetch, String::as_str).await;
        (listed, asked)
    }

    #[tokio::test]
    async fn every_page_is_read_and_a_short_one_is_the_last() {
        for (count, page, times) in [(0, 50, 1), (49, 50, 1), (120, 50, 3), (100, 50, 3)] {
            let (listed, asked) = asked(count, page).await;
            assert_eq!(listed.unwrap(), ids(0..count));
            assert_eq!(asked, times, "{count} entries in pages of {page}");
        }
    }

    #[tokio::test]
    async fn a_server_that_does_not_page_is_asked_once_more_if_its_list_is_long() {
        for (count, times) in [(SHORTEST - 1, 1), (SHORTEST, 2), (5000, 2)] {
            let mut asked = 0;
            let fetch = |_: Option<Pagination>| {
                asked += 1;
                ready(Ok(ids(0..count)))
            };
            let listed = behind(RPC, fetch, String::as_str).await.unwrap();
            assert_eq!((listed.len(), asked), (count, times));
        }
        let nameless = |_: Option<Pagination>| ready(Ok(vec![String::new(); SHORTEST]));
        let listed = behind(RPC, nameless, String::as_str).await.unwrap();
        assert_eq!(listed.len(), SHORTEST);
    }

    #[tokio::test]
    async fn a_server_that_makes_up_pages_for_ever_is_left() {
        let mut made = 0;
        let fetch = |_: Option<Pagination>| {
            made += SHORTEST;
            ready(Ok(ids(made - SHORTEST..made)))
        };
        let error = behind(RPC, fetch, String::as_str).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Endless { .. }), "{error}");
        let mut made = 0_u32;
        let error = pages(RPC, async |_| {
            made += 1;
            let token = made.to_string();
            Ok((vec![made], Some(TokenPagination { token })))
        });
        let error = error.await.unwrap_err();
        assert!(matches!(error.failure, Failure::Endless { .. }), "{error}");
    }
}
