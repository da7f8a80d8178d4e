//! One file for Wireshark of several: a call's SIP and its sound are kept apart.

use bytes::Bytes;

use super::pcap::{HEADER, MAGIC, pcap_header};

/// What came of several files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The file.
    pub file: Vec<u8>,
    /// The packets in it.
    pub packets: usize,
}

/// All packets of some files of [`super::pcap`], by their times. A packet that is cut off, by whoever
/// was killed while it wrote, is left out, and so is a file of another kind.
pub fn merged(files: &[&[u8]]) -> Merged {
    let mut all: Vec<(u64, &[u8])> = files.iter().flat_map(|file| records(file)).collect();
    // What is of one time stays in the order of the files.
    all.sort_by_key(|(at, _)| *at);
    let mut file = pcap_header();
    for (_, record) in &all {
        file.extend_from_slice(record);
    }
    Merged {
        file,
        packets: all.len(),
    }
}

/// Each packet with its time, behind the header that says how long it is.
fn records(file: &[u8]) -> Vec<(u64, &[u8])> {
    let mut all = Vec::new();
    let Some((header, mut rest)) = file.split_at_checked(HEADER) else {
        return all;
    };
    if word(header, 0) != Some(MAGIC) {
        return all;
    }
    while let Some((at, length)) = head(rest)
        && let Some((record, next)) = rest.split_at_checked(RECORD + length)
    {
        all.push((at, record));
        rest = next;
    }
    all
}

fn head(rest: &[u8]) -> Option<(u64, usize)> {
    let (seconds, micros, length) = (word(rest, 0)?, word(rest, 4)?, word(rest, 8)?);
    let at = u64::from(seconds) * 1_000_000 + u64::from(micros);
    Some((at, usize::try_from(length).ok()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    four.try_into().ok().map(u32::from_le_bytes)
}

/// A message whose description is that of plain sound, as long as before: what stands beside it is
/// decrypted already, and a reader would take it for encrypted. `RTP/AVPF` is as long as `RTP/SAVP`.
pub fn as_plain(message: &Bytes) -> Bytes {
    let mut plain = message.to_vec();
    for (from, to) in [(CRYPTO, NO_CRYPTO), (ENCRYPTED, PLAIN)] {
        for at in 0..=plain.len().saturating_sub(from.len()) {
            if let Some(part) = plain.get_mut(at..at + from.len())
                && part == from
            {
                part.copy_from_slice(to);
            }
        }
    }
    plain.into()
}

const CRYPTO: &[u8] = b"\na=crypto:";
const NO_CRYPTO: &[u8] = b"\na=x-keys:";
const ENCRYPTED: &[u8] = b" RTP/SAVP ";
const PLAIN: &[u8] = b" RTP/AVPF ";

/// Two words for the time, two for the length.
const RECORD: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::tests::message;
    use crate::capture::{Captured, pcap};
    use crate::endpoint::Transport;

    fn packets(seqs: &[u64]) -> Vec<u8> {
        let one = |seq: &u64| message(*seq, false, Transport::Udp, &format!("packet {seq}"));
        let all: Vec<Captured> = seqs.iter().map(one).collect();
        pcap(&all)
    }

    #[test]
    fn the_packets_of_several_files_stand_in_the_order_of_their_times() {
        let (sip, sound, later) = (packets(&[1, 4]), packets(&[2, 3, 6]), packets(&[5]));
        let all = merged(&[&sip, &sound, &later]);
        assert_eq!(all.file, packets(&[1, 2, 3, 4, 5, 6]));
        assert_eq!(all.packets, 6);
        assert_eq!(merged(&[]).file, packets(&[]));
    }

    /// Whoever wrote it was killed, at any byte.
    #[test]
    fn a_packet_that_is_cut_off_is_left_out_and_junk_is_nothing() {
        let whole = packets(&[1, 2]);
        let first = packets(&[1]);
        for length in 0..whole.len() {
            let all = merged(&[&whole[..length]]);
            let expected = usize::from(length >= first.len());
            assert_eq!(all.packets, expected, "{length}");
        }
        let mut huge = whole;
        huge[HEADER + 8..HEADER + 12].fill(0xff);
        assert_eq!(merged(&[&huge, b"RIFF", &[7; 100]]).packets, 0);
    }

    #[test]
    fn a_description_of_encrypted_sound_becomes_one_of_plain_sound_and_no_longer() {
        let sdp = Bytes::from_static(
            b"m=audio 4 RTP/SAVP 0\r\na=crypto:1 AES\r\na=x\r\na=crypto:2 AES\r\n",
        );
        let plain = as_plain(&sdp);
        let text = String::from_utf8_lossy(&plain);
        assert_eq!(
            text,
            "m=audio 4 RTP/AVPF 0\r\na=x-keys:1 AES\r\na=x\r\na=x-keys:2 AES\r\n"
        );
        assert_eq!(plain.len(), sdp.len());
        for none in ["BYE sip:a SIP/2.0\r\n\r\n", ""] {
            assert_eq!(as_plain(&Bytes::from(none)), none);
        }
    }
}
