//! Targets of the room: what clients' sockets and the media port bring.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use trunkline_node::probe::{Probe, reads_query};
use trunkline_rtc::demux::{Demux, Route};
use trunkline_rtc::peer::{Codec, LOSSY, RELIABLE};
use trunkline_rtc::sdp::Description;
use trunkline_rtc::sfu::{SfuEvent, Target, Topology};

use super::room;

/// Pieces of an input: each begins with its length, and the last takes what is left.
fn pieces(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (&length, tail) = rest.split_first()?;
        let (piece, after) = tail.split_at(usize::from(length).min(tail.len()));
        rest = after;
        Some(piece)
    })
}

/// Bytes as datagrams at the media port: they find those they name and nobody else, and whatever
/// they are, no address is learnt from them.
pub fn stun_demux(data: &[u8]) {
    let mut demux = Demux::default();
    let names: BTreeMap<&str, u8> = [("ann", 1), ("bob", 2)].into();
    for (name, peer) in &names {
        demux.register(*peer, name);
    }
    let known = SocketAddr::from(([192, 0, 2, 1], 5000));
    demux.learn(known, &1, Instant::now());
    for (count, datagram) in pieces(data).enumerate() {
        let stranger = SocketAddr::from(([192, 0, 2, 9], 1));
        let from = if count % 2 == 0 { stranger } else { known };
        if let Route::To(peer) = demux.route(from, datagram) {
            let named = names.iter().any(|(name, p)| {
                let name = [name.as_bytes(), b":"].concat();
                *p == peer && datagram.windows(name.len()).any(|w| w == name)
            });
            assert!(named || (from == known && peer == 1));
        }
        assert_eq!(demux.addresses(), 1);
        room::with(|room| room.datagram(count % 3 == 0, datagram));
    }
}

/// Bytes as offers and candidates: an offer is answered with as many sections as it has, or
/// refused, or it waits; and the room goes on.
pub fn webrtc_offer(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (mut sfu, now) = room::empty();
    let single = room::join(&mut sfu, 1, Topology::Single, now);
    let dual = room::join(&mut sfu, 2, Topology::Dual, now);
    for (id, offer) in (1..).zip(text.split("\n---\n").take(4)) {
        for sid in [&single, &dual] {
            sfu.offer(sid, id, offer, now).expect("here");
            for line in offer.lines().take(50) {
                let candidate = serde_json::json!({ "candidate": line }).to_string();
                sfu.trickle(sid, Target::Publisher, &candidate, now)
                    .expect("here");
                sfu.trickle(sid, Target::Subscriber, line, now)
                    .expect("here");
            }
        }
        sfu.answer(&dual, 0, offer, now).expect("here");
        let sections = Description::parse(offer).sections().len();
        while let Some(event) = sfu.poll_event() {
            if let SfuEvent::Answer { description, .. } = event {
                let answer = Description::parse(&description.sdp);
                assert_eq!(answer.sections().len(), sections);
                let credentials = answer.credentials().expect("credentials");
                assert!(credentials.1.len() == 32, "a password of our own");
            }
        }
    }
    sfu.handle_timeout(now + Duration::from_secs(20));
    while sfu.poll_transmit().is_some() {}
}

/// Bytes as messages of a client's signal socket: the room stands, and what the others are told of
/// them stays in proportion.
pub fn signal_request(data: &[u8]) {
    let mut probe = Probe::new(Instant::now()).expect("a room");
    let mut said = 0;
    // JSON is one message; protobuf comes in pieces.
    if data.first() == Some(&b'{') {
        said += data.len();
        probe.say(data);
    } else {
        for message in pieces(data) {
            said += message.len();
            probe.say(message);
            probe.pass(Duration::from_millis(50));
        }
    }
    probe.pass(Duration::from_secs(1));
    assert!(probe.stands(), "the other's session ended");
    assert!(
        probe.told() <= 20_000 + 20 * said,
        "{} bytes told of {said}",
        probe.told()
    );
}

/// Bytes as data packets, reliable and lossy: they go to the other or nowhere, and everybody's
/// connection stands.
pub fn data_packet(data: &[u8]) {
    room::with(|room| {
        for (count, packet) in pieces(data).enumerate() {
            room.data([RELIABLE, LOSSY][count % 2], packet);
        }
    });
}

/// Bytes as packets of a room: as they would come from a client with keys (numbers, level and
/// codec from the input), and as they would come from anybody.
pub fn room_packets(data: &[u8]) {
    room::with(|room| {
        let before = room.sent();
        let mut spoken = 0;
        for piece in pieces(data) {
            let Some((head, payload)) = piece.split_first_chunk::<8>() else {
                room.datagram(true, piece);
                continue;
            };
            let [kind, level, s0, s1, t0, t1, t2, t3] = *head;
            if kind & 0x80 != 0 {
                room.datagram(kind & 1 == 0, piece);
                continue;
            }
            let codec = [Codec::Opus, Codec::Pcmu, Codec::Vp8][usize::from(kind % 3)];
            let seq = u64::from(u16::from_be_bytes([s0, s1])) + 1;
            let timestamp = u32::from_be_bytes([t0, t1, t2, t3]);
            room.rtp(seq, timestamp, level.cast_signed(), codec, payload);
            spoken += 1;
        }
        assert!(room.sent() - before <= spoken, "more packets than came");
    });
}

/// Bytes as the query of a join.
pub fn join_query(data: &[u8]) {
    if let Ok(query) = std::str::from_utf8(data) {
        reads_query(query);
    }
}
