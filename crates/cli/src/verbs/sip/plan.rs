//! `sip plan | apply | drift`.

use clap::Args;
use serde_json::json;
use trunkline_base::class::Class;

use super::desk::Desk;
use crate::failure::Failure;
use crate::global::Global;
use crate::sip::apply::{self as steps, Stopped};
use crate::sip::drift::{Drifted, drift as drifted};
use crate::sip::plan::Plan;
use crate::sip::show::field;
use crate::{ask, output};

/// There is something to do.
const DIFFERENT: u8 = 2;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trunkline sip plan --project prod")]
pub(crate) struct PlanFlags {}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trunkline sip apply --project prod --yes")]
pub(crate) struct ApplyFlags {}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trunkline sip drift --json")]
pub(crate) struct DriftFlags {}

pub(crate) async fn plan(_typed: &PlanFlags, global: &Global) -> Result<(), Failure> {
    let desk = Desk::open(global).await?;
    let plan = desk.plan(desk.there().await?, &desk.written().await);
    if global.json {
        let mut told = plan.json();
        if let Some(told) = told.as_object_mut() {
            told.insert("server".to_owned(), json!(desk.server.url()));
        }
        output::json(&told);
    } else {
        output::text(&plan.text());
        output::line(&if plan.is_empty() {
            "nothing to change: the server has what the file says".to_owned()
        } else {
            plan.summary()
        });
    }
    answer(plan.is_empty())
}

fn answer(is_same: bool) -> Result<(), Failure> {
    if is_same {
        Ok(())
    } else {
        Err(Failure::verdict(DIFFERENT))
    }
}

pub(crate) async fn apply(_typed: &ApplyFlags, global: &Global) -> Result<(), Failure> {
    let mut desk = Desk::open(global).await?;
    let written = desk.written().await;
    let there = desk.there().await?;
    let plan = desk.plan(there.clone(), &written);
    if !global.json {
        output::text(&plan.text());
    }
    refuse_blocked(&plan)?;
    if plan.steps.is_empty() {
        let book = desk.book().await?;
        go(&desk, &book, &plan).await?;
        output::answer(global.json, &json!({ "applied": plan.json() }), || {
            "nothing to change: the server has what the file says".to_owned()
        });
        return Ok(());
    }
    let question = format!("{} at {}?", plan.summary(), desk.server.url());
    ask::sure(&question, global)?;
    // There are no versions in this API: what was shown must still be what is there.
    if desk.there().await? != there {
        let text = "the server has changed since the plan was shown, and nothing was done";
        return Err(Failure::new(Class::Conflict, "sip.changed", text)
            .or_else("look again: trunkline sip plan"));
    }
    let book = desk.book().await?;
    let kept = book.keep(&there, &written).await?;
    go(&desk, &book, &plan).await?;
    let left = desk.plan(desk.there().await?, &book.written().await);
    let told = json!({ "applied": plan.json(), "before": kept, "left": left.json() });
    output::answer(global.json, &told, || {
        format!("applied; what was there before is kept: trunkline sip rollback --to {kept}")
    });
    if left.is_empty() {
        return Ok(());
    }
    let text = format!(
        "the server has not all that was written:\n{}",
        left.text().trim_end()
    );
    Err(Failure::new(Class::Peer, "sip.not_taken", text))
}

/// A plan that the server would refuse in the middle is not begun.
pub(super) fn refuse_blocked(plan: &Plan) -> Result<(), Failure> {
    if plan.blocked.is_empty() {
        return Ok(());
    }
    let text = plan.blocked.join("\n");
    let remedy = "see what is there: trunkline sip inbound list, trunkline sip outbound list";
    Err(Failure::new(Class::Conflict, "sip.blocked", text).or_else(remedy))
}

/// Goes the steps; where it stops, it says how far it came.
pub(super) async fn go(
    desk: &Desk<'_>,
    book: &crate::sip::book::Book,
    plan: &Plan,
) -> Result<(), Failure> {
    let gone = Box::pin(steps::apply(desk.server.api(), book, plan)).await;
    gone.map_err(|Stopped { done, step, error }| {
        let cause = desk.server.explain(error);
        let text = format!(
            "{done} of {} steps are done; this one is not: {step}: {cause}",
            plan.steps.len()
        );
        let remedy = "mend that and apply again, which goes on from there";
        cause.with_text(text).or_else(remedy)
    })
}

pub(crate) async fn drift(_typed: &DriftFlags, global: &Global) -> Result<(), Failure> {
    let desk = Desk::open(global).await?;
    let written = desk.written().await;
    let there = desk.there().await?;
    let is_known =
        !(written.trunks.is_empty() && written.outbound.is_empty() && written.rules.is_empty());
    if !is_known {
        global.tell("nothing was applied from here yet: this compares with the file");
        let plan = desk.plan(there, &written);
        output::answer(global.json, &plan.json(), || {
            plan.text().trim_end().to_owned()
        });
        return answer(plan.is_empty());
    }
    let found = drifted(&written, &there);
    output::answer(global.json, &json!({ "drift": found }), || told(&found));
    answer(found.is_empty())
}

fn told(found: &[Drifted]) -> String {
    if found.is_empty() {
        return "no drift: the server has what was applied".to_owned();
    }
    let lines = found.iter().flat_map(|one| {
        let gone = if one.is_gone { " is there no more" } else { "" };
        let head = format!("~ {} {} ({}){gone}", one.what, one.key, one.id);
        std::iter::once(head).chain(one.fields.iter().map(field))
    });
    lines.collect::<Vec<_>>().join("\n")
}
