//! The files: can they be read, and does the daemon that runs go by them?

use std::sync::Arc;

use super::finding::{Examination, Finding, Verdict};
use super::patient::{Fault, Patient};
use crate::daemon::PartState;

pub(super) const CONFIG: &str = "config";

/// What is said where nothing else can be looked at.
pub fn unreadable(wrong: impl Into<String>) -> Examination {
    let remedy = "mend what is marked; `trunkline config check` reads the files alone";
    Examination {
        verdict: Verdict::Fail,
        findings: vec![Finding::fail(CONFIG, wrong, remedy)],
    }
}

pub(super) async fn config(patient: Arc<Patient>) -> Vec<Finding> {
    let mut found = read(&patient.faults, &patient.notices);
    for finding in &mut found {
        finding.about.clone_from(&patient.home);
    }
    let files = patient.daemon.files().await.ok().flatten();
    found.extend(files.map(|files| in_force(&files).about("the daemon that runs")));
    found
}

/// By what was found in the files, which could be read.
fn read(faults: &[Fault], notices: &[String]) -> Vec<Finding> {
    let each = faults.iter().map(|fault| {
        let (what, remedy) = (&fault.what, &fault.remedy);
        if fault.fails {
            Finding::fail(CONFIG, what, remedy)
        } else {
            Finding::warn(CONFIG, what, remedy)
        }
    });
    let mut found: Vec<Finding> = each.collect();
    if !notices.is_empty() {
        let seen = notices.join("; ");
        found.push(Finding::warn(CONFIG, seen, "write it as it says"));
    }
    if found.is_empty() {
        found.push(Finding::pass(CONFIG, "nothing wrong in it"));
    }
    found
}

/// By what the daemon says of its files.
fn in_force(files: &PartState) -> Finding {
    if files.is_in_force() {
        return Finding::pass(CONFIG, "goes by its files");
    }
    let seen = format!("its files: {}", files.detail);
    let remedy = "`trunkline reload` says how much counts now; what waits for the next start counts \
                  after a restart";
    Finding::warn(CONFIG, seen, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::{FILES, IN_FORCE};

    #[test]
    fn a_daemon_that_goes_by_older_files_is_told() {
        let verdict = |detail: &str| {
            let files = PartState {
                name: FILES.to_owned(),
                ready: true,
                runs: true,
                detail: detail.to_owned(),
            };
            in_force(&files).verdict
        };
        assert_eq!(verdict(IN_FORCE), Verdict::Pass);
        for other in [
            "in force, but gateway.udp at the next start",
            "the last good ones are in force: x",
        ] {
            assert_eq!(verdict(other), Verdict::Warn, "{other}");
        }
    }

    #[test]
    fn what_files_get_wrong_weighs_as_it_does_where_they_are_validated() {
        let fault = |fails| Fault {
            what: "two trunks collide".to_owned(),
            remedy: "tell them apart".to_owned(),
            fails,
        };
        let verdicts = |faults: &[Fault], notices: &[String]| -> Vec<Verdict> {
            let found = read(faults, notices);
            found.iter().map(|finding| finding.verdict).collect()
        };
        assert_eq!(verdicts(&[], &[]), [Verdict::Pass]);
        assert_eq!(
            verdicts(&[fault(true), fault(false)], &["it has moved".to_owned()]),
            [Verdict::Fail, Verdict::Warn, Verdict::Warn]
        );
    }

    #[test]
    fn files_that_cannot_be_read_are_a_failure_like_any_other() {
        let found = unreadable("livekit.yaml:3: unknown key");
        assert_eq!(found.exit_code(), 2);
        assert!(found.findings[0].seen.contains("livekit.yaml:3"));
    }
}
