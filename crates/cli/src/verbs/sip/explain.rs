//! `sip explain`: why a call that came went where it went, or was turned away.

use clap::Args;
use serde_json::{Value, json};
use trunkline_base::class::Class;
use trunkline_base::secret::Personal;
use trunkline_sip::routing::{Verdict, normalise};
use trunkline_store::{Call, Refusal};

use crate::clock;
use crate::failure::Failure;
use crate::global::Global;
use crate::output::{self, plain};
use crate::verbs::store;

/// How many refusals are looked through.
const LOOKED: u32 = 1000;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trunkline sip explain +15550123")]
pub(crate) struct Explain {
    /// A call's id (SCL_…), or a number that called or was called: the latest of its calls; the latest refusal without one
    #[arg(value_name = "CALL", allow_hyphen_values = true)]
    call: Option<String>,
}

pub(crate) async fn run(typed: &Explain, global: &Global) -> Result<(), Failure> {
    let store = store(global).await?;
    if let Some(id) = &typed.call
        && let Some(call) = store.calls().get(id).await?
    {
        taken(&call, global);
        return Ok(());
    }
    let refusals = store.refusals().list(LOOKED).await?;
    let refusal = refusals
        .iter()
        .find(|one| is_about(typed.call.as_deref(), [&one.caller, &one.called]));
    let calls = match &typed.call {
        Some(_) => store.calls().list(LOOKED).await?,
        None => Vec::new(),
    };
    let call = calls
        .iter()
        .find(|one| is_about(typed.call.as_deref(), [&one.caller, &one.called]));
    match (call, refusal) {
        (Some(call), Some(refusal)) if call.started_at < refusal.at => refused(refusal, global),
        (Some(call), _) => taken(call, global),
        (None, Some(refusal)) => refused(refusal, global),
        (None, None) => {
            let text = match &typed.call {
                Some(call) => format!("no call and no refusal is known of {call}"),
                None => "no call was refused yet".to_owned(),
            };
            return Err(Failure::new(Class::Missing, "sip.explain", text)
                .or_else("see what there is: trunkline calls list, trunkline calls refused"));
        }
    }
    Ok(())
}

/// Whether one of two numbers is the one that was asked for; each is where none was.
fn is_about(asked: Option<&str>, both: [&Personal<String>; 2]) -> bool {
    asked.is_none_or(|asked| {
        let asked = normalise(asked);
        both.iter().any(|one| normalise(one.expose()) == asked)
    })
}

fn taken(call: &Call, global: &Global) {
    let document = json!({ "outcome": "taken", "call": call });
    output::answer(global.json, &document, || {
        let end = call.end_reason.as_deref().unwrap_or("still up");
        let mut lines = vec![format!(
            "{} {} → {}, {}",
            plain(&call.call_id),
            plain(call.caller.expose()),
            plain(call.called.expose()),
            clock::utc(call.started_at),
        )];
        let room = plain(&call.room);
        if !call.trunk_id.is_empty() {
            lines.push(format!("  trunk {}: matched", plain(&call.trunk_id)));
        }
        // No rule places a call that goes out, nor one without its PIN.
        lines.push(match call.rule_id.as_str() {
            "" if room.is_empty() => "  rule: none, it came to no room".to_owned(),
            "" => format!("  room {room}"),
            rule => format!("  rule {}: matched, room {room}", plain(rule)),
        });
        lines.push(format!("  end: {end}"));
        lines.extend(after_prompt(end).map(|remedy| format!("  remedy: {remedy}")));
        lines.join("\n")
    });
}

fn refused(refusal: &Refusal, global: &Global) {
    let remedy = remedy(&refusal.reason);
    let considered = refusal.considered.as_array().map_or(&[][..], Vec::as_slice);
    let each: Vec<Value> = considered
        .iter()
        .map(|one| {
            let mut one = one.clone();
            let word = one
                .get("verdict")
                .and_then(Value::as_str)
                .map(str::to_owned);
            if let (Some(one), Some(word)) = (one.as_object_mut(), word) {
                one.insert("remedy".to_owned(), self::remedy(&word).into());
            }
            one
        })
        .collect();
    let document = json!({
        "outcome": "refused",
        "refusal": refusal,
        "considered": each,
        "remedy": remedy,
    });
    output::answer(global.json, &document, || {
        let mut lines = vec![format!(
            "{} → {} from {}, {}: {} {}",
            plain(refusal.caller.expose()),
            plain(refusal.called.expose()),
            plain(refusal.source.expose()),
            clock::utc(refusal.at),
            refusal.sip_status,
            says(&refusal.reason),
        )];
        lines.extend(considered.iter().map(line));
        lines.push(format!("  remedy: {remedy}"));
        lines.join("\n")
    });
}

/// One that was looked at.
fn line(one: &Value) -> String {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let subject = one.get("subject").and_then(Value::as_object);
    let subject = subject.and_then(|subject| subject.iter().next());
    let (what, id) = subject.map_or(("it", String::new()), |(what, id)| {
        (what.as_str(), text(Some(id)))
    });
    let name = text(one.get("name"));
    let word = text(one.get("verdict"));
    format!(
        "  {what} {} ({}): {}",
        plain(&name),
        plain(&id),
        says(&word)
    )
}

fn says(word: &str) -> String {
    Verdict::from_word(word).map_or_else(|| word.replace('_', " "), |verdict| verdict.to_string())
}

/// What to do about a call that was asked for a PIN and came to no room.
fn after_prompt(end: &str) -> Option<&'static str> {
    match end {
        "pin_wrong" => Some("the caller must type the PIN of a rule, and # behind it; three tries"),
        "pin_missing" => Some(
            "the caller typed no PIN with # behind it in time (gateway.pin_wait); if keys were \
             pressed, they did not arrive: the phone must send them as RFC 4733 events, INFO or tones",
        ),
        "encryption_required" => Some(
            "the PIN was right, and its rule has media_encryption: require: the phone must offer SRTP",
        ),
        _ => None,
    }
}

/// What to do about a word in a record.
fn remedy(word: &str) -> &'static str {
    if let Some(verdict) = Verdict::from_word(word) {
        return verdict.remedy();
    }
    match word {
        "pin_locked" => {
            "too many wrong PINs came from this caller, or from all over the trunk together, which the log's \
             audit says; calls may try again a quarter of an hour later"
        }
        "no_trunks_yet" => {
            "it came just after the start, before trunks were known; callers are asked to try again"
        }
        "no_room" => "more calls at once are refused: raise sip.max_calls of security.yaml",
        "setups" => {
            "more calls came in a moment than are set up at once: see gateway.limits.setups"
        }
        "share" => {
            "its source had as many calls set up, or waiting for an ACK, as it may have beside others: see \
             gateway.limits.setups, and whether the provider sends its ACKs to us"
        }
        "overload" => {
            "the machine was full: see gateway.limits, and `busy` in the log of that moment"
        }
        "foreseen" => {
            "there was no room for one call more once all that were in talk, as far as it was known by \
             then what one takes: see gateway.limits.busy, and `foreseen` in the log of that moment"
        }
        "digest_wrong" | "digest_replayed" | "digest_other_uri" => {
            "the provider and the trunk's `auth` must have the same username and password"
        }
        _ => "look at the log of that moment, and at `trunkline sip route-test`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_on_either_side_however_it_is_spelt() {
        let both: [&Personal<String>; 2] = [&"+15550100".into(), &"+15550123".into()];
        assert!(is_about(None, both));
        assert!(is_about(Some("1 555 0123"), both));
        assert!(!is_about(Some("+15550124"), both));
    }
}
