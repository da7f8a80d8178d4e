//! The called number where a provider writes it elsewhere than into the Request-URI.
//!
//! A carrier that registers one address for many numbers sends all calls to that one and the number
//! in `P-Called-Party-ID` (RFC 7315); a forwarding exchange sends the number that was dialled in
//! `Diversion` (RFC 5806) or `History-Info` (RFC 7044). A trunk says which to believe by mapping
//! the header to [`ATTRIBUTE`]: anybody may write such a header, so none is read unasked.

use trunkline_base::secret::Personal;

use crate::message::{Headers, NameAddr};

use super::InboundTrunk;

/// The participant attribute that holds the called number.
pub const ATTRIBUTE: &str = "sip.trunkPhoneNumber";

/// The headers that may name it, most telling first.
pub const HEADERS: [&str; 3] = ["P-Called-Party-ID", "History-Info", "Diversion"];

/// Numbers that such headers name, in the order they are to be tried.
#[derive(Clone, Debug, Default)]
pub struct Told(Vec<(&'static str, Personal<String>)>);

impl Told {
    /// Reads them all. `asked` is the Request-URI's number: History-Info ends with it, and before
    /// it stands who was called first.
    pub fn read(headers: &Headers, asked: &str) -> Self {
        let mut told = Vec::new();
        for header in HEADERS {
            let values = headers.values(header).take(MAX_VALUES);
            let mut numbers: Vec<String> = values
                .filter_map(NameAddr::parse)
                .map(|address| address.uri.number())
                .filter(|number| !number.is_empty())
                .collect();
            if header == "History-Info" {
                numbers.retain(|number| number != asked);
                // The latest entry is the one whose forwarding brought the call here.
                numbers.reverse();
            }
            told.extend(numbers.into_iter().map(|n| (header, Personal::new(n))));
        }
        Self(told)
    }

    /// Those in headers that a trunk believes.
    pub(super) fn to<'a>(
        &'a self,
        trunk: &'a InboundTrunk,
    ) -> impl Iterator<Item = &'a Personal<String>> {
        let believed = |header: &str| {
            trunk.headers_to_attributes.iter().any(|(name, attribute)| {
                name.eq_ignore_ascii_case(header) && attribute == ATTRIBUTE
            })
        };
        let told = self.0.iter().filter(move |(header, _)| believed(header));
        told.map(|(_, number)| number)
    }
}

/// More diversions than any call survives.
const MAX_VALUES: usize = 16;
