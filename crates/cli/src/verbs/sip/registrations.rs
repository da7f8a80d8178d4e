//! `sip registrations`: how each trunk's registration stands, as the daemon last said.

use serde_json::json;
use trunkline_base::class::Class;
use trunkline_base::time::UnixTime;

use crate::clock::{self, now};
use crate::failure::Failure;
use crate::global::Global;
use crate::output;
use crate::sip::registered::{Line, Sheet, State};
use crate::verbs::store;

pub(super) async fn run(global: &Global) -> Result<(), Failure> {
    let store = store(global).await?;
    let sheet = Sheet::read(&store).await?;
    let sheet = sheet.ok_or_else(|| {
        let text = "no gateway has run with this store; `trunkline serve` starts one";
        Failure::new(Class::Missing, "sip.registrations.none", text)
    })?;
    let (at, is_stale) = (now(), sheet.is_stale(now()));
    if global.json {
        output::json(&json!({
            "as_of": sheet.at,
            "running": !sheet.ended && !is_stale,
            "registrations": sheet.trunks,
        }));
        return Ok(());
    }
    if sheet.ended {
        output::line(&format!(
            "The gateway ended {}, and took its registrations back.",
            clock::utc(sheet.at)
        ));
    } else if is_stale {
        output::line(&format!(
            "The gateway last said something {}: it seems to be gone. As it was then:",
            clock::utc(sheet.at)
        ));
    }
    if sheet.trunks.is_empty() {
        output::line("No trunk registers; `register` of a trunk in livekit-sip-correct.yaml does.");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = sheet.trunks.iter().map(|line| row(line, at)).collect();
    let heading = [
        "TRUNK",
        "REGISTRAR",
        "STATE",
        "EXPIRES",
        "CONTACT",
        "SERVER",
    ];
    output::text(&output::table(&heading, &rows));
    for line in &sheet.trunks {
        if let Some(error) = &line.error {
            let remedy = line.remedy.as_deref().unwrap_or_default();
            output::line(&format!("{}: {error}\n    {remedy}", line.trunk));
        }
    }
    Ok(())
}

fn row(line: &Line, now: UnixTime) -> Vec<String> {
    let until = |at: Option<UnixTime>| at.map(|at| at.since(now).as_secs());
    let when = match (line.state, until(line.expires_at), until(line.next_try_at)) {
        (State::Registered, Some(left), _) => format!("in {left} s"),
        (State::Trying, _, Some(next)) => format!("next try in {next} s"),
        _ => "-".to_owned(),
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    vec![
        line.trunk.clone(),
        line.registrar.clone(),
        line.state.word().to_owned(),
        when,
        text(&line.contact),
        text(&line.target),
    ]
}
