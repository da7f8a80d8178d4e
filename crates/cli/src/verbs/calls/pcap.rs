//! `calls pcap`: a call's SIP for Wireshark.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use serde_json::json;
use trunkline_base::class::Class;
use trunkline_sip::capture::pcap;
use trunkline_store::Store;

use super::wire::{captured, needed};
use crate::failure::Failure;
use crate::global::Global;
use crate::output;

pub(super) async fn run(
    call: &str,
    output: Option<PathBuf>,
    store: &Store,
    global: &Global,
) -> Result<(), Failure> {
    let messages = captured(store, call).await?;
    needed(&messages, call)?;
    let file = pcap(&messages);
    let path = output.unwrap_or_else(|| PathBuf::from(format!("{call}.pcap")));
    if path.as_os_str() == "-" {
        // A closed pipe is the reader's choice.
        let _ = io::stdout().write_all(&file);
        return Ok(());
    }
    fs::write(&path, file).map_err(|error| {
        let text = format!("cannot write {}: {error}", path.display());
        Failure::new(Class::Unavailable, "calls.write", text)
    })?;
    let count = messages.len();
    let answer = json!({ "file": path.display().to_string(), "messages": count });
    output::answer(global.json, &answer, || {
        format!("{count} messages are in {}", path.display())
    });
    Ok(())
}
