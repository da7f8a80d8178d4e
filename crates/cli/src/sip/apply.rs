//! A plan's steps, gone one by one. What is done stays done, and a repeat goes on from there.

use std::collections::BTreeMap;

use tracing::info;
use trunkline_client::api::{ApiError, LiveKitApiClient};

use super::book::Book;
use super::entry::{Entry, Inbound, Outbound, Rule};
use super::plan::{Act, Change, Plan, Step, There, named};

/// Everything that a server has.
///
/// # Errors
/// [`ApiError`] of the list that failed.
pub(crate) async fn look(api: &LiveKitApiClient) -> Result<There, ApiError> {
    Ok(There {
        trunks: Inbound::list(api).await?,
        outbound: Outbound::list(api).await?,
        rules: Rule::list(api).await?,
    })
}

/// Where it stopped.
#[derive(Debug)]
pub(crate) struct Stopped {
    /// How many steps are done.
    pub(crate) done: usize,
    /// What could not be done.
    pub(crate) step: String,
    pub(crate) error: ApiError,
}

/// Goes the steps of a plan, and remembers what the server answered.
///
/// # Errors
/// [`Stopped`] at the first step that the server refuses.
pub(crate) async fn apply(api: &LiveKitApiClient, book: &Book, plan: &Plan) -> Result<(), Stopped> {
    let mut ids = BTreeMap::new();
    for (done, step) in plan.steps.iter().enumerate() {
        let stopped = |error| Stopped {
            done,
            step: step.to_string(),
            error,
        };
        match step {
            Step::Trunk(change) => {
                let stored = Box::pin(go(api, book, change, &ids))
                    .await
                    .map_err(stopped)?;
                if let Some(stored) = stored {
                    ids.insert(named(&change.key), stored.sip_trunk_id);
                }
            }
            Step::Outbound(change) => {
                Box::pin(go(api, book, change, &ids))
                    .await
                    .map_err(stopped)?;
            }
            Step::Rule(change) => {
                Box::pin(go(api, book, change, &ids))
                    .await
                    .map_err(stopped)?;
            }
        }
    }
    settle(book, plan).await;
    Ok(())
}

/// What is as it shall be is the file's from now on.
async fn settle(book: &Book, plan: &Plan) {
    for step in &plan.settled {
        match step {
            Step::Trunk(change) => remember(book, change, change.before.as_ref()).await,
            Step::Outbound(change) => remember(book, change, change.before.as_ref()).await,
            Step::Rule(change) => remember(book, change, change.before.as_ref()).await,
        }
    }
}

async fn remember<E: Entry>(book: &Book, change: &Change<E>, stored: Option<&E>) {
    if let (Some(stored), Some(said)) = (stored, &change.said) {
        book.remember(&change.key, stored, said).await;
    }
}

async fn go<E: Entry>(
    api: &LiveKitApiClient,
    book: &Book,
    change: &Change<E>,
    ids: &BTreeMap<String, String>,
) -> Result<Option<E>, ApiError> {
    let key = change.key.as_str();
    let Some(mut after) = change.after.clone() else {
        E::delete(api, change.id()).await?;
        info!(
            key,
            id = change.id(),
            "{} removed: the file does not name it any more",
            E::WHAT
        );
        book.forget::<E>(key).await;
        return Ok(None);
    };
    for id in after.trunk_ids().into_iter().flatten() {
        if let Some(made) = ids.get(id) {
            id.clone_from(made);
        }
    }
    let stored = if change.act == Act::Create {
        let stored = E::create(api, after).await?;
        info!(key, "{} created", E::WHAT);
        stored
    } else {
        let stored = E::replace(api, change.id(), after).await?;
        info!(key, "{} replaced", E::WHAT);
        stored
    };
    remember(book, change, Some(&stored)).await;
    Ok(Some(stored))
}
