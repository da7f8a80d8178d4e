//! Faults on request: the hooks by which official SDKs test their own recovery.

use std::time::Duration;

use livekit_protocol as proto;
use proto::DisconnectReason;
use proto::simulate_scenario::Scenario;
use trunkline_base::id::ParticipantSid;
use trunkline_rtc::sfu::Topology;

use super::exit::{Farewell, Others};
use super::participant::Sabotage;
use super::{Now, RoomState};

impl RoomState {
    pub(super) fn on_simulate(
        &mut self,
        from: &ParticipantSid,
        simulate: &proto::SimulateScenario,
        now: Now,
    ) {
        let Some(scenario) = simulate.scenario else {
            return;
        };
        match scenario {
            Scenario::SpeakerUpdate(seconds) => {
                let seconds = u64::try_from(seconds).unwrap_or(0).min(MAX_SPEAKING);
                self.simulate_speaking(from, now.instant + Duration::from_secs(seconds));
            }
            Scenario::NodeFailure(true) => {
                let farewell = Farewell {
                    others: Others::Nobody,
                    ..Farewell::gone(DisconnectReason::UnknownReason)
                };
                self.remove(from, &farewell, now);
            }
            Scenario::Migration(true) => {
                self.remove(from, &Farewell::gone(DisconnectReason::Migration), now);
            }
            Scenario::ServerLeave(true) => {
                self.remove(
                    from,
                    &Farewell::dismissed(DisconnectReason::ServerShutdown),
                    now,
                );
            }
            Scenario::SwitchCandidateProtocol(_) => self.simulate_switch(from, now),
            Scenario::DisconnectSignalOnResume(true) => self.sabotage(from, None, now),
            Scenario::DisconnectSignalOnResumeNoMessages(true) => {
                self.sabotage(from, Some(SILENT_CLOSES), now);
            }
            Scenario::NodeFailure(false)
            | Scenario::Migration(false)
            | Scenario::ServerLeave(false)
            | Scenario::DisconnectSignalOnResume(false)
            | Scenario::DisconnectSignalOnResumeNoMessages(false)
            | Scenario::SubscriberBandwidth(_)
            | Scenario::LeaveRequestFullReconnect(_) => {}
        }
    }

    fn simulate_switch(&mut self, from: &ParticipantSid, now: Now) {
        let dual = self
            .participants
            .get(from)
            .is_some_and(|p| p.topology == Topology::Dual);
        if dual {
            let _known = self.sfu.resume(from, now.instant);
            self.after_media(now);
        }
    }

    fn sabotage(&mut self, from: &ParticipantSid, silent: Option<u8>, now: Now) {
        if let Some(participant) = self.participants.get_mut(from) {
            let until = now.instant + SABOTAGE_LASTS;
            participant.sabotage = Some(Sabotage { until, silent });
        }
    }
}

/// Longest simulated speech, so that a test cannot leave a timer for ever.
const MAX_SPEAKING: u64 = 60;

/// As the official server has them.
const SABOTAGE_LASTS: Duration = Duration::from_secs(5);
const SILENT_CLOSES: u8 = 3;
