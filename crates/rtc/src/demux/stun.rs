//! Just enough of STUN (RFC 8489): what is a binding message, and whom a request is for. The
//! engine's own reader is no part of its public interface, and wants what is whole.

pub(crate) const REQUEST: u16 = 0x0001;
pub(crate) const SUCCESS: u16 = 0x0101;
const MAGIC_COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();
const USERNAME: u16 = 0x0006;
const HEADER: usize = 20;

/// What a request and its answer have in common.
pub(crate) type Transaction = [u8; 12];

/// The type and the transaction of a binding request or its success (section 5).
pub(crate) fn binding(datagram: &[u8]) -> Option<(u16, Transaction)> {
    let (kind, rest) = datagram.split_first_chunk::<2>()?;
    let kind = u16::from_be_bytes(*kind);
    if !matches!(kind, REQUEST | SUCCESS) {
        return None;
    }
    let cookie = rest.get(2..6)?;
    let transaction = rest.get(6..)?.first_chunk::<12>()?;
    (cookie == MAGIC_COOKIE).then_some((kind, *transaction))
}

/// The receiver's user fragment in a binding request: the part of the user name before `:`.
pub(super) fn receiver_fragment(datagram: &[u8]) -> Option<&str> {
    if !matches!(binding(datagram), Some((REQUEST, _))) {
        return None;
    }
    let mut rest = datagram.get(HEADER..)?;
    while let [t0, t1, l0, l1, tail @ ..] = rest {
        let kind = u16::from_be_bytes([*t0, *t1]);
        let len = usize::from(u16::from_be_bytes([*l0, *l1]));
        if kind == USERNAME {
            let name = std::str::from_utf8(tail.get(..len)?).ok()?;
            return name.split_once(':').map(|(receiver, _)| receiver);
        }
        rest = tail.get(len.next_multiple_of(4)..)?;
    }
    None
}

/// Whether a datagram of ours is the answer to a connectivity check.
pub(crate) fn is_check_answered(datagram: &[u8]) -> bool {
    matches!(binding(datagram), Some((SUCCESS, _)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn request(username: &str) -> Vec<u8> {
        let padded = username.len().next_multiple_of(4);
        let mut out = REQUEST.to_be_bytes().to_vec();
        out.extend(u16::try_from(padded + 4).unwrap().to_be_bytes());
        out.extend(MAGIC_COOKIE);
        out.extend([7; 12]);
        out.extend(USERNAME.to_be_bytes());
        out.extend(u16::try_from(username.len()).unwrap().to_be_bytes());
        out.extend(username.as_bytes());
        out.resize(HEADER + 4 + padded, 0);
        out
    }

    #[test]
    fn the_receiver_is_the_first_half() {
        assert_eq!(receiver_fragment(&request("abcd:wxyz")), Some("abcd"));
        assert_eq!(receiver_fragment(&request("abcd")), None);
    }

    #[test]
    fn a_cut_request_names_nobody() {
        let whole = request("abcd:wxyz");
        for n in 0..whole.len() - 4 {
            assert_eq!(receiver_fragment(&whole[..n]), None);
        }
    }
}
