//! What a check comes to, and how all of them are run.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use serde::Serialize;
use tokio::time::timeout;

use super::patient::Patient;

/// How it stands. The worst of all decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing of the kind is set up, or what would have to run for it does not.
    Skip,
    /// As it should be.
    Pass,
    /// Works, and will hurt.
    Warn,
    /// Does not work.
    Fail,
}

impl Verdict {
    /// One word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's name.
    pub check: &'static str,
    /// Which of several: a trunk, a port, a file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// How it stands.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// What mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    pub(super) fn pass(check: &'static str, seen: impl Into<String>) -> Self {
        Self {
            check,
            about: String::new(),
            verdict: Verdict::Pass,
            seen: seen.into(),
            remedy: None,
        }
    }

    pub(super) fn skip(check: &'static str, why: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Skip,
            ..Self::pass(check, why)
        }
    }

    pub(super) fn warn(
        check: &'static str,
        seen: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Warn,
            remedy: Some(remedy.into()),
            ..Self::pass(check, seen)
        }
    }

    pub(super) fn fail(
        check: &'static str,
        seen: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Fail,
            ..Self::warn(check, seen, remedy)
        }
    }

    #[must_use]
    pub(super) fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }
}

/// One finding for each of several, or why there are none.
pub(super) fn or_skip(found: Vec<Finding>, check: &'static str, why: &str) -> Vec<Finding> {
    if found.is_empty() {
        vec![Finding::skip(check, why)]
    } else {
        found
    }
}

/// Something to look at.
pub struct Check {
    /// Its name.
    pub name: &'static str,
    deadline: Duration,
    work: BoxFuture<'static, Vec<Finding>>,
}

impl Check {
    pub(super) fn new(
        name: &'static str,
        deadline: Duration,
        work: impl Future<Output = Vec<Finding>> + Send + 'static,
    ) -> Self {
        Self {
            name,
            deadline,
            work: Box::pin(work),
        }
    }

    /// One that waits for nobody.
    pub(super) fn at_once(
        name: &'static str,
        patient: Arc<Patient>,
        look: impl FnOnce(&Patient) -> Vec<Finding> + Send + 'static,
    ) -> Self {
        Self::new(name, Duration::MAX, async move { look(&patient) })
    }

    async fn run(self) -> Vec<Finding> {
        let Self {
            name,
            deadline,
            work,
        } = self;
        timeout(deadline, work).await.unwrap_or_else(|_| {
            let seen = format!("not done after {} s", deadline.as_secs());
            let remedy = format!("run it alone to see whether it is this machine that is busy: trunkline doctor {name}");
            vec![Finding::fail(name, seen, remedy)]
        })
    }
}

/// All that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Examination {
    /// The worst of it.
    pub verdict: Verdict,
    /// In the order of the checks.
    pub findings: Vec<Finding>,
}

impl Examination {
    /// 0: all well, 1: warnings, 2: failures.
    pub const fn exit_code(&self) -> u8 {
        match self.verdict {
            Verdict::Skip | Verdict::Pass => 0,
            Verdict::Warn => 1,
            Verdict::Fail => 2,
        }
    }

    /// How many stand like this.
    pub fn count(&self, verdict: Verdict) -> usize {
        let like = |finding: &&Finding| finding.verdict == verdict;
        self.findings.iter().filter(like).count()
    }
}

/// Runs all at once, each to its deadline.
///
/// # Cancel safety
/// Safe; nothing is left behind.
pub async fn examine(checks: Vec<Check>) -> Examination {
    let found = join_all(checks.into_iter().map(Check::run)).await;
    let findings: Vec<Finding> = found.into_iter().flatten().collect();
    let worst = findings.iter().map(|finding| finding.verdict).max();
    Examination {
        verdict: worst.unwrap_or(Verdict::Skip),
        findings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: Vec<Finding>) -> Check {
        Check::new("x", Duration::from_secs(1), async move { found })
    }

    #[tokio::test]
    async fn the_worst_finding_decides() {
        let of = async |found: Vec<Finding>| examine(vec![check(found)]).await.exit_code();
        let (pass, skip) = (Finding::pass("x", "a"), Finding::skip("x", "b"));
        let (warn, fail) = (Finding::warn("x", "c", "d"), Finding::fail("x", "e", "f"));
        assert_eq!(of(vec![]).await, 0);
        assert_eq!(of(vec![skip.clone(), pass.clone()]).await, 0);
        assert_eq!(of(vec![warn.clone(), pass]).await, 1);
        assert_eq!(of(vec![skip, fail, warn]).await, 2);
    }

    #[tokio::test]
    async fn a_check_that_hangs_fails_alone() {
        let hangs = Check::new("hangs", Duration::from_millis(10), std::future::pending());
        let found = examine(vec![hangs, check(vec![Finding::pass("x", "well")])]).await;
        let told: Vec<_> = found
            .findings
            .iter()
            .map(|f| (f.check, f.verdict))
            .collect();
        assert_eq!(told, [("hangs", Verdict::Fail), ("x", Verdict::Pass)]);
    }
}
