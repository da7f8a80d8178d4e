//! How the file is opened.
//!
//! A file becomes a write-ahead-logged one, and gets its tables, through one connection that is
//! alone. SQLite answers "busy" at once, without waiting its time-out, when two connections change
//! a new file's journal mode together, and neither the pool's own connections nor another process
//! (`trunkline calls list` beside a daemon that starts) may make a table twice. The lock for this
//! is the operating system's on the directory: it leaves nothing behind and ends with its holder.

use std::fs::{File, TryLockError};
use std::future::Future;
use std::io;
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::time::{Instant, sleep};

use super::error::{StoreError, code};
use super::tables::migrator;

/// Writers queue this long behind each other before giving up; a write takes microseconds, so
/// reaching it means that the disk stands still.
const BUSY: Duration = Duration::from_secs(5);

/// Between two looks at a file that another process is setting up.
const AGAIN: Duration = Duration::from_millis(20);

/// SQLite's page, unless a file was made with another.
const PAGE: u64 = 4096;

/// Readers at work at the same time. More than the cores gains nothing.
const CONNECTIONS: u32 = 4;

pub(super) fn options(path: &str, most: Option<u64>) -> Result<SqliteConnectOptions, StoreError> {
    let mut options =
        SqliteConnectOptions::from_str(&format!("sqlite://{path}")).map_err(cannot(path))?;
    if let Some(bytes) = most {
        options = options.pragma("max_page_count", (bytes / PAGE).to_string());
    }
    Ok(options
        .create_if_missing(true)
        .foreign_keys(true)
        // What is removed is somebody's number or words: it is overwritten, not unlinked.
        .pragma("secure_delete", "ON")
        .busy_timeout(BUSY)
        // Under WAL a killed process loses nothing with NORMAL; only a power cut may cost the
        // last moments.
        .synchronous(SqliteSynchronous::Normal))
}

/// Each connection to `:memory:` is a database of its own, so there is one, kept for good.
pub(super) async fn memory(
    path: &str,
    options: SqliteConnectOptions,
) -> Result<SqlitePool, StoreError> {
    let pool = pool(path, options, 1).await?;
    migrator().run(&pool).await.map_err(StoreError::Migrate)?;
    Ok(pool)
}

/// A file: set up by one connection, then shared by several.
pub(super) async fn file(
    path: &str,
    options: SqliteConnectOptions,
) -> Result<SqlitePool, StoreError> {
    let turn = turn(path).await?;
    private(&options).map_err(|error| cannot(path)(error.into()))?;
    patiently(|| set_up(path, &options)).await?;
    drop(turn);
    pool(path, options, CONNECTIONS).await
}

/// A new file is its owner's alone, before anything is in it: it holds numbers, words and logins.
/// What SQLite puts beside it takes its mode.
fn private(options: &SqliteConnectOptions) -> io::Result<()> {
    let mut new = File::options();
    new.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    match new.open(options.get_filename()) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        opened => opened.map(drop),
    }
}

/// Waits until nobody else sets the file up. Where the file system knows no locks, nobody waits.
async fn turn(path: &str) -> Result<Option<File>, StoreError> {
    let parent = Path::new(path).parent();
    let parent = parent.filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or_else(|| Path::new("."));
    let directory = File::open(parent).map_err(|error| cannot(path)(error.into()))?;
    let deadline = Instant::now() + BUSY;
    loop {
        match directory.try_lock() {
            Ok(()) => return Ok(Some(directory)),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(AGAIN).await,
            Err(TryLockError::WouldBlock) => {
                let busy = io::Error::new(io::ErrorKind::TimedOut, "another process sets it up");
                return Err(cannot(path)(busy.into()));
            }
            Err(TryLockError::Error(_)) => return Ok(None),
        }
    }
}

async fn set_up(path: &str, options: &SqliteConnectOptions) -> Result<(), StoreError> {
    // The mode is written in the file: later connections find it there.
    let options = options.clone().journal_mode(SqliteJournalMode::Wal);
    let alone = pool(path, options, 1).await?;
    let done = migrator().run(&alone).await.map_err(StoreError::Migrate);
    alone.close().await;
    done
}

async fn pool(
    path: &str,
    options: SqliteConnectOptions,
    connections: u32,
) -> Result<SqlitePool, StoreError> {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(BUSY)
        .connect_with(options)
        .await
        .map_err(cannot(path))
}

/// Tries until it is done, fails for another reason than a busy file, or [`BUSY`] has passed.
async fn patiently<F>(mut act: impl FnMut() -> F) -> Result<(), StoreError>
where
    F: Future<Output = Result<(), StoreError>>,
{
    let deadline = Instant::now() + BUSY;
    loop {
        match act().await {
            Err(error) if is_busy(&error) && Instant::now() < deadline => sleep(AGAIN).await,
            done => return done,
        }
    }
}

/// `SQLITE_BUSY` or `SQLITE_LOCKED`, in any of their extended forms.
fn is_busy(error: &StoreError) -> bool {
    let source = match error {
        StoreError::Open { source, .. } | StoreError::Query(source) => source,
        StoreError::Migrate(
            MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _),
        ) => source,
        StoreError::Migrate(_) | StoreError::Full | StoreError::Damaged { .. } => return false,
    };
    matches!(code(source), Some(5 | 6))
}

fn cannot(path: &str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Open {
        path: path.to_owned(),
        source,
    }
}
