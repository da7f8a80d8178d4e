//! Lists that a server hands out page by page.

use livekit_protocol::TokenPagination;

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
