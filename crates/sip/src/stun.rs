//! Asking a STUN server where we are seen (RFC 8489, Binding), and whether strangers reach us there
//! (RFC 5780); nothing else of STUN.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Names one question, so that nobody else answers it.
pub type Id = [u8; 12];

/// The question.
pub fn binding(id: Id) -> [u8; 20] {
    let mut bytes = [0; 20];
    let (head, tail) = bytes.split_at_mut(8);
    head.copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
    tail.copy_from_slice(&id);
    bytes
}

/// The same, to be answered from another address and another port than it is sent to (RFC 5780 7.2).
pub fn binding_from_elsewhere(id: Id) -> [u8; 28] {
    let mut bytes = [0; 28];
    let (question, change) = bytes.split_at_mut(20);
    question.copy_from_slice(&binding(id));
    change.copy_from_slice(&[0, CHANGE_REQUEST, 0, 4, 0, 0, 0, ADDRESS_AND_PORT]);
    if let Some(length) = bytes.get_mut(3) {
        *length = 8;
    }
    bytes
}

/// Where we are seen, if this answers that question.
pub fn mapped(message: &[u8], id: Id) -> Option<SocketAddr> {
    address(attribute(message, id, XOR_MAPPED_ADDRESS)?, id)
}

/// Whether whoever answers that question has another address to answer from.
pub fn has_elsewhere(message: &[u8], id: Id) -> bool {
    // The second is what servers of RFC 3489 say.
    let names = [OTHER_ADDRESS, CHANGED_ADDRESS];
    names
        .into_iter()
        .any(|name| attribute(message, id, name).is_some())
}

/// What an answer to that question says under a name.
fn attribute(message: &[u8], id: Id, wanted: u16) -> Option<&[u8]> {
    let (head, attributes) = message.split_at_checked(20)?;
    let length = usize::from(u16::from_be_bytes([*head.get(2)?, *head.get(3)?]));
    let is_answer = head.starts_with(&[1, 1])
        && head.get(4..8)? == COOKIE
        && head.get(8..)? == id
        && length == attributes.len();
    if !is_answer {
        return None;
    }
    let mut rest = attributes;
    while let Some((header, after)) = rest.split_at_checked(4) {
        let [a, b, c, d] = *header else { return None };
        let length = usize::from(u16::from_be_bytes([c, d]));
        let value = after.get(..length)?;
        if u16::from_be_bytes([a, b]) == wanted {
            return Some(value);
        }
        rest = after.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    None
}

/// It comes mixed with the cookie and the id, lest somebody on the way rewrites what looks like an
/// address.
fn address(value: &[u8], id: Id) -> Option<SocketAddr> {
    let [_, family, high, low, rest @ ..] = value else {
        return None;
    };
    let [first, second, ..] = *COOKIE;
    let port = u16::from_be_bytes([high ^ first, low ^ second]);
    let mask = COOKIE.iter().chain(&id);
    let plain: Vec<u8> = rest
        .iter()
        .zip(mask)
        .map(|(byte, mask)| byte ^ mask)
        .collect();
    let ip = match (*family, rest.len()) {
        (1, 4) => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(plain).ok()?)),
        (2, 16) => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(plain).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

const COOKIE: &[u8; 4] = &[0x21, 0x12, 0xa4, 0x42];
const XOR_MAPPED_ADDRESS: u16 = 0x20;
const CHANGE_REQUEST: u8 = 0x03;
const ADDRESS_AND_PORT: u8 = 0x06;
const CHANGED_ADDRESS: u16 = 0x05;
const OTHER_ADDRESS: u16 = 0x802c;

/// Where a server takes questions, if its name says no port.
pub const PORT: u16 = 3478;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 5769, 2.2 and 2.3.
    const V4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
                      002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7\
                      80280004c07d4c96";
    const V6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
                      002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf1\
                      1784c97c8292c275bfe3ed4180280004c8fb0b4c";
    const ID: Id = [
        0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
    ];

    #[test]
    fn the_vectors_of_rfc_5769_are_read() {
        for (text, expected) in [
            (V4, "192.0.2.1:32853"),
            (V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
        ] {
            let message = hex::decode(text).unwrap();
            let found = mapped(&message, ID).map(|at| at.to_string());
            assert_eq!(found.as_deref(), Some(expected));
            // Another's answer, and one that is cut.
            assert_eq!(mapped(&message, [7; 12]), None);
            for length in 0..message.len() {
                assert_eq!(mapped(&message[..length], ID), None);
            }
        }
        assert_eq!(
            hex::encode(binding(ID)),
            format!("000100002112a442{}", hex::encode(ID))
        );
    }

    #[test]
    fn another_address_is_asked_for_and_offered() {
        let question = hex::encode(binding_from_elsewhere(ID));
        let id = hex::encode(ID);
        assert_eq!(question, format!("000100082112a442{id}0003000400000006"));
        let offer = |name: &str| format!("0101000c2112a442{id}{name}00080001115cc0000201");
        for name in ["802c", "0005"] {
            assert!(has_elsewhere(&hex::decode(offer(name)).unwrap(), ID));
        }
        let other = hex::decode(offer("802b")).unwrap();
        assert!(!has_elsewhere(&other, ID), "its own address");
        assert!(!has_elsewhere(&hex::decode(V4).unwrap(), ID));
    }

    proptest! {
        #[test]
        fn nothing_that_comes_breaks_it(junk: Vec<u8>, cut in 0usize..80, at in 0usize..80, byte: u8) {
            let _ = mapped(&junk, ID);
            let mut message = hex::decode(V4).unwrap();
            if let Some(one) = message.get_mut(at) {
                *one = byte;
            }
            message.truncate(cut);
            let _ = mapped(&message, ID);
        }
    }
}
