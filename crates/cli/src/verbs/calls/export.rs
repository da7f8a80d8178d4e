//! `calls export`: records for billing and spreadsheets, page by page.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use trunkline_base::class::Class;
use trunkline_base::time::UnixTime;
use trunkline_store::{Call, Period, Store};

use crate::failure::Failure;
use crate::global::Global;
use crate::record::Record;
use crate::{clock, output};

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// How they are written
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Calls that began then or later: 2026-11-01, 2026-11-01T08:00:00Z, or 7d for the last seven days
    #[arg(long, value_name = "WHEN", value_parser = clock::moment)]
    since: Option<UnixTime>,
    /// Calls that began before: written the same way
    #[arg(long, value_name = "WHEN", value_parser = clock::moment)]
    until: Option<UnixTime>,
    /// Into this file; else to standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table with a header; cells that a spreadsheet would run are quoted with an apostrophe
    Csv,
    /// One JSON document a line
    Jsonl,
}

pub(super) async fn run(export: &Export, store: &Store, global: &Global) -> Result<(), Failure> {
    let period = Period {
        since: export.since.unwrap_or_default(),
        until: export.until.unwrap_or(UnixTime(u64::MAX)),
    };
    if period.since >= period.until {
        let text = "--since is not before --until: no call can be in between";
        return Err(Failure::new(Class::Invalid, "calls.period", text));
    }
    if global.json {
        let mut calls = Vec::new();
        let told = each(store, &period, |call| {
            calls.push(Record::of(call));
            Ok::<(), Failure>(())
        });
        told.await.map_err(|stopped| stopped.failure(STDOUT))?;
        output::json(&json!({ "calls": calls }));
        return Ok(());
    }
    let Some(path) = &export.output else {
        // A reader that went away has had enough.
        let out = BufWriter::new(io::stdout());
        return match write(export.format, store, &period, out).await {
            Err(Stopped::Written(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(stopped) => Err(stopped.failure(STDOUT)),
            Ok(_) => Ok(()),
        };
    };
    let shown = path.display().to_string();
    let file = File::create(path).map_err(|error| Stopped::Written(error).failure(&shown))?;
    let written = write(export.format, store, &period, BufWriter::new(file)).await;
    let count = written.map_err(|stopped| stopped.failure(&shown))?;
    global.tell(&format!("{count} calls are in {}", path.display()));
    Ok(())
}

/// Why an export stopped.
enum Stopped {
    Read(Failure),
    Written(io::Error),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Read(failure)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Written(error)
    }
}

impl Stopped {
    fn failure(self, to: &str) -> Failure {
        match self {
            Self::Read(failure) => failure,
            Self::Written(error) => {
                let text = format!("cannot write {to}: {error}");
                Failure::new(Class::Unavailable, "calls.write", text)
            }
        }
    }
}

async fn write(
    format: Format,
    store: &Store,
    period: &Period,
    out: impl Write,
) -> Result<u64, Stopped> {
    let mut count = 0;
    match format {
        Format::Csv => {
            let mut table = csv::Writer::from_writer(out);
            // Also where there is no call.
            table.write_record(columns()).map_err(csv_error)?;
            each(store, period, |call| {
                count += 1;
                table.write_record(cells(call)).map_err(csv_error)
            })
            .await?;
            table.flush()?;
        }
        Format::Jsonl => {
            let mut out = out;
            each(store, period, |call| {
                count += 1;
                serde_json::to_writer(&mut out, &Record::of(call))?;
                out.write_all(b"\n")
            })
            .await?;
            out.flush()?;
        }
    }
    Ok(count)
}

fn csv_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Tells every call of the time, oldest first.
async fn each<E>(
    store: &Store,
    period: &Period,
    mut tell: impl FnMut(&Call) -> Result<(), E>,
) -> Result<(), Stopped>
where
    Stopped: From<E>,
{
    let mut last: Option<Call> = None;
    loop {
        let page = store.calls().within(period, last.as_ref(), PAGE).await;
        let page = page.map_err(|error| Stopped::Read(error.into()))?;
        for call in &page {
            tell(call)?;
        }
        match page.into_iter().next_back() {
            Some(call) => last = Some(call),
            None => return Ok(()),
        }
    }
}

/// The names of the columns, as the JSON has them.
fn columns() -> Vec<String> {
    fields(&Record::default()).map(|(name, _)| name).collect()
}

fn cells(call: &Call) -> Vec<String> {
    let cells = fields(&Record::of(call)).map(|(_, value)| cell(&value));
    cells.collect()
}

fn fields(record: &Record) -> serde_json::map::IntoIter {
    let value = serde_json::to_value(record).unwrap_or_default();
    match value {
        Value::Object(fields) => fields.into_iter(),
        _ => serde_json::Map::new().into_iter(),
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => harmless(text),
        other => other.to_string(),
    }
}

/// Text that no spreadsheet takes for a formula: whoever calls chooses what stands in From. A number
/// in international form is one.
fn harmless(text: &str) -> String {
    let number = text
        .strip_prefix('+')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    let runs = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '%']);
    if runs && !number {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

const STDOUT: &str = "standard output";

/// Calls read at once.
const PAGE: u32 = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_quoted_and_numbers_are_not() {
        for bad in [
            "=1+1",
            "+1+cmd|' /C calc'!A0",
            "-2",
            "@SUM(A1)",
            "\t=1",
            "+",
        ] {
            assert_eq!(harmless(bad), format!("'{bad}"));
        }
        for good in ["+15550100", "15550100", "anonymous", "a=b", ""] {
            assert_eq!(harmless(good), good);
        }
    }

    /// Programs read the columns by these names, in this order.
    #[test]
    fn the_columns_are_a_promise() {
        assert_eq!(
            columns().join(","),
            "call_id,direction,caller,called,trunk_id,rule_id,room,started_at,answered_at,ended_at,\
             duration_seconds,billed_seconds,ended_by,end_reason,sip_status,q850,cost,currency,codec,\
             mos,remote_mos,source"
        );
    }
}
