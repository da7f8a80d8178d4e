//! `sip export | rollback`: what a server has, as a file, and what it had.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use trunkline_base::class::Class;

use super::desk::Desk;
use super::plan::{go, refuse_blocked};
use crate::failure::Failure;
use crate::global::Global;
use crate::server::Server;
use crate::sip::apply::look;
use crate::sip::back::back;
use crate::sip::book::at;
use crate::sip::export as made;
use crate::sip::plan::Plan;
use crate::{ask, clock, output};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trunkline sip export --project prod --env prod.env")]
pub(crate) struct Export {
    /// Also write passwords and PINs, as variables, into a new file that only you can read
    #[arg(long, value_name = "FILE")]
    env: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trunkline sip rollback --list")]
pub(crate) struct Rollback {
    /// Show what is kept
    #[arg(long)]
    list: bool,
    /// Which of them; the newest, unless said otherwise
    #[arg(long, value_name = "ID")]
    to: Option<String>,
}

pub(crate) async fn export(typed: &Export, global: &Global) -> Result<(), Failure> {
    let server = Server::open_for_several(global)?;
    let there = look(server.api()).await;
    let there = there.map_err(|error| server.explain(error))?;
    let made = made::export(&there, server.url());
    if let Some(path) = &typed.env {
        write_secrets(path, &made.secrets)?;
    }
    for note in &made.notes {
        global.tell(note);
    }
    let names: Vec<&String> = made.secrets.iter().map(|(name, _)| name).collect();
    let told = json!({ "file": made.text, "variables": names, "notes": made.notes });
    output::answer(global.json, &told, || made.text.trim_end().to_owned());
    Ok(())
}

fn write_secrets(path: &Path, secrets: &[(String, String)]) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| {
        let text = format!("cannot write {}: {error}", path.display());
        Failure::new(Class::Invalid, "sip.export", text)
            .or_else("name a file that is not there yet")
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(cannot)?;
    for (name, value) in secrets {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        writeln!(file, "{name}=\"{quoted}\"").map_err(cannot)?;
    }
    Ok(())
}

pub(crate) async fn rollback(typed: &Rollback, global: &Global) -> Result<(), Failure> {
    let mut desk = Desk::open(global).await?;
    let book = desk.book().await?;
    let kept = book.kept().await?;
    if typed.list {
        let list: Vec<_> = kept
            .iter()
            .map(|(id, one)| {
                json!({
                    "id": id, "at": clock::utc(at(one)), "trunks": one.trunks.len(),
                    "outbound": one.outbound.len(), "rules": one.rules.len(),
                })
            })
            .collect();
        output::answer(global.json, &json!({ "kept": list }), || {
            let line = |(id, one): &(String, crate::sip::book::Snapshot)| {
                format!(
                    "{id}  {}  {} trunks, {} outbound, {} rules",
                    clock::utc(at(one)),
                    one.trunks.len(),
                    one.outbound.len(),
                    one.rules.len()
                )
            };
            kept.iter().map(line).collect::<Vec<_>>().join("\n")
        });
        return Ok(());
    }
    let chosen = kept
        .into_iter()
        .find(|(id, _)| typed.to.as_ref().is_none_or(|wanted| wanted == id));
    let Some((id, snapshot)) = chosen else {
        let text = "nothing is kept of this server under that name";
        return Err(Failure::new(Class::Missing, "sip.not_kept", text)
            .or_else("see what is: trunkline sip rollback --list"));
    };
    let there = desk.there().await?;
    let written = book.written().await;
    let (wanted, as_it_is) = back(&snapshot.into(), &there, &written);
    let plan = Plan::make(&wanted, there.clone(), &as_it_is);
    if !global.json {
        output::text(&plan.text());
    }
    refuse_blocked(&plan)?;
    if plan.steps.is_empty() {
        output::answer(
            global.json,
            &json!({ "rolled_back": plan.json(), "to": id }),
            || "nothing to change: the server has what it had".to_owned(),
        );
        return Ok(());
    }
    ask::sure(
        &format!("{} at {}?", plan.summary(), desk.server.url()),
        global,
    )?;
    let before = book.keep(&there, &written).await?;
    go(&desk, &book, &plan).await?;
    let told = json!({ "rolled_back": plan.json(), "to": id, "before": before });
    output::answer(global.json, &told, || {
        "the server has what it had; the file may still say otherwise: trunkline sip plan"
            .to_owned()
    });
    Ok(())
}
