//! `calls list | show | refused | export | pcap`.

mod export;
mod ladder;
mod pcap;
mod wire;

use std::io::{IsTerminal as _, stdout};
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;
use trunkline_base::class::Class;
use trunkline_base::time::UnixTime;
use trunkline_sip::capture::Ladder;
use trunkline_sip::q850;
use trunkline_store::{Call, Direction, Store, Turn};

use super::store;
use crate::failure::Failure;
use crate::global::Global;
use crate::record::Record;
use crate::{clock, output};

#[derive(Debug, Subcommand)]
pub(crate) enum Calls {
    /// The latest calls, newest first
    List {
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// One call with its turns, recordings and events
    Show {
        /// The call's id (SCL_…)
        call: String,
        /// Its SIP as a ladder
        #[arg(long)]
        sip: bool,
        /// Draw it with letters that every terminal has, as is done where there is none
        #[arg(long, requires = "sip")]
        plain: bool,
    },
    /// A call's SIP as a file for Wireshark, with its sound if that was kept
    Pcap {
        /// The call's id (SCL_…)
        call: String,
        /// Into this file, `-` for standard output; else CALL.pcap
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// With its sound, where that was kept
        #[arg(long)]
        rtp: bool,
    },
    /// The records of calls: when, how long, who hung up and why, and what it costs
    Export(export::Export),
    /// Calls that were turned away, and why
    Refused {
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
}

pub(crate) async fn run(verb: Calls, global: &Global) -> Result<(), Failure> {
    let store = store(global).await?;
    match verb {
        Calls::List { limit } => list(&store, limit, global).await,
        Calls::Show {
            call, sip: false, ..
        } => show(&store, &call, global).await,
        Calls::Show { call, plain, .. } => show_sip(&store, &call, plain, global).await,
        Calls::Pcap { call, output, rtp } => pcap::run(&call, (output, rtp), &store, global).await,
        Calls::Export(export) => export::run(&export, &store, global).await,
        Calls::Refused { limit } => refused(&store, limit, global).await,
    }
}

async fn list(store: &Store, limit: u32, global: &Global) -> Result<(), Failure> {
    let calls = store.calls().list(limit).await?;
    if global.json {
        output::json(&json!({ "calls": calls }));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = calls
        .iter()
        .map(|call| {
            vec![
                call.call_id.clone(),
                way(call).to_owned(),
                clock::utc(call.started_at),
                call.caller.expose().clone(),
                call.called.expose().clone(),
                length(call),
                result(call),
            ]
        })
        .collect();
    output::text(&output::table(
        &["CALL", "WAY", "STARTED", "FROM", "TO", "LENGTH", "END"],
        &rows,
    ));
    Ok(())
}

const fn way(call: &Call) -> &'static str {
    match call.direction {
        Direction::Inbound => "in",
        Direction::Outbound => "out",
    }
}

/// How it ended, with the SIP status that says so.
fn result(call: &Call) -> String {
    match (&call.end_reason, call.sip_status) {
        (None, _) => "up".to_owned(),
        (Some(reason), None) => reason.clone(),
        (Some(reason), Some(status)) => format!("{reason} ({status})"),
    }
}

async fn show(store: &Store, id: &str, global: &Global) -> Result<(), Failure> {
    let call = store.calls().get(id).await?.ok_or_else(|| {
        let text = format!("there is no call {id}; `trunkline calls list` shows those there are");
        Failure::new(Class::Missing, "calls.not_found", text)
    })?;
    let turns = store.turns().of_call(id).await?;
    // Nothing happened in no room.
    let (recordings, events) = if call.room.is_empty() {
        (Vec::new(), Vec::new())
    } else {
        let recordings = store.recordings().of_room(&call.room).await?;
        (recordings, store.events().of_room(&call.room).await?)
    };
    if global.json {
        output::json(&json!({
            "call": call, "turns": turns, "recordings": recordings, "events": events,
        }));
        return Ok(());
    }
    output::line(&format!(
        "{}  {} → {}",
        call.call_id,
        call.caller.expose(),
        call.called.expose()
    ));
    let room = match call.room.as_str() {
        "" => "no room".to_owned(),
        room => format!("room {room}"),
    };
    output::line(&format!("{room}, {}", clock::utc(call.started_at)));
    output::line(&format!("{}, {}", length(&call), ended(&call)));
    for line in figures(&call) {
        output::line(&line);
    }
    for turn in &turns {
        output::text(&told(turn, call.started_at));
    }
    for recording in &recordings {
        let outcome = recording.outcome.as_deref().unwrap_or("running");
        output::line(&format!("recording {} ({outcome})", recording.path));
    }
    if !events.is_empty() {
        let words: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        output::line(&format!("events {}", words.join(" ")));
    }
    Ok(())
}

/// Why, by whom, and in which words of SIP and ISDN.
fn ended(call: &Call) -> String {
    let Some(reason) = &call.end_reason else {
        return "still up".to_owned();
    };
    let by = call.ended_by.map(|by| format!("by {}", by.as_str()));
    let status = call.sip_status.map(|status| format!("SIP {status}"));
    let cause = call
        .q850
        .map(|cause| format!("Q.850 {cause} ({})", q850::words(cause)));
    let said: Vec<String> = [by, status, cause].into_iter().flatten().collect();
    if said.is_empty() {
        reason.clone()
    } else {
        format!("{reason} ({})", said.join(", "))
    }
}

/// What it came to, and how it sounded.
fn figures(call: &Call) -> Vec<String> {
    let record = Record::of(call);
    let mut lines = Vec::new();
    if let Some(seconds) = record.billed_seconds {
        let cost = match (&record.cost, &record.currency) {
            (Some(cost), Some(currency)) => format!(", {cost} {currency}"),
            (Some(cost), None) => format!(", {cost}"),
            (None, _) => String::new(),
        };
        lines.push(format!("billed {seconds} s{cost}"));
    }
    let opinion = |mos: Option<f64>| mos.map_or_else(|| "-".to_owned(), |mos| format!("{mos:.2}"));
    if record.mos.is_some() || record.remote_mos.is_some() {
        let codec = record.codec.as_deref().unwrap_or("-");
        let (heard, sent) = (opinion(record.mos), opinion(record.remote_mos));
        lines.push(format!(
            "sound {codec}, MOS {heard} from the phone, {sent} to it"
        ));
    }
    lines
}

async fn show_sip(store: &Store, id: &str, plain: bool, global: &Global) -> Result<(), Failure> {
    let messages = wire::captured(store, id).await?;
    wire::needed(&messages, id)?;
    let ladder = Ladder::of(&messages);
    if global.json {
        output::json(&json!({ "call_id": id, "sip": ladder::document(&ladder) }));
        return Ok(());
    }
    let style = if plain || !stdout().is_terminal() {
        ladder::Style::Ascii
    } else {
        ladder::Style::Drawn
    };
    output::text(&ladder::draw(&ladder, style));
    Ok(())
}

async fn refused(store: &Store, limit: u32, global: &Global) -> Result<(), Failure> {
    let refusals = store.refusals().list(limit).await?;
    if global.json {
        output::json(&json!({ "refusals": refusals }));
        return Ok(());
    }
    for refusal in &refusals {
        let times = match refusal.count {
            0 | 1 => String::new(),
            count => format!(", {count} times until {}", clock::utc(refusal.last_at)),
        };
        output::line(&format!(
            "{}  {} {}  {} → {} from {}{times}",
            clock::utc(refusal.at),
            refusal.sip_status,
            refusal.reason,
            refusal.caller.expose(),
            refusal.called.expose(),
            refusal.source.expose()
        ));
        for considered in refusal.considered.as_array().into_iter().flatten() {
            output::line(&format!("    {considered}"));
        }
    }
    Ok(())
}

fn told(turn: &Turn, from: UnixTime) -> String {
    let at = turn.at.since(from).as_secs_f64();
    let mut text = String::new();
    if !turn.heard.expose().is_empty() {
        text.push_str(&format!("{at:7.1}  caller  {}\n", turn.heard.expose()));
    }
    let cut = if turn.interrupted { " —" } else { "" };
    let gap = turn
        .latency
        .voice_to_voice_ms
        .map(|ms| format!("  [{ms:.0} ms]"))
        .unwrap_or_default();
    text.push_str(&format!(
        "{at:7.1}  agent   {}{cut}{gap}\n",
        turn.said.expose()
    ));
    text
}

fn length(call: &Call) -> String {
    match (call.answered_at, call.ended_at) {
        (Some(answered), Some(ended)) => format!("{:.1} s", ended.since(answered).as_secs_f64()),
        (Some(_), None) => "up".to_owned(),
        (None, _) => "unanswered".to_owned(),
    }
}
