//! Who looks for telephone systems to break into, and says so. Scanners name themselves in
//! User-Agent, or as whom From names; whoever wants to hide writes something else, so this saves noise and keeps
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
    let agent = headers.get(name::USER_AGENT).unwrap_or_default();
    let agent = agent.to_ascii_lowercase();
    let from = headers.from().ok();
    let shown = from.as_ref().and_then(|from| from.name.as_ref());
    let user = from.as_ref().map(|from| from.uri.number());
    // People are called Tiwari, and tags are random: of From each name counts as a whole.
    let is_named = |signature: &str| {
        shown.is_some_and(|shown| shown.expose().trim().eq_ignore_ascii_case(signature))
            || user
                .as_ref()
                .is_some_and(|user| user.eq_ignore_ascii_case(signature))
    };
    let known = signatures.iter().filter(|signature| !signature.is_empty());
    known
        .into_iter()
        .any(|signature| agent.contains(&signature.to_ascii_lowercase()) || is_named(signature))
}
