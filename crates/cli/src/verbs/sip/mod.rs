//! `sip inbound | outbound | dispatch | participant …`: phone calls. A request comes from JSON
//! files, from flags, or from files with flags on top, as with `lk`.

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
}

pub(crate) async fn run(verb: Sip, global: &Global) -> Result<(), Failure> {
    match verb {
        Sip::Inbound(verb) => inbound::run(verb, global).await,
        Sip::Outbound(verb) => outbound::run(verb, global).await,
        Sip::Dispatch(verb) => rules::run(verb, global).await,
        Sip::Participant(verb) => participant::run(verb, global).await,
    }
}
