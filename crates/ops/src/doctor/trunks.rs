//! Trunks: are those registered that shall be, and is there a codec that both sides speak?

use std::sync::Arc;

use serde::Deserialize;

use super::asked::Asked;
use super::finding::{Finding, or_skip};
use super::patient::{Patient, TrunkCodecs, WayUse};

pub(super) const REGISTRATION: &str = "registration";
pub(super) const CODECS: &str = "codecs";

/// A registration, as the daemon tells it.
#[derive(Debug, Deserialize)]
struct Registration {
    trunk: String,
    registrar: String,
    registered: bool,
    /// Until it ends, or until the next try.
    seconds: u64,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
struct Registrations {
    registrations: Vec<Registration>,
}

pub(super) async fn registrations(patient: Arc<Patient>) -> Vec<Finding> {
    let ways = patient.ways.iter();
    let wanted = ways.filter(|way| way.serves == WayUse::Registration);
    let wanted: Vec<String> = wanted.map(|way| way.trunk.clone()).collect();
    if wanted.is_empty() {
        return vec![Finding::skip(REGISTRATION, "no trunk registers")];
    }
    let told = patient.daemon.get("/api/registrations").await;
    let told = match told {
        Ok(told) => serde_json::from_value::<Registrations>(told),
        Err(error) => {
            let remedy = "registrations are the daemon's: start it with `trunkline serve`, with the \
                          files and keys that the doctor has";
            return vec![Finding::warn(REGISTRATION, error.to_string(), remedy)];
        }
    };
    let told = told.map(|told| told.registrations).unwrap_or_default();
    let each = wanted.into_iter().map(|trunk| {
        let found = told.iter().find(|one| one.trunk == trunk);
        registration(found).about(trunk)
    });
    each.collect()
}

fn registration(found: Option<&Registration>) -> Finding {
    let Some(found) = found else {
        let remedy = "it is new in the file: `trunkline reload`, or restart the daemon";
        return Finding::fail(REGISTRATION, "the daemon does not know of it", remedy);
    };
    let Registration {
        registrar, seconds, ..
    } = found;
    if found.registered {
        let seen = format!("registered with {registrar} for {seconds} s");
        return Finding::pass(REGISTRATION, seen);
    }
    let why = found.error.as_deref().unwrap_or("not tried yet");
    let seen = format!("not registered with {registrar}: {why}; tried again in {seconds} s");
    let remedy = "calls do not come until it is: check username, password, registrar and \
                  outbound_proxy of the trunk";
    Finding::fail(REGISTRATION, seen, remedy)
}

pub(super) async fn codecs(patient: Arc<Patient>, asked: Arc<Asked>) -> Vec<Finding> {
    let mut said = Vec::new();
    for (way, answer) in asked.all().await {
        let codecs = answer.iter().flat_map(|echo| &echo.codecs);
        said.push((&way.trunk, codecs.cloned().collect::<Vec<String>>()));
    }
    let ours = &patient.own_codecs;
    let mut found = Vec::new();
    for trunk in &patient.codecs {
        let told = said
            .iter()
            .find(|(name, told)| *name == &trunk.trunk && !told.is_empty());
        let finding = match told {
            Some((_, told)) => peer(ours, trunk, told),
            None if trunk.codecs.is_empty() => all(ours),
            None => overlap(ours, trunk),
        };
        found.push(finding.about(&trunk.trunk));
    }
    or_skip(found, CODECS, "there are no trunks")
}

/// A trunk that names none: all of ours are offered.
fn all(ours: &[String]) -> Finding {
    let has_g711 = ours
        .iter()
        .any(|codec| ["PCMA", "PCMU"].contains(&plain(codec).as_str()));
    let seen = format!("all of ours are offered: {}", ours.join(", "));
    if has_g711 {
        return Finding::pass(CODECS, seen);
    }
    let remedy = "many providers speak PCMA and PCMU alone: add them to gateway.codecs";
    Finding::warn(CODECS, seen, remedy)
}

/// What the other side itself says it has, against what we would offer it.
fn peer(ours: &[String], trunk: &TrunkCodecs, told: &[String]) -> Finding {
    let offered: Vec<String> = match trunk.codecs.as_slice() {
        [] => ours.to_vec(),
        listed if trunk.is_strict => {
            let has = |codec: &&String| ours.iter().any(|own| plain(own) == plain(codec));
            listed.iter().filter(has).cloned().collect()
        }
        _ => ours.to_vec(),
    };
    let theirs = TrunkCodecs {
        trunk: trunk.trunk.clone(),
        codecs: told.to_vec(),
        is_strict: true,
    };
    let mut found = overlap(&offered, &theirs);
    found.seen = format!("{}, as its answer to OPTIONS says", found.seen);
    found
}

fn overlap(ours: &[String], trunk: &TrunkCodecs) -> Finding {
    let theirs: Vec<String> = trunk.codecs.iter().map(|codec| plain(codec)).collect();
    let common: Vec<&str> = theirs
        .iter()
        .filter(|codec| ours.iter().any(|own| plain(own) == **codec))
        .map(String::as_str)
        .collect();
    if let Some(first) = common.first() {
        let seen = format!("{} in common, {first} first", common.join(", "));
        return Finding::pass(CODECS, seen);
    }
    let (wants, has) = (theirs.join(", "), ours.join(", "));
    if theirs.iter().all(|codec| codec == "G729") {
        let seen = "the trunk speaks G.729 alone, which this gateway does not: no library of it \
                    has a licence that fits";
        let remedy = "have the provider allow PCMA or PCMU; every one of them has both";
        return Finding::fail(CODECS, seen, remedy);
    }
    let seen = format!("nothing in common: the trunk has {wants}, the gateway {has}");
    let remedy = "add one of the trunk's to gateway.codecs, or one of ours to its media.codecs; \
                  PCMA and PCMU are spoken everywhere";
    if trunk.is_strict {
        Finding::fail(CODECS, seen, remedy)
    } else {
        Finding::warn(CODECS, seen, remedy)
    }
}

/// Without the rate, in one spelling.
fn plain(codec: &str) -> String {
    let name = codec.split('/').next().unwrap_or(codec).trim();
    let name = name.to_ascii_uppercase();
    match name.as_str() {
        "G.729" | "G729A" => "G729".to_owned(),
        "G.722" => "G722".to_owned(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn with(codecs: &[&str], is_strict: bool) -> Finding {
        let ours = ["OPUS", "G722", "PCMU", "PCMA"].map(str::to_owned);
        let trunk = TrunkCodecs {
            trunk: "main".to_owned(),
            codecs: codecs.iter().map(|&codec| codec.to_owned()).collect(),
            is_strict,
        };
        overlap(&ours, &trunk)
    }

    #[test]
    fn one_codec_in_common_is_enough() {
        let both = with(&["g729/8000", "pcma"], true);
        assert_eq!(
            (both.verdict, both.seen.as_str()),
            (Verdict::Pass, "PCMA in common, PCMA first")
        );
        assert_eq!(with(&["opus/48000"], true).verdict, Verdict::Pass);
    }

    #[test]
    fn what_the_other_side_says_counts_before_what_the_file_says() {
        let ours = ["PCMA", "G722"].map(str::to_owned);
        let trunk = |codecs: &[&str]| TrunkCodecs {
            trunk: "main".to_owned(),
            codecs: codecs.iter().map(|&codec| codec.to_owned()).collect(),
            is_strict: true,
        };
        let told =
            |codecs: &[&str], said: &str| peer(&ours, &trunk(codecs), &[said.to_owned()]).verdict;
        assert_eq!(told(&[], "PCMA"), Verdict::Pass);
        assert_eq!(told(&["G722"], "PCMA"), Verdict::Fail);
        assert_eq!(told(&["G722"], "G722"), Verdict::Pass);
        assert_eq!(told(&[], "G729"), Verdict::Fail);
    }

    #[test]
    fn who_offers_no_g711_is_warned() {
        assert_eq!(all(&["PCMU".to_owned()]).verdict, Verdict::Pass);
        assert_eq!(all(&["OPUS".to_owned()]).verdict, Verdict::Warn);
    }

    #[test]
    fn a_trunk_of_g729_alone_is_told_why_and_what_to_ask_for() {
        let alone = with(&["G729"], true);
        assert_eq!(alone.verdict, Verdict::Fail);
        assert!(alone.seen.contains("licence"), "{alone:?}");
        assert!(alone.remedy.unwrap().contains("PCMA"));
        assert_eq!(with(&["AMR-WB"], true).verdict, Verdict::Fail);
        assert_eq!(with(&["AMR-WB"], false).verdict, Verdict::Warn);
    }

    #[test]
    fn a_trunk_that_is_not_registered_gets_no_calls() {
        let told = |registered: bool| Registration {
            trunk: "main".to_owned(),
            registrar: "sip.example.com".to_owned(),
            registered,
            seconds: 9,
            error: Some("refused with 403".to_owned()),
        };
        assert_eq!(registration(Some(&told(true))).verdict, Verdict::Pass);
        let refused = registration(Some(&told(false)));
        assert_eq!(refused.verdict, Verdict::Fail);
        assert!(refused.seen.contains("refused with 403"));
        assert_eq!(registration(None).verdict, Verdict::Fail);
    }
}
