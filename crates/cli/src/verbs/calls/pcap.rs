//! `calls pcap`: a call's SIP for Wireshark, and its sound where that was kept.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;
use trunkline_base::class::Class;
use trunkline_sip::capture::{Captured, Merged, as_plain, merged, pcap};
use trunkline_store::Store;

use super::super::settings;
use super::wire::{captured, needed};
use crate::failure::Failure;
use crate::global::Global;
use crate::{captures, output};

pub(super) async fn run(
    call: &str,
    (output, rtp): (Option<PathBuf>, bool),
    store: &Store,
    global: &Global,
) -> Result<(), Failure> {
    let messages = captured(store, call).await?;
    let count = messages.len();
    let (file, packets) = if rtp {
        let sound = sound(call, global)?;
        let sip = pcap(&plain(messages));
        (merged(&[&sip, &sound.file]).file, Some(sound.packets))
    } else {
        needed(&messages, call)?;
        (pcap(&messages), None)
    };
    let path = output.unwrap_or_else(|| PathBuf::from(format!("{call}.pcap")));
    if path.as_os_str() == "-" {
        // A closed pipe is the reader's choice.
        let _ = io::stdout().write_all(&file);
        return Ok(());
    }
    write(&path, &file, rtp).map_err(|error| {
        let text = format!("cannot write {}: {error}", path.display());
        Failure::new(Class::Unavailable, "calls.write", text)
    })?;
    let shown = path.display().to_string();
    let mut answer = json!({ "file": shown, "messages": count });
    if let Some(packets) = packets {
        answer["packets"] = packets.into();
    }
    output::answer(global.json, &answer, || match packets {
        Some(packets) => format!("{count} messages and {packets} packets of sound are in {shown}"),
        None => format!("{count} messages are in {shown}"),
    });
    Ok(())
}

/// The sound of a call, of all the processes that had it.
fn sound(call: &str, global: &Global) -> Result<Merged, Failure> {
    let folder = captures::folder(&settings(global)?.livekit.store);
    let parts = folder.map_or_else(|| Ok(Vec::new()), |folder| captures::of_call(&folder, call));
    let parts = parts.map_err(|error| {
        let text = format!("the sound of call {call} cannot be read: {error}");
        Failure::new(Class::Unavailable, "calls.read", text)
    })?;
    if parts.is_empty() {
        let text = format!("no sound is kept of call {call}");
        return Err(Failure::new(Class::Missing, "calls.no_rtp", text).or_else(
            "see gateway.capture.rtp of livekit-sip-correct.yaml, which is 0s as it ships, and \
             retention of security.yaml; without --rtp the SIP alone is written",
        ));
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    Ok(merged(&parts))
}

/// The messages beside sound that is decrypted already.
fn plain(messages: Vec<Captured>) -> Vec<Captured> {
    let plain = messages.into_iter().map(|message| Captured {
        bytes: as_plain(&message.bytes),
        ..message
    });
    plain.collect()
}

/// A file with voices in it is its owner's alone.
fn write(path: &Path, file: &[u8], voices: bool) -> io::Result<()> {
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if voices {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    options.open(path)?.write_all(file)
}
