//! Sound that outlives its process: written down as it goes on, and taken up again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::super::desk::wall_clock;
use super::super::super::journal::{Keeper, KeptPhone, KeptSound, then, when};
use super::super::super::media::{MediaCommand, NoPort, Place, Setup};
use super::super::super::signalling::now;
use super::super::hold::PhoneLine;
use super::super::negotiate::Negotiation;
use super::super::prepared::{Ends, Prepared};
use super::super::setup::Shared;
use super::Talk;

impl Talk {
    /// The call is answered: from now on it is written down whenever its sound has changed.
    pub(in crate::sip::call) fn keep(&mut self, keeper: Option<Keeper>) {
        self.keeper = keeper;
        if let Some(phone) = self.picked_up.take()
            && let Some(keeper) = &mut self.keeper
        {
            keeper.turn_to(phone, &BTreeMap::new());
        }
        self.tell(MediaCommand::Tell);
    }

    /// Another phone takes the place of this one. Before the answer nothing is written down, and who
    /// picked up is remembered until it is.
    pub(in crate::sip::call) fn turn_to_phone(
        &mut self,
        phone: KeptPhone,
        told: &BTreeMap<String, String>,
    ) {
        match &mut self.keeper {
            Some(keeper) => keeper.turn_to(phone, told),
            None => self.picked_up = Some(phone),
        }
    }

    /// The sound has come so far.
    pub(super) fn note(&mut self, place: Place) {
        let held_since = self.hold.since().map(when);
        if let (Some(keeper), Some(local)) = (&mut self.keeper, self.negotiation.keep()) {
            keeper.write(KeptSound {
                local,
                held_since,
                place,
            });
        }
    }

    /// Takes up the sound of a process that is gone, on the ports the phone knows. The error is a word
    /// for the record.
    pub(in crate::sip::call) async fn reopen(
        shared: &Shared,
        ends: &Ends,
        (mut keeper, sound): (Option<Keeper>, KeptSound),
        media_timeout: Duration,
    ) -> Result<Self, &'static str> {
        let (local, mut agreement) = sound.local.read().ok_or("journal_unreadable")?;
        let (ip, ours) = (shared.config.udp.ip(), local.address);
        let pair = shared.ports.bind_again(ip, ours.port()).await;
        let pair = pair.map_err(|NoPort| "port_taken")?;
        let home = shared.ports.home().clone();
        // What was good before is good again.
        let _agreed = home.agree(local.address, &mut agreement);
        let negotiation = Negotiation::again(local, agreement.clone()).at(home);
        let place = sound.place.after(wall_clock(), agreement.codec.clock_hz());
        let since = sound.held_since.map_or_else(now, then);
        if let Some(keeper) = &mut keeper {
            keeper.write(KeptSound {
                place: place.clone(),
                ..sound
            });
        }
        if agreement.keys.is_some() {
            // Before the first packet: whoever kills us now must not make the next one use its number.
            shared.store.written(DISK).await;
        }
        pair.settle().await;
        let mut talk = Self::begin(Prepared {
            setup: Setup {
                pair,
                ours,
                host: ends.theirs,
                media_timeout,
                complexity: shared.config.opus_complexity,
                start: (place.ssrc, 0, 0),
                cname: format!("trunkline@{}", ends.ours),
                load: shared.load.enter(),
            },
            negotiation,
            // That keys came in the open was said.
            in_the_open: None,
        });
        talk.keeper = keeper;
        talk.hold.agree(PhoneLine::of(&agreement), since);
        talk.tell(MediaCommand::Agree(agreement));
        talk.tell(MediaCommand::GoOn(Box::new(place)));
        talk.tell(MediaCommand::Start);
        Ok(talk)
    }
}

/// A disk that takes longer stands still, and a phone waits for sound.
const DISK: Duration = Duration::from_secs(2);
