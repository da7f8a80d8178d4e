//! What the registry knows of a provider.

use trunkline_service::config::Section;

use super::plan::Plan;

/// A provider of one kind.
pub struct Entry<T: ?Sized + 'static> {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Reads its settings: every slip is told to the section, and a plan is made of what is right.
    /// The key of the section names its addresses.
    pub read: fn(&mut Section<'_>, key: &str) -> Option<Plan<T>>,
}
