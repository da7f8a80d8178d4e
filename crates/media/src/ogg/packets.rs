//! The packets of any OGG Opus file with one stream, as they are: what a track can carry without
//! decoding.

use super::page::Pages;
use super::reader::ReadError;

/// The Opus packets of the first stream, headers left out.
///
/// # Errors
/// The bytes are no OGG Opus file, or one of several streams a packet.
pub fn stream_packets(bytes: &[u8]) -> Result<Vec<Vec<u8>>, ReadError> {
    let mut serial = None;
    let mut packets = Vec::new();
    let mut torn: Vec<u8> = Vec::new();
    for page in Pages::new(bytes) {
        if *serial.get_or_insert(page.serial) != page.serial {
            continue;
        }
        if !page.continues() {
            torn.clear();
        }
        let (whole, rest) = page.pieces();
        for piece in whole {
            let mut packet = std::mem::take(&mut torn);
            packet.extend_from_slice(piece);
            packets.push(packet);
        }
        torn.extend_from_slice(rest);
    }
    let head = packets
        .first()
        .and_then(|packet| packet.strip_prefix(b"OpusHead"))
        .ok_or(ReadError::NotOpus)?;
    // Mapping family 0 is one stream; the others count theirs after the family.
    let streams = match head.get(10) {
        Some(0) => Some(&1),
        Some(_) => head.get(11),
        None => None,
    };
    if streams != Some(&1) {
        return Err(ReadError::ManyStreams);
    }
    Ok(packets.split_off(packets.len().min(2)))
}

#[cfg(test)]
mod tests {
    use super::super::page::{FLAG_FIRST, PageBuilder};
    use super::*;

    /// Pages of one stream, cut by hand so that the second packet spans two of them.
    fn single_stream(head: &[u8], packets: [&[u8]; 2]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut page = PageBuilder::default();
        page.push(head);
        page.write((7, 0), FLAG_FIRST, 0, &mut file);
        page.push(b"OpusTags");
        page.write((7, 1), 0, 0, &mut file);
        page.push(packets[0]);
        page.write((7, 2), 0, 960, &mut file);
        let (start, end) = packets[1].split_at(255);
        page.push_open(start);
        page.write((7, 3), 0, u64::MAX, &mut file);
        page.push(end);
        page.write((7, 4), 1, 1920, &mut file);
        file
    }

    #[test]
    fn packets_of_any_single_stream_come_whole() {
        let long = vec![9_u8; 300];
        let mono = b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0";
        let file = single_stream(mono, [&[1, 2, 3], &long]);
        assert_eq!(
            stream_packets(&file).unwrap(),
            [vec![1, 2, 3], long.clone()]
        );
        let dual = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\x01\x02\0\0\x01";
        let file = single_stream(dual, [&[1], &long]);
        assert_eq!(stream_packets(&file), Err(ReadError::ManyStreams));
        assert_eq!(stream_packets(b"RIFF"), Err(ReadError::NotOpus));
    }
}
