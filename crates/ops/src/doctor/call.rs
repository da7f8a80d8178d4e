//! One call, for all that only a call can show.

use std::sync::Arc;
use std::time::Duration;

use super::finding::Finding;
use super::reach::{Reach, Trial};

pub(super) const CALL: &str = "call";

pub(super) async fn call(reach: Arc<dyn Reach>) -> Vec<Finding> {
    let went = reach.call().await;
    vec![went.map_or_else(
        |why| {
            let remedy = "`trunkline demo --once --verbose` plays a whole call and says more";
            Finding::fail(CALL, why, remedy)
        },
        |trial| judge(&trial),
    )]
}

fn judge(trial: &Trial) -> Finding {
    let Trial {
        answered,
        heard,
        loss,
        mos,
        ..
    } = *trial;
    let answered = format!("answered after {} ms", answered.as_millis());
    let Some(round) = trial.round_trip else {
        let seen = if heard == 0 {
            format!("{answered}; the room did not hear the caller")
        } else {
            format!("{answered}; the room heard the caller, and the caller did not hear the room")
        };
        let remedy = "sound does not get through on this machine: look at rtp_ports and at filters \
                      of UDP (`nft list ruleset`)";
        return Finding::fail(CALL, seen, remedy);
    };
    let way = round / 2;
    let seen = format!(
        "{answered}; {} ms from mouth to ear one way, {:.1} % lost, MOS {mos:.2}",
        way.as_millis(),
        loss * 100.0
    );
    if mos < POOR {
        return Finding::fail(CALL, seen, BUSY);
    }
    if mos < GOOD || way > SLOW {
        return Finding::warn(CALL, seen, BUSY);
    }
    Finding::pass(CALL, seen)
}

const BUSY: &str = "this machine is too busy for sound: look with `top`; give it more cores, or fewer \
                    calls (sip.max_calls in security.yaml)";

/// What users call good, and below what they hang up (ITU-T G.107 annex B).
const GOOD: f64 = 4.0;
const POOR: f64 = 3.1;

/// From here on people talk into each other (ITU-T G.114).
const SLOW: Duration = Duration::from_millis(150);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn trial(round_ms: u64, mos: f64) -> Trial {
        Trial {
            answered: Duration::from_millis(30),
            heard: 50,
            round_trip: Some(Duration::from_millis(round_ms)),
            loss: 0.0,
            mos,
        }
    }

    #[test]
    fn a_call_is_judged_by_what_people_hear() {
        assert_eq!(judge(&trial(120, 4.36)).verdict, Verdict::Pass);
        assert_eq!(judge(&trial(400, 4.2)).verdict, Verdict::Warn);
        assert_eq!(judge(&trial(120, 3.5)).verdict, Verdict::Warn);
        assert_eq!(judge(&trial(120, 2.0)).verdict, Verdict::Fail);
    }

    #[test]
    fn silence_is_told_with_the_side_it_is_on() {
        let deaf = Trial {
            round_trip: None,
            ..trial(0, 1.0)
        };
        assert!(judge(&deaf).seen.contains("caller did not hear the room"));
        let mute = Trial { heard: 0, ..deaf };
        let found = judge(&mute);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(found.seen.contains("room did not hear the caller"));
    }
}
