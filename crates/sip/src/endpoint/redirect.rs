//! Where else to call.

use crate::message::{Headers, NameAddr, name};
use crate::uri::Uri;

/// Where a call is to go, first choice first.
pub(super) fn contacts(headers: &Headers) -> Vec<Uri> {
    let all = headers.values(name::CONTACT).take(MAX_CONTACTS);
    let mut all: Vec<(u16, Uri)> = all
        .filter_map(NameAddr::parse)
        .filter(|contact| contact.uri.is_sip() && !contact.uri.host.is_empty())
        .map(|contact| (preference(&contact), contact.uri))
        .collect();
    all.sort_by_key(|(preference, _)| std::cmp::Reverse(*preference));
    all.into_iter().map(|(_, uri)| uri).collect()
}

/// The `q` of a Contact in thousandths.
fn preference(contact: &NameAddr) -> u16 {
    let q = contact.params.get("q").unwrap_or("1");
    let (whole, part) = q.split_once('.').unwrap_or((q, ""));
    if whole != "0" {
        return 1000;
    }
    let digits = part.bytes().filter(u8::is_ascii_digit).take(3);
    let (value, places) = digits.fold((0, 0), |(value, places), digit| {
        (value * 10 + u16::from(digit - b'0'), places + 1)
    });
    value * 10_u16.pow(3 - places)
}

/// Contacts of a redirection that are told.
const MAX_CONTACTS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_choice_comes_first() {
        let mut headers = Headers::new();
        headers.push(
            name::CONTACT,
            "<sip:c@h>;q=0.05, <mailto:x@h>, <sip:b@h>;q=0.7",
        );
        headers.push(name::CONTACT, "<sip:a@h>, <sip:d@h>;q=0");
        let found: Vec<String> = contacts(&headers).iter().map(Uri::to_string).collect();
        assert_eq!(found, ["sip:a@h", "sip:b@h", "sip:c@h", "sip:d@h"]);
    }
}
