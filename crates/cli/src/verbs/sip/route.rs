//! `sip route-test`: the gateway's own matcher, asked about a call that nobody makes.

use std::net::IpAddr;

use clap::Args;
use serde_json::json;
use trunkline_base::class::Class;
use trunkline_base::id::TrunkId;
use trunkline_base::secret::Personal;
use trunkline_bridge::sip::OwnSetup;
use trunkline_sip::routing::called::Told;
use trunkline_sip::routing::{
    CallFacts, Considered, DispatchRule, InboundTrunk, LONGEST_PIN, Outcome, Pin, Subject,
    TrunkOutcome, Verdict, mark, match_call, match_pin, match_rule, match_trunk,
};

use crate::failure::Failure;
use crate::global::Global;
use crate::output::{self, plain};
use crate::server::Server;
use crate::sip::apply::look;
use crate::verbs::settings;
use crate::wiring::{lines, own_setup};

/// The call would be refused.
const REFUSED: u8 = 2;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  trunkline sip route-test --from +15550123 --to +15550100 --source 203.0.113.7"
)]
pub(crate) struct RouteTest {
    /// Who calls
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    from: String,
    /// Which number is called
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    to: String,
    /// The address that the call comes from
    #[arg(long, value_name = "IP")]
    source: IpAddr,
    /// Digits that the caller types when asked for a PIN; nothing is a lone #
    #[arg(long, value_name = "DIGITS")]
    pin: Option<String>,
    /// As a call to the contact that this trunk has registered with its provider
    #[arg(long, value_name = "KEY")]
    over: Option<String>,
    /// By the trunks and rules of the server, and not by those of the file
    #[arg(long)]
    server: bool,
}

pub(crate) async fn run(typed: &RouteTest, global: &Global) -> Result<(), Failure> {
    let file = settings(global)?.sip_setup;
    let setup = if typed.server {
        let server = Server::open_for_several(global)?;
        let there = look(server.api()).await;
        let there = there.map_err(|error| server.explain(error))?;
        OwnSetup {
            trunks: there.trunks,
            rules: there.rules,
        }
    } else {
        own_setup(&file)
    };
    let (trunks, rules) = setup.routes(&lines(&file));
    let bound = typed.over.as_deref().map(|key| bound(&trunks, key));
    let facts = CallFacts {
        source: typed.source,
        caller: Personal::new(typed.from.clone()),
        called: vec![Personal::new(typed.to.clone())],
        told: Told::default(),
        bound: bound.transpose()?,
        authenticated: true,
        pin: Pin::NotAsked,
        hostname: String::new(),
        suffix: "RANDOM".to_owned(),
        hide_key: [0; 16],
    };
    let pin = typed.pin.as_deref().map(entry).transpose()?;
    let decided = Decided::by(&trunks, &rules, facts, pin);
    let considered = considered(&trunks, &rules, &decided.facts, &decided.outcome);
    tell(&decided, &considered, global);
    match decided.outcome {
        Outcome::Refused(_) => Err(Failure::verdict(REFUSED)),
        Outcome::Accept(_) | Outcome::Challenge(_) | Outcome::AskPin(_) => Ok(()),
    }
}

/// What is typed when asked, `#` behind it or not.
fn entry(typed: &str) -> Result<Pin, Failure> {
    let keys = typed.strip_suffix('#').unwrap_or(typed);
    let wrong = |text: String, remedy: &str| {
        Err(Failure::new(Class::Invalid, "sip.route_test", text).or_else(remedy.to_owned()))
    };
    let is_key = |key: &char| key.is_ascii_digit() || *key == '*';
    if let Some(key) = keys.chars().find(|key| !is_key(key)) {
        return wrong(
            format!("`{key}` cannot be typed in a PIN"),
            "digits, and # behind them or not",
        );
    }
    if keys.len() > LONGEST_PIN {
        return wrong(
            format!("nobody can type a PIN of {} digits", keys.len()),
            "16 at the most",
        );
    }
    Ok(match keys {
        "" => Pin::None,
        keys => Pin::Typed(Personal::new(keys.to_owned())),
    })
}

/// What becomes of a call, as the gateway does it: a PIN counts where one is asked for.
struct Decided {
    outcome: Outcome,
    facts: CallFacts,
    /// A PIN is asked for.
    asks: bool,
    /// One was given to this verb.
    is_given: bool,
}

impl Decided {
    fn by(
        trunks: &[InboundTrunk],
        rules: &[DispatchRule],
        facts: CallFacts,
        pin: Option<Pin>,
    ) -> Self {
        let is_given = pin.is_some();
        let outcome = match_call(trunks, rules, &facts);
        let Outcome::AskPin(question) = &outcome else {
            return Self {
                outcome,
                facts,
                asks: false,
                is_given,
            };
        };
        let Some(pin) = pin else {
            return Self {
                outcome,
                facts,
                asks: true,
                is_given,
            };
        };
        Self {
            outcome: match_pin(question, pin.clone()),
            facts: CallFacts { pin, ..facts },
            asks: true,
            is_given,
        }
    }

    /// What is to be said of the PIN beside the outcome.
    fn of_the_pin(&self) -> &'static str {
        match (self.asks, self.is_given) {
            (true, true) => ", by the PIN that it is asked for",
            (false, true) => "; nobody is asked for a PIN: a rule without one goes first",
            (_, false) => "",
        }
    }
}

