//! Certificates that are shown: whole, for the right name, and not about to end.

use std::time::SystemTime;

use trunkline_base::time::UnixTime;
use trunkline_client::tls::{TlsTrouble, Trust};
use trunkline_service::listen::Certificates;

use super::finding::{Finding, or_skip};
use super::patient::{CertificateUse, Patient};

pub(super) const TLS: &str = "tls";

pub(super) fn tls(patient: &Patient) -> Vec<Finding> {
    let now = UnixTime::from_system(SystemTime::now());
    let each = patient.certificates.iter().map(|used| examine(used, now));
    or_skip(each.collect(), TLS, "nothing is served inside TLS")
}

fn examine(used: &CertificateUse, now: UnixTime) -> Finding {
    let file = used.files.certificate.display().to_string();
    let about = format!("{} {file}", used.shown_by);
    let shown = match Certificates::load(used.files.clone()) {
        Ok(shown) => shown,
        Err(error) => {
            let remedy = "put a certificate with its chain and its key there, both in PEM";
            return Finding::fail(TLS, error.to_string(), remedy).about(about);
        }
    };
    let trouble = Trust::system().and_then(|trust| {
        let pem = std::fs::read(&used.files.certificate).unwrap_or_default();
        trust.judge(&pem, used.hosts.first().map(String::as_str))
    });
    let judged = trouble.map_or_else(
        |error| Finding::warn(TLS, format!("{file} {error}"), "have a new one issued"),
        |(names, trouble)| judge(days(shown.ends(), now), &names, trouble),
    );
    judged.about(about)
}

/// Whole days it lasts still; negative ones are over.
fn days(ends: Option<UnixTime>, now: UnixTime) -> Option<i64> {
    let ends = ends?.secs_i64();
    Some((ends - now.secs_i64()).div_euclid(24 * 3600))
}

fn judge(days: Option<i64>, names: &[String], trouble: Option<TlsTrouble>) -> Finding {
    let names = match names {
        [] => "no name".to_owned(),
        names => names.join(", "),
    };
    let lasts = match days {
        Some(days) if days < 0 => {
            let seen = format!("for {names}; over since {} days", -days);
            return Finding::fail(TLS, seen, RENEW);
        }
        Some(days) => format!("for {names}; {days} days left"),
        None => format!("for {names}; it does not say how long"),
    };
    match trouble {
        Some(TlsTrouble::Expired) => {
            return Finding::fail(TLS, format!("{lasts}; one of its chain is over"), RENEW);
        }
        Some(TlsTrouble::NotYetValid) => {
            let remedy = "check this machine's clock";
            return Finding::fail(TLS, format!("{lasts}; its time has not come"), remedy);
        }
        Some(TlsTrouble::UnknownIssuer | TlsTrouble::NoBundle) => {
            let remedy = "phones and providers have to be told to believe it; with a public CA, put \
                          those up to it into the same file (fullchain.pem)";
            return Finding::warn(
                TLS,
                format!("{lasts}; no CA this machine trusts has signed it"),
                remedy,
            );
        }
        Some(TlsTrouble::WrongName { .. }) => {
            let remedy = "have one issued for the name that phones and providers call, or correct \
                          console.hosts in monitoring.yaml";
            return Finding::warn(
                TLS,
                format!("{lasts}; not for the name we are known by"),
                remedy,
            );
        }
        Some(other) => {
            return Finding::fail(TLS, format!("{lasts}; {other}"), "have a new one issued");
        }
        None => {}
    }
    if days.is_some_and(|days| days < SOON) {
        return Finding::warn(TLS, lasts, RENEW);
    }
    Finding::pass(TLS, lasts)
}

const RENEW: &str =
    "have it renewed (certbot renew, acme.sh --renew); new files are taken up without a restart";

/// ACME renews a month before the end: whoever is here has had two weeks of failures.
const SOON: i64 = 14;

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use trunkline_service::listen::CertificateFiles;

    use super::*;
    use crate::doctor::Verdict;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn pem(what: &str, der: &[u8]) -> String {
        let text = STANDARD.encode(der);
        format!("-----BEGIN {what}-----\n{text}\n-----END {what}-----\n")
    }

    /// One that ends that many days from then, in files of its own.
    fn shown(days: i64) -> Finding {
        let dir = tempfile::tempdir().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["sip.example.com".to_owned()]).unwrap();
        let ends = NOW.secs_i64() + days * 86_400 + 60;
        params.not_before = std::time::UNIX_EPOCH.into();
        params.not_after = (std::time::UNIX_EPOCH
            + std::time::Duration::from_secs(u64::try_from(ends).unwrap()))
        .into();
        let certificate = params.self_signed(&key).unwrap();
        let files = CertificateFiles {
            certificate: dir.path().join("cert.pem"),
            key: dir.path().join("key.pem"),
        };
        std::fs::write(&files.certificate, pem("CERTIFICATE", certificate.der())).unwrap();
        std::fs::write(&files.key, pem("PRIVATE KEY", &key.serialize_der())).unwrap();
        let used = CertificateUse {
            shown_by: "gateway.tls",
            files,
            hosts: Vec::new(),
        };
        examine(&used, NOW)
    }

    #[test]
    fn a_certificate_that_is_over_fails_and_says_since_when() {
        let over = shown(-3);
        assert_eq!(over.verdict, Verdict::Fail, "{over:?}");
        assert!(over.seen.contains("over since 3 days"), "{over:?}");
    }

    #[test]
    fn one_that_signed_itself_has_to_be_made_known() {
        let own = shown(100);
        assert_eq!(own.verdict, Verdict::Warn, "{own:?}");
        assert!(
            own.seen.contains("sip.example.com") && own.seen.contains("100 days"),
            "{own:?}"
        );
    }

    #[test]
    fn one_that_ends_soon_is_a_warning_and_a_wrong_name_too() {
        let names = ["a".to_owned()];
        assert_eq!(judge(Some(60), &names, None).verdict, Verdict::Pass);
        assert_eq!(judge(Some(5), &names, None).verdict, Verdict::Warn);
        let wrong = TlsTrouble::WrongName {
            presented: Vec::new(),
        };
        assert_eq!(judge(Some(60), &names, Some(wrong)).verdict, Verdict::Warn);
    }

    #[test]
    fn files_that_are_not_there_fail() {
        let none = CertificateUse {
            shown_by: "gateway.tls",
            files: CertificateFiles {
                certificate: "/nowhere/cert.pem".into(),
                key: "/nowhere/key.pem".into(),
            },
            hosts: Vec::new(),
        };
        assert_eq!(examine(&none, NOW).verdict, Verdict::Fail);
    }
}
