//! Just enough of STUN (RFC 8489) to know whose an incoming check is.

/// The user name part that names our side of an ICE pair, if this is a binding request.
///
/// A check carries `USERNAME = <receiver's ufrag>:<sender's ufrag>` (RFC 8445 section 7.2.2).
pub(crate) fn local_ufrag(datagram: &[u8]) -> Option<&str> {
    let (header, mut attributes) = datagram.split_at_checked(HEADER)?;
    if header.get(0..2)? != BINDING_REQUEST || header.get(4..8)? != MAGIC {
        return None;
    }
    loop {
        let (head, rest) = attributes.split_at_checked(4)?;
        let kind = u16::from_be_bytes([*head.first()?, *head.get(1)?]);
        let length = usize::from(u16::from_be_bytes([*head.get(2)?, *head.get(3)?]));
        let value = rest.get(..length)?;
        if kind == USERNAME {
            let name = std::str::from_utf8(value).ok()?;
            return name.split(':').next().filter(|ufrag| !ufrag.is_empty());
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
}

const HEADER: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const USERNAME: u16 = 0x0006;

#[cfg(test)]
pub(crate) fn check(username: &str) -> Vec<u8> {
    let mut datagram = vec![0x00, 0x01, 0x00, 0x00];
    datagram.extend(MAGIC);
    datagram.extend([7; 12]);
    // An attribute of odd length before the one we look for.
    datagram.extend([0x80, 0x22, 0x00, 0x03, b'a', b'b', b'c', 0]);
    let length = u16::try_from(username.len()).unwrap();
    datagram.extend(USERNAME.to_be_bytes());
    datagram.extend(length.to_be_bytes());
    datagram.extend(username.as_bytes());
    while datagram.len() % 4 != 0 {
        datagram.push(0);
    }
    datagram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_half_of_the_user_name_is_ours() {
        assert_eq!(local_ufrag(&check("mine:theirs")), Some("mine"));
    }

    #[test]
    fn a_cut_or_foreign_datagram_names_nobody() {
        let whole = check("mine:theirs");
        for end in 0..whole.len() - 3 {
            assert_eq!(local_ufrag(&whole[..end]), None, "cut at {end}");
        }
        assert_eq!(local_ufrag(&[0x80; 40]), None);
        assert_eq!(local_ufrag(&check(":theirs")), None);
    }
}
