//! `sip …`: phone calls. `inbound | outbound | dispatch | participant` are `lk`'s: a request comes
//! from JSON files, from flags, or from files with flags on top. `validate | plan | apply | drift |
//! export | rollback` are SIP as code, `route-test | explain` say why a call goes where it goes, and
//! `registrations` how we stand with providers.

mod desk;
mod explain;
mod history;
mod plan;
mod registrations;
mod route;
mod validate;

mod inbound;
mod media;
mod outbound;
mod participant;
mod rules;
mod shared;

use clap::Subcommand;

use crate::failure::Failure;
use crate::global::Global;

#[derive(Debug, Subcommand)]
pub(crate) enum Sip {
    /// Trunks that calls come in by
    #[command(subcommand, visible_aliases = ["in", "inbound-trunk"])]
    Inbound(inbound::Inbound),
    /// Trunks that calls go out by
    #[command(subcommand, visible_aliases = ["out", "outbound-trunk"])]
    Outbound(outbound::Outbound),
    /// Rules that say which room a call goes to
    #[command(subcommand, visible_alias = "dispatch-rule")]
    Dispatch(rules::Rules),
    /// Calls: place one, transfer one
    #[command(subcommand)]
    Participant(participant::Participant),
    /// Check trunks and rules of the file, offline: 1 on warnings, 2 on problems
    Validate(validate::Validate),
    /// Show what `apply` would change at the server: 2 when there is something
    Plan(plan::PlanFlags),
    /// Make the server's trunks and rules those of the file
    Apply(plan::ApplyFlags),
    /// Show what is otherwise at the server than it was applied: 2 when there is something
    Drift(plan::DriftFlags),
    /// Write a server's trunks and rules as a file
    Export(history::Export),
    /// Return to what the server had before something was applied
    Rollback(history::Rollback),
    /// Say which trunk and rule a call would take, and why not the others
    RouteTest(route::RouteTest),
    /// Say what became of a call that was taken or refused, and why
    Explain(explain::Explain),
    /// Say how each trunk's registration stands: until when, at which server, and what is wrong
    #[command(after_help = "Example:\n  trunkline sip registrations --json")]
    Registrations,
}

pub(crate) async fn run(verb: Sip, global: &Global) -> Result<(), Failure> {
    match verb {
        Sip::Inbound(verb) => inbound::run(verb, global).await,
        Sip::Outbound(verb) => outbound::run(verb, global).await,
        Sip::Dispatch(verb) => rules::run(verb, global).await,
        Sip::Participant(verb) => participant::run(verb, global).await,
        Sip::Validate(typed) => validate::run(&typed, global),
        Sip::Plan(typed) => Box::pin(plan::plan(&typed, global)).await,
        Sip::Apply(typed) => Box::pin(plan::apply(&typed, global)).await,
        Sip::Drift(typed) => Box::pin(plan::drift(&typed, global)).await,
        Sip::Export(typed) => Box::pin(history::export(&typed, global)).await,
        Sip::Rollback(typed) => Box::pin(history::rollback(&typed, global)).await,
        Sip::RouteTest(typed) => Box::pin(route::run(&typed, global)).await,
        Sip::Explain(typed) => Box::pin(explain::run(&typed, global)).await,
        Sip::Registrations => registrations::run(global).await,
    }
}
