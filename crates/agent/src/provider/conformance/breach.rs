//! What a provider did wrong, in words.

use std::time::Duration;

use tokio::time::timeout;

use crate::provider::error::{Failure, ProviderError};

/// No suite waits longer for anything.
const LIMIT: Duration = Duration::from_secs(10);

/// What a provider did wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Breach(String);

pub(super) fn breach<T>(what: impl Into<String>) -> Result<T, Breach> {
    Err(Breach(what.into()))
}

/// Bounds a wait.
pub(super) async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> Result<T, Breach> {
    let waited = timeout(LIMIT, wait).await;
    waited.map_err(|_| Breach(format!("{what} did not come")))
}

/// Whether a failure is of this kind and bears this name.
pub(super) fn check(error: &ProviderError, failure: &Failure, name: &str) -> Result<(), Breach> {
    if error.failure != *failure {
        return breach(format!("it {} in place of: {failure}", error.failure));
    }
    if error.provider != name {
        return breach(format!("the failure bears the name {}", error.provider));
    }
    Ok(())
}

/// Whether nothing comes after a failure.
pub(super) async fn ended<T>(next: impl Future<Output = Option<T>>) -> Result<(), Breach> {
    match soon("the end", next).await? {
        None => Ok(()),
        Some(_) => breach("it went on after its failure"),
    }
}
