//! Just enough of STUN (RFC 8489) to read whom a binding request is for.

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const USERNAME: u16 = 0x0006;
const HEADER: usize = 20;

/// The receiver's user fragment in a binding request: the part of the user name before `:`.
pub(super) fn receiver_fragment(datagram: &[u8]) -> Option<&str> {
    if datagram.get(0..2)? != BINDING_REQUEST || datagram.get(4..8)? != MAGIC_COOKIE {
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
    datagram.get(0..2) == Some(&BINDING_SUCCESS) && datagram.get(4..8) == Some(&MAGIC_COOKIE)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn request(username: &str) -> Vec<u8> {
        let padded = username.len().next_multiple_of(4);
        let mut out = BINDING_REQUEST.to_vec();
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
