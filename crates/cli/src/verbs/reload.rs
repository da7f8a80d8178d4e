//! `reload`: has the running daemon take up changed files, and says what came of it.

use clap::Args;
use serde_json::json;
use trunkline_base::class::Class;
use trunkline_console::{ReloadResult, Reloaded};

use super::settings;
use crate::failure::{self, Failure};
use crate::global::Global;
use crate::output::{self, plain};
use crate::target::no_keys;
use crate::wiring::{daemon, dev_keys};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trunkline reload")]
pub(crate) struct Reload;

pub(crate) async fn run(global: &Global) -> Result<(), Failure> {
    let settings = match settings(global) {
        Ok(settings) => settings,
        // The daemon says the same; this way it is said where it was typed.
        Err(wrong) => return Err(wrong.or_else("mend the files; the last good ones stay in force")),
    };
    let keys = if global.dev {
        dev_keys()
    } else {
        settings.livekit.keys().ok_or_else(no_keys)?
    };
    let answer = daemon(&settings, keys).post("/api/reload").await;
    let answer = answer.map_err(|error| {
        let remedy = "is the daemon running, with these files? `trunkline serve` starts it; the console \
                      has to be among its roles";
        Failure::from(error).or_else(remedy)
    })?;
    let reloaded: Reloaded = serde_json::from_value(answer).map_err(|error| {
        let text =
            format!("the daemon's answer cannot be read: {error}; is it of another version?");
        Failure::new(Class::Peer, "reload.answer", text)
    })?;
    if global.json {
        output::json(&json!(reloaded));
    } else {
        output::line(&words(&reloaded));
    }
    match reloaded.result {
        ReloadResult::Taken | ReloadResult::Unchanged => Ok(()),
        ReloadResult::Kept => Err(Failure::verdict(failure::EXIT_CONFIG)),
        ReloadResult::Half => Err(Failure::verdict(Class::Unavailable.exit_code())),
    }
}

fn words(reloaded: &Reloaded) -> String {
    let why = reloaded.why.as_deref().unwrap_or_default();
    let mut text = match reloaded.result {
        ReloadResult::Taken if reloaded.changed.is_empty() => "nothing changes now".to_owned(),
        ReloadResult::Taken => "in force:".to_owned(),
        ReloadResult::Unchanged => "in force as before: nothing has changed".to_owned(),
        ReloadResult::Kept => format!("the last good files stay in force: {}", plain(why)),
        ReloadResult::Half => format!("half applied, the daemon tries again: {}", plain(why)),
    };
    if reloaded.result == ReloadResult::Half && !reloaded.changed.is_empty() {
        text.push_str("\nin force:");
    }
    for change in &reloaded.changed {
        text.push_str(&format!("\n  {}", plain(change)));
    }
    if !reloaded.at_next_start.is_empty() {
        text.push_str("\nat the next start:");
        for change in &reloaded.at_next_start {
            text.push_str(&format!("\n  {}", plain(change)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_already_is_told_of_files_that_are_half_applied() {
        let reloaded = Reloaded {
            result: ReloadResult::Half,
            changed: vec!["security.dialling.deny".to_owned()],
            at_next_start: Vec::new(),
            why: Some("the server is away".to_owned()),
        };
        assert_eq!(
            words(&reloaded),
            "half applied, the daemon tries again: the server is away\n\
             in force:\n  security.dialling.deny"
        );
    }

    #[test]
    fn what_counts_and_what_does_not_yet_are_told_apart() {
        let reloaded = Reloaded {
            result: ReloadResult::Taken,
            changed: vec!["gateway.codecs".to_owned()],
            at_next_start: vec!["gateway.udp".to_owned()],
            why: None,
        };
        let text = words(&reloaded);
        assert_eq!(
            text,
            "in force:\n  gateway.codecs\nat the next start:\n  gateway.udp"
        );
    }
}