/// The trunk that has registered.
fn bound(trunks: &[InboundTrunk], key: &str) -> Result<TrunkId, Failure> {
    let named = |trunk: &&InboundTrunk| {
        trunk.registers && mark::key(&trunk.metadata).is_some_and(|one| one == key)
    };
    let text = format!("no trunk `{key}` registers");
    let found = trunks.iter().find(named).map(|trunk| trunk.id.clone());
    found.ok_or_else(|| {
        Failure::new(Class::Missing, "sip.route_test", text)
            .or_else("name the key of a trunk with `register` in livekit-sip-correct.yaml")
    })
}

/// Each trunk and rule by itself, as if it were the only one.
fn considered(
    trunks: &[InboundTrunk],
    rules: &[DispatchRule],
    facts: &CallFacts,
    outcome: &Outcome,
) -> Vec<Considered> {
    let taken = match match_trunk(trunks, facts) {
        TrunkOutcome::Matched { trunk, called } => Some((trunk, called)),
        TrunkOutcome::Refused(_) => None,
    };
    let mut all: Vec<Considered> = trunks
        .iter()
        .map(|trunk| {
            let alone = match match_trunk(std::slice::from_ref(trunk), facts) {
                TrunkOutcome::Refused(refusal) => refusal.reason,
                TrunkOutcome::Matched { .. } => match &taken {
                    Some((taken, _)) if taken.id == trunk.id => Verdict::Matched,
                    _ => Verdict::Outranked,
                },
            };
            Considered {
                subject: Subject::Trunk(trunk.id.clone()),
                name: trunk.name.clone(),
                verdict: alone,
            }
        })
        .collect();
    let Some((trunk, called)) = taken else {
        return all;
    };
    let chosen = match outcome {
        Outcome::Accept(accepted) => Some(&accepted.rule.id),
        Outcome::Challenge(_) | Outcome::AskPin(_) | Outcome::Refused(_) => None,
    };
    all.extend(rules.iter().map(|rule| {
        let alone = match_rule(trunk, &called, std::slice::from_ref(rule), facts);
        let verdict = match alone {
            Outcome::Refused(refusal) => refusal.reason,
            Outcome::Accept(_) if chosen.is_some_and(|chosen| *chosen != rule.id) => {
                Verdict::Outranked
            }
            Outcome::Accept(_) | Outcome::Challenge(_) | Outcome::AskPin(_) => Verdict::Matched,
        };
        Considered {
            subject: Subject::Rule(rule.id.clone()),
            name: rule.name.clone(),
            verdict,
        }
    }));
    all
}

fn tell(decided: &Decided, considered: &[Considered], global: &Global) {
    let outcome = &decided.outcome;
    let (word, text) = match outcome {
        Outcome::Accept(accepted) => (
            "accepted",
            format!(
                "trunk {}, rule {}: room {}, as {}{}{}",
                name(&accepted.trunk.name, accepted.trunk.id.as_str()),
                name(&accepted.rule.name, accepted.rule.id.as_str()),
                plain(&accepted.room),
                plain(&accepted.identity),
                if accepted.trunk.auth.is_some() {
                    ", once it has logged in"
                } else {
                    ""
                },
                decided.of_the_pin(),
            ),
        ),
        Outcome::AskPin(question) => {
            let trunk = &question.first.trunk;
            let name = name(&trunk.name, trunk.id.as_str());
            let text = format!(
                "trunk {name}: the call is answered, and the caller asked for a PIN, which \
                 decides the room; try one with --pin DIGITS"
            );
            ("pin", text)
        }
        Outcome::Challenge(trunk) => (
            "challenge",
            format!(
                "trunk {}: the caller must log in",
                name(&trunk.name, trunk.id.as_str())
            ),
        ),
        Outcome::Refused(_) if decided.asks => (
            "refused",
            "the call is answered and asked for a PIN, and this is none of a rule's: after three \
             tries it is hung up on, as pin_wrong"
                .to_owned(),
        ),
        Outcome::Refused(refusal) => (
            "refused",
            format!(
                "refused with {}: {}; {}",
                refusal.status(),
                refusal.reason,
                refusal.reason.remedy()
            ),
        ),
    };
    let document = json!({
        "outcome": word,
        "text": text,
        "asks_pin": decided.asks,
        "room": match outcome {
            Outcome::Accept(accepted) => Some(accepted.room.as_str()),
            Outcome::Challenge(_) | Outcome::AskPin(_) | Outcome::Refused(_) => None,
        },
        "considered": considered.iter().map(|one| json!({
            "subject": one.subject,
            "name": one.name,
            "verdict": one.verdict,
            "remedy": one.verdict.remedy(),
        })).collect::<Vec<_>>(),
    });
    output::answer(global.json, &document, || {
        let lines = considered.iter().map(line);
        std::iter::once(text.clone())
            .chain(lines)
            .collect::<Vec<_>>()
            .join("\n")
    });
}

/// One that was looked at, in one line.
pub(super) fn line(one: &Considered) -> String {
    let (what, id) = match &one.subject {
        Subject::Trunk(id) => ("trunk", id.as_str()),
        Subject::Rule(id) => ("rule", id.as_str()),
    };
    let told = format!("  {what} {}: {}", name(&one.name, id), one.verdict);
    if matches!(one.verdict, Verdict::Matched | Verdict::Outranked) {
        told
    } else {
        format!("{told}; {}", one.verdict.remedy())
    }
}

fn name(name: &str, id: &str) -> String {
    if name.is_empty() {
        plain(id)
    } else {
        format!("{} ({})", plain(name), plain(id))
    }
}
