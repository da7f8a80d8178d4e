//! The attributes of a participant on the phone: what is known of the call, and as many of its headers
//! and of its rule's attributes beside as a room takes. What there is no room for is left out: a
//! server refuses a participant with too many, and the caller counts for more than its headers.

use std::collections::{BTreeMap, BTreeSet};

use tracing::warn;
use trunkline_sip::message::{Headers, Request, name};
use trunkline_sip::routing::called::ATTRIBUTE;
use trunkline_sip::routing::{Accepted, HeaderOptions};

use super::tell::STATUS;

/// How much an attribute is needed: the later ones go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// The call is known by it. It never goes.
    Call,
    /// The rule or the request gives it.
    Given,
    /// A header that the trunk names.
    Mapped,
    /// A header that comes with all others.
    Included,
}

/// Attributes, the last of a name counting.
#[derive(Default)]
struct Draft(BTreeMap<String, (Need, String)>);

impl Draft {
    /// What a header says in the place of something that is needed is needed as much.
    fn set(&mut self, need: Need, key: &str, value: &str) {
        let before = self.0.get(key).map_or(need, |(before, _)| *before);
        let entry = (need.min(before), value.to_owned());
        self.0.insert(key.to_owned(), entry);
    }

    /// The headers that a trunk wants as attributes.
    fn headers(
        &mut self,
        headers: &Headers,
        mapped: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>,
        options: HeaderOptions,
    ) {
        for (header, attribute) in mapped {
            if let Some(value) = headers.get(header.as_ref()) {
                self.set(Need::Mapped, attribute.as_ref(), value);
            }
        }
        for (header, value) in included(headers, options) {
            let key = format!("sip.h.{}", header.to_ascii_lowercase());
            self.set(Need::Included, &key, value);
        }
    }

    /// As many as fit into so many bytes: of those that are needed least the largest go first.
    fn within(self, bytes: usize) -> BTreeMap<String, String> {
        let size = |key: &str, value: &str| key.len() + value.len();
        let mut all = self.0;
        let mut held: usize = all.iter().map(|(key, (_, value))| size(key, value)).sum();
        let mut left_out = BTreeSet::new();
        if held > bytes {
            let spare = all.iter().filter(|(_, (need, _))| *need > Need::Call);
            let mut spare: Vec<(Need, usize, String)> = spare
                .map(|(key, (need, value))| (*need, size(key, value), key.clone()))
                .collect();
            spare.sort();
            while let Some((_, size, key)) = spare.pop().filter(|_| held > bytes) {
                held -= size;
                all.remove(&key);
                left_out.insert(key);
            }
        }
        if !left_out.is_empty() {
            let named: Vec<&str> = left_out.iter().take(NAMED).map(String::as_str).collect();
            warn!(
                count = left_out.len(),
                attributes = named.join(", "),
                limit = bytes,
                "attributes of a call are left out, for which a room has no place: have the trunk's \
                 include_headers and headers_to_attributes name fewer headers, or the rule fewer \
                 attributes"
            );
        }
        all.into_iter()
            .map(|(key, (_, value))| (key, value))
            .collect()
    }
}

/// Of a call that comes in.
pub(super) fn of_call(
    accepted: &Accepted,
    invite: &Request,
    tag: &str,
) -> BTreeMap<String, String> {
    let headers = &invite.headers;
    let mut draft = Draft::default();
    for (key, value) in &accepted.attributes {
        let is_given = accepted.rule.attributes.get(key) == Some(value);
        draft.set(if is_given { Need::Given } else { Need::Call }, key, value);
    }
    let remote_tag = headers
        .from()
        .ok()
        .and_then(|from| from.tag().map(str::to_owned));
    for (key, value) in [
        ("sip.callID", tag),
        (
            "sip.callIDFull",
            headers.get(name::CALL_ID).unwrap_or_default(),
        ),
        ("sip.callTag", remote_tag.as_deref().unwrap_or_default()),
        (STATUS, "ringing"),
    ] {
        draft.set(Need::Call, key, value);
    }
    // That one says which number decided, and routing has read it.
    let mapped = accepted.trunk.headers_to_attributes.iter();
    let mapped = mapped.filter(|(_, attribute)| *attribute != ATTRIBUTE);
    draft.headers(headers, mapped, accepted.trunk.include_headers);
    draft.within(MOST)
}

/// Of the answer to a call of ours, beside those that its participant has.
pub(super) fn of_answer(
    headers: &Headers,
    mapped: &BTreeMap<String, String>,
    options: HeaderOptions,
    known: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut draft = Draft::default();
    draft.headers(headers, mapped, options);
    let to = headers.to().ok();
    let tag = to.as_ref().and_then(|to| to.tag());
    for (key, value) in [
        (
            "sip.callIDFull",
            headers.get(name::CALL_ID).unwrap_or_default(),
        ),
        ("sip.callTag", tag.unwrap_or_default()),
        ("sip.statusCode", "200"),
    ] {
        draft.set(Need::Call, key, value);
    }
    let held: usize = known
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    draft.within(MOST.saturating_sub(held))
}

/// Headers a trunk wants as attributes. Credentials never are.
fn included(headers: &Headers, options: HeaderOptions) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().filter(move |(header, _)| {
        let extension = header
            .get(..2)
            .is_some_and(|start| start.eq_ignore_ascii_case("x-"));
        let secret = *header == name::AUTHORIZATION || *header == name::PROXY_AUTHORIZATION;
        match options {
            HeaderOptions::None => false,
            HeaderOptions::ExtensionsOnly => extension,
            HeaderOptions::All => !secret,
        }
    })
}

/// Bytes of all of them, names and values. LiveKit takes 64 kB; the rest is for what the room is told
/// later.
const MOST: usize = 63 * 1024;

/// As many names as somebody reads.
const NAMED: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(of: &[(Need, &str, usize)]) -> Draft {
        let mut draft = Draft::default();
        for (need, key, length) in of {
            draft.set(*need, key, &"v".repeat(*length));
        }
        draft
    }

    fn keys(of: &[(Need, &str, usize)], bytes: usize) -> Vec<String> {
        draft(of).within(bytes).into_keys().collect()
    }

    #[test]
    fn what_is_needed_least_is_left_out_and_what_a_call_is_known_by_never() {
        let all = [
            (Need::Call, "c", 9),
            (Need::Given, "g", 9),
            (Need::Mapped, "m", 9),
            (Need::Included, "x", 9),
            (Need::Included, "y", 19),
        ];
        assert_eq!(keys(&all, 60), ["c", "g", "m", "x", "y"]);
        assert_eq!(keys(&all, 59), ["c", "g", "m", "x"], "the largest first");
        assert_eq!(keys(&all, 39), ["c", "g", "m"]);
        assert_eq!(keys(&all, 20), ["c", "g"]);
        assert_eq!(keys(&all, 1), ["c"]);
    }

    #[test]
    fn an_answer_of_many_headers_says_that_it_is_one() {
        let mut headers = Headers::new();
        headers.push(name::TO, "<sip:1@h>;tag=far");
        headers.push("X-Long", "v".repeat(30_000));
        headers.push("X-Short", "v");
        let known = BTreeMap::from([("k".to_owned(), "v".repeat(40_000))]);
        let said = of_answer(
            &headers,
            &BTreeMap::new(),
            HeaderOptions::ExtensionsOnly,
            &known,
        );
        assert_eq!(said.get("sip.callTag").map(String::as_str), Some("far"));
        assert!(said.contains_key("sip.h.x-short") && !said.contains_key("sip.h.x-long"));
    }
}
