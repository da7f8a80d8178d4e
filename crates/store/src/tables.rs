//! The tables, and how files of earlier versions get to them. A step that was shipped is never
//! changed: its digest is in every file that took it.

use std::borrow::Cow;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// By number and name, as `migrations/` has them.
const STEPS: &[(i64, &str, &str)] = &[
    (1, "calls", include_str!("../migrations/0001_calls.sql")),
    (
        5,
        "webhooks",
        include_str!("../migrations/0005_webhooks.sql"),
    ),
    (
        6,
        "refusal counts",
        include_str!("../migrations/0006_refusal_counts.sql"),
    ),
    (
        10,
        "records",
        include_str!("../migrations/0010_records.sql"),
    ),
];

/// Every step in its order.
pub(super) fn migrator() -> Migrator {
    let step = |(number, name, sql): &(i64, &'static str, &'static str)| {
        let (name, kind) = (Cow::Borrowed(*name), MigrationType::Simple);
        Migration::new(*number, name, kind, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(STEPS.iter().map(step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that nobody lists would be tables that nobody makes.
    #[test]
    fn every_file_of_migrations_is_a_step() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let files = std::fs::read_dir(dir).unwrap();
        let mut files: Vec<String> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed: Vec<String> = STEPS
            .iter()
            .map(|(number, name, _)| format!("{number:04}_{}.sql", name.replace(' ', "_")))
            .collect();
        assert_eq!(listed, files);
    }
}
