//! Who looks for telephone systems to break into, and says so. Scanners name themselves in
//! User-Agent or From; whoever wants to hide writes something else, so this saves noise and keeps
//! the simple ones from learning that somebody is here. It lets nobody in.

use crate::message::{Headers, name};

/// Parts of names that nobody's telephone has.
pub const SCANNERS: &[&str] = &[
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sip-scan",
    "sipcli",
    "sundayddr",
    "pplsip",
    "vaxsipuseragent",
    "sipptk",
    "siparmyknife",
    "gulp",
    "iwar",
];

/// Does a request name itself as one of these?
pub(super) fn is_scanner(signatures: &[String], headers: &Headers) -> bool {
    let says = |header: &str| {
        let value = headers.get(header).unwrap_or_default().to_ascii_lowercase();
        signatures
            .iter()
            .filter(|signature| !signature.is_empty())
            .any(|signature| value.contains(&signature.to_ascii_lowercase()))
    };
    says(name::USER_AGENT) || says(name::FROM)
}
