//! The inference library: loaded from a file, once, for the life of the process.
//!
//! The library keeps one environment per process, so the first directory asked for wins; later
//! loads share it.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;

use super::LoadError;

/// The library keeps only one environment, and hands out a weak hold on it; this is the strong
/// one. The lock is held while loading only.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// The inference library, ready to load models.
#[derive(Clone, Debug)]
pub(super) struct Runtime {
    environment: Environment,
}

impl Runtime {
    /// Loads the library, or shares the one that is loaded.
    pub(super) fn load(library: &Path) -> Result<Self, LoadError> {
        let mut loaded = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(environment) = loaded.as_ref() {
            return Ok(Self {
                environment: environment.clone(),
            });
        }
        let failed = |reason: String| LoadError::Runtime {
            path: library.to_owned(),
            reason,
        };
        let environment = ort::init_from(library)
            .map_err(|e| failed(e.to_string()))?
            .with_name("trunkline")
            .with_telemetry(false)
            .build()
            .map_err(|e| failed(e.to_string()))?;
        environment.set_log_level(LogLevel::Fatal);
        *loaded = Some(environment.clone());
        Ok(Self { environment })
    }

    /// Loads a model from a file.
    pub(super) fn model(&self, path: &Path, threads: usize) -> Result<Session, LoadError> {
        self.open(threads, |builder| builder.commit_from_file(path))
            .map_err(|e| LoadError::Model {
                path: path.to_owned(),
                reason: e.to_string(),
            })
    }

    /// Loads a model from bytes; `path` is for the error only.
    pub(super) fn model_from_memory(
        &self,
        bytes: &[u8],
        path: &Path,
        threads: usize,
    ) -> Result<Session, LoadError> {
        self.open(threads, |builder| builder.commit_from_memory(bytes))
            .map_err(|e| LoadError::Model {
                path: path.to_owned(),
                reason: e.to_string(),
            })
    }

    fn open(
        &self,
        threads: usize,
        commit: impl FnOnce(&mut ort::session::builder::SessionBuilder) -> ort::Result<Session>,
    ) -> ort::Result<Session> {
        // Threads that spin between jobs would take the cores the call itself needs.
        let mut builder = Session::builder(&self.environment)?
            .with_intra_threads(threads)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_log_level(LogLevel::Fatal)?;
        commit(&mut builder)
    }
}
