//! Going on to the next place of a trunk.

use std::time::Duration;

use tracing::info;
use trunkline_sip::endpoint::EndCause;
use trunkline_sip::message::name;
use trunkline_sip::q850;

use super::super::super::signalling::Command;
use super::super::end::{End, reason};
use super::super::prepared::Ends;
use super::live::Outbound;
use super::order::DialError;
use super::place::invite;
use super::route::is_of_place;

impl Outbound {
    /// The INVITE has its end: the call's, or that of one place among several.
    pub(super) async fn on_ended(&mut self, cause: EndCause) -> Result<(), End> {
        if self.answered.is_some() || !is_of_place(&cause) {
            return Err(End::Phone(cause));
        }
        self.route.failed(self.pause_wished());
        if self.rang || self.route.next().is_none() {
            return Err(End::Phone(cause));
        }
        let unreached = self.unreached.as_ref().map(ToString::to_string);
        info!(?cause, unreached, "the call goes to the next place");
        self.anew().await
    }

    /// Nobody was heard in time. Should the place wake up after all, it hears CANCEL.
    pub(super) async fn on_impatience(&mut self) -> Result<(), End> {
        self.route.failed(None);
        if self.route.next().is_none() {
            return Ok(());
        }
        info!("nobody answers; the call goes to the next place");
        let leg = self.leg.line.leg;
        let headers = reason(q850::TIMER_EXPIRED, "no answer from this server");
        self.leg.line.tell(Command::Hangup { leg, headers }).await;
        self.anew().await
    }

    async fn anew(&mut self) -> Result<(), End> {
        (self.declined, self.unreached) = (None, None);
        let talk = &mut self.leg.talk;
        let offer = |ends: &Ends| talk.turn_to(ends);
        let placed = invite(&self.shared, &self.plan, &mut self.route, offer).await;
        match placed {
            Ok(line) => {
                self.leg.line = line;
                Ok(())
            }
            Err(DialError::Unreached(why)) => {
                self.unreached = Some(why);
                Err(End::Phone(EndCause::Unreachable))
            }
            Err(_) => Err(End::Drained),
        }
    }

    /// How long the place wants to be left alone.
    fn pause_wished(&self) -> Option<Duration> {
        let headers = &self.declined.as_ref()?.headers;
        let seconds = headers.get(name::RETRY_AFTER)?;
        let digits = seconds.trim().split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok().map(Duration::from_secs)
    }
}
