//! Small documents by kind and id: trunks, rules, dispatches, rooms. What is inside is the
//! owner's business.

use sqlx::{Row as _, SqlitePool};
use trunkline_base::time::UnixTime;

use crate::error::StoreError;
use crate::integer::to_db;

/// The table of documents.
#[derive(Clone, Copy, Debug)]
pub struct Documents<'a> {
    pool: &'a SqlitePool,
}

impl<'a> Documents<'a> {
    pub(crate) const fn new(pool: &'a SqlitePool) -> Self {
        Self { pool }
    }

    /// Writes a document, replacing one of the same name.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn put(
        &self,
        kind: &str,
        id: &str,
        body: &[u8],
        at: UnixTime,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO documents (kind, id, body, updated_at) VALUES (?, ?, ?, ?)
             ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at",
        )
        .bind(kind)
        .bind(id)
        .bind(body)
        .bind(to_db(at.0))
        .execute(self.pool)
        .await?;
        Ok(())
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn get(&self, kind: &str, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let row = sqlx::query("SELECT body FROM documents WHERE kind = ? AND id = ?")
            .bind(kind)
            .bind(id)
            .fetch_optional(self.pool)
            .await?;
        Ok(row.map(|row| row.try_get("body")).transpose()?)
    }

    /// Every document of a kind with its id, in the order of creation.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn list(&self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let rows = sqlx::query("SELECT id, body FROM documents WHERE kind = ? ORDER BY rowid")
            .bind(kind)
            .fetch_all(self.pool)
            .await?;
        rows.iter()
            .map(|row| Ok((row.try_get("id")?, row.try_get("body")?)))
            .collect()
    }

    /// Deletes a document; says whether it was there.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be deleted.
    pub async fn delete(&self, kind: &str, id: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM documents WHERE kind = ? AND id = ?")
            .bind(kind)
            .bind(id)
            .execute(self.pool)
            .await?;
        Ok(done.rows_affected() > 0)
    }
}
