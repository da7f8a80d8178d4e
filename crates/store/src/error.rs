//! Why the store could not do something.

use sqlx::migrate::MigrateError;
use trunkline_base::class::{Class, Classified};

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened.
    #[error("cannot open the store at {path}; check that the directory exists and is writable")]
    Open {
        /// Where it should be.
        path: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// The file belongs to another version.
    #[error("cannot bring the store's tables up to date")]
    Migrate(#[source] MigrateError),
    /// The disk is full.
    #[error("the disk that holds the store is full; free some space")]
    Full,
    /// A statement failed.
    #[error("the store did not answer")]
    Query(#[source] sqlx::Error),
    /// A row does not read back.
    #[error("a stored {what} is damaged")]
    Damaged {
        /// What sort of row.
        what: &'static str,
    },
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // SQLITE_FULL
        let full = error
            .as_database_error()
            .is_some_and(|e| e.code().as_deref() == Some("13"));
        if full { Self::Full } else { Self::Query(error) }
    }
}

impl StoreError {
    /// Whether the same statement may succeed a moment later: the disk is slow, full or held.
    pub fn is_passing(&self) -> bool {
        let source = match self {
            Self::Full => return true,
            Self::Query(source) => source,
            Self::Open { .. } | Self::Migrate(_) | Self::Damaged { .. } => return false,
        };
        match source {
            sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => true,
            // Busy, locked, read only, input or output, full, cannot open.
            error => matches!(code(error), Some(5 | 6 | 8 | 10 | 13 | 14)),
        }
    }
}

impl Classified for StoreError {
    fn class(&self) -> Class {
        match self {
            Self::Open { .. } | Self::Migrate(_) => Class::Invalid,
            Self::Full | Self::Query(_) => Class::Unavailable,
            Self::Damaged { .. } => Class::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "store.open",
            Self::Migrate(_) => "store.migrate",
            Self::Full => "store.disk_full",
            Self::Query(_) => "store.query",
            Self::Damaged { .. } => "store.damaged",
        }
    }
}

/// SQLite's number for what went wrong, without its extension.
pub(super) fn code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    let code: u32 = code.parse().ok()?;
    Some(code & 0xff)
}
