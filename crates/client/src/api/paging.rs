//! Lists that a server hands out page by page.

use std::collections::BTreeSet;

use livekit_protocol::{Pagination, TokenPagination};

use super::ApiError;

/// One page, and what asks for the next.
type Page<T> = (Vec<T>, Option<TokenPagination>);

/// Follows the pages to the end, from the first.
pub(super) async fn pages<T>(
    mut fetch: impl AsyncFnMut(Option<TokenPagination>) -> Result<Page<T>, ApiError>,
) -> Result<Vec<T>, ApiError> {
    let mut all = Vec::new();
    let mut token = None;
    loop {
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
}

/// Follows pages that begin behind an id, to the end. A server that does not page hands out again what
/// it did before, and is asked no further.
pub(super) async fn behind<T, F>(
    mut fetch: impl FnMut(Option<Pagination>) -> F,
    id: impl Fn(&T) -> &str,
) -> Result<Vec<T>, ApiError>
where
    F: Future<Output = Result<Vec<T>, ApiError>>,
{
    let mut all: Vec<T> = Vec::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    loop {
        let page = all.last().map(|last| Pagination {
            after_id: id(last).to_owned(),
            ..Pagination::default()
        });
        let is_first = page.is_none();
        let mut items = fetch(page).await?;
        items.retain(|item| !known.contains(id(item)));
        known.extend(items.iter().map(|item| id(item).to_owned()));
        if items.is_empty() {
            return Ok(all);
        }
        // Without ids there is nothing to go on from.
        let is_last = is_first && items.last().is_some_and(|last| id(last).is_empty());
        all.extend(items);
        if is_last {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    const IDS: [&str; 5] = ["a", "b", "c", "d", "e"];

    #[tokio::test]
    async fn every_page_is_read_and_the_last_is_empty() {
        let mut asked = 0;
        let fetch = |page: Option<Pagination>| {
            asked += 1;
            let after = page.map(|page| page.after_id).unwrap_or_default();
            let behind = IDS.into_iter().filter(|id| **id > *after);
            ready(Ok(behind.take(2).collect::<Vec<_>>()))
        };
        assert_eq!(behind(fetch, |id| id).await.unwrap(), IDS);
        assert_eq!(asked, 4);
    }

    #[tokio::test]
    async fn a_server_that_does_not_page_is_asked_once_more_and_no_longer() {
        let mut asked = 0;
        let fetch = |_: Option<Pagination>| {
            asked += 1;
            ready(Ok(IDS.to_vec()))
        };
        assert_eq!(behind(fetch, |id| id).await.unwrap(), IDS);
        assert_eq!(asked, 2);
        let nameless = |_: Option<Pagination>| ready(Ok(vec!["", ""]));
        assert_eq!(behind(nameless, |id| id).await.unwrap().len(), 2);
    }
}
