//! Ways to others, each asked once for all checks.

use std::sync::Arc;

use futures::future::join_all;
use tokio::sync::OnceCell;

use super::patient::Way;
use super::reach::{Echo, Reach, Silence};

/// Every way asked once, whichever check wants to know first.
pub(super) struct Asked {
    ways: Vec<(Way, OnceCell<Result<Echo, Silence>>)>,
    reach: Arc<dyn Reach>,
}

impl Asked {
    pub(super) fn new(ways: &[Way], reach: Arc<dyn Reach>) -> Self {
        let ways = ways.iter().map(|way| (way.clone(), OnceCell::new()));
        Self {
            ways: ways.collect(),
            reach,
        }
    }

    /// Each way with what came of it.
    pub(super) async fn all(&self) -> Vec<(&Way, &Result<Echo, Silence>)> {
        let each = self
            .ways
            .iter()
            .map(async |(way, cell)| (way, cell.get_or_init(|| self.reach.ask(way)).await));
        join_all(each).await
    }
}
