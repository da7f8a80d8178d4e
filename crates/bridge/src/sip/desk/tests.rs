use rand::SeedableRng as _;
use trunkline_sip::endpoint::{Endpoint, EndpointConfig, Event, Flow, Transport};
use trunkline_sip::routing::DigestLogin;

use super::super::clock::now;
use super::*;

/// A trunk of two machines, one with a password, and one that is open to all.
fn desk() -> Desk {
    let trunk = |id: &str, addresses: &[&str], password: Option<&str>| {
        let mut trunk = InboundTrunk::new(TrunkId::parse(id).unwrap());
        trunk.allowed_addresses = addresses.iter().map(|&one| one.to_owned()).collect();
        trunk.auth = password.map(|password| DigestLogin {
            username: "alice".to_owned(),
            password: Secret::new(password.to_owned()),
            realm: "trunkline".to_owned(),
        });
        trunk
    };
    let directory = Directory {
        trunks: vec![
            trunk("ST_pbx", &["192.0.2.7", "192.0.2.8"], None),
            trunk("ST_locked", &[], Some("wonderland")),
            trunk("ST_open", &[], None),
        ],
        loaded: true,
        ..Directory::default()
    };
    let known = watch::channel(Arc::new(directory)).1;
    let bound = watch::channel(Bindings::default()).1;
    let (notes, _) = mpsc::channel(8);
    Desk::new((known, bound), false, StdRng::seed_from_u64(1), notes)
}

fn invitation(from: &str) -> Invitation {
    let mut endpoint = Endpoint::new(EndpointConfig::new("test"), [1; 32], now());
    let flow = Flow {
        transport: Transport::Udp,
        local: "192.0.2.1:5060".parse().unwrap(),
        remote: format!("{from}:5060").parse().unwrap(),
    };
    let text = "INVITE sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP phone;branch=z9hG4bKa\r\n\
                From: <sip:a@phone>;tag=1\r\nTo: <sip:192.0.2.1>\r\nCall-ID: a\r\n\
                CSeq: 1 INVITE\r\nReplaces: b;to-tag=c;from-tag=d\r\nContent-Length: 0\r\n\r\n";
    endpoint.handle_input(flow, text.as_bytes(), now());
    match endpoint.poll_event() {
        Some(Event::Invited(invitation)) => invitation,
        other => panic!("not invited: {other:?}"),
    }
}

#[test]
fn a_call_before_the_trunks_are_known_is_noted() {
    let known = watch::channel(Arc::new(Directory::default())).1;
    let bound = watch::channel(Bindings::default()).1;
    let (notes, mut told) = mpsc::channel(8);
    let mut desk = Desk::new((known, bound), false, StdRng::seed_from_u64(1), notes);
    match desk.decide(&invitation("192.0.2.7"), now()) {
        Decision::Reject(rejection) => assert_eq!(rejection.status, 503),
        _ => panic!("it was not refused"),
    }
    match told.try_recv() {
        Ok(Row::Refused(refusal)) => {
            assert_eq!(
                (refusal.sip_status, refusal.reason.as_str()),
                (503, "no_trunks_yet")
            );
        }
        _ => panic!("nothing was noted"),
    }
}

#[test]
fn a_phone_is_replaced_by_itself_and_by_those_its_trunk_names_beside_it() {
    let mut desk = desk();
    let peer = "192.0.2.7".parse().unwrap();
    for (trunk, from, status) in [
        (Some("ST_pbx"), "192.0.2.7", Ok(())),
        (Some("ST_pbx"), "192.0.2.8", Ok(())),
        (Some("ST_pbx"), "192.0.2.9", Err(403)),
        (None, "192.0.2.7", Ok(())),
        (None, "192.0.2.8", Ok(())),
        (None, "192.0.2.9", Err(403)),
        (Some("ST_open"), "192.0.2.7", Ok(())),
        (Some("ST_open"), "192.0.2.8", Err(403)),
        (Some("ST_locked"), "192.0.2.7", Err(407)),
        (Some("ST_locked"), "192.0.2.8", Err(403)),
    ] {
        let trunk = trunk.map(|trunk| TrunkId::parse(trunk).unwrap());
        let call = (trunk.as_ref(), peer);
        let may = desk.may_replace(&invitation(from), call, now());
        let may = may.map_err(|rejection| rejection.status);
        assert_eq!(may, status, "{trunk:?} from {from}");
    }
}

/// Such a caller was refused for a room name that is too long.
#[test]
fn a_number_of_any_letters_is_no_longer_than_an_identity_has_room_for() {
    for (written, bytes) in [("5".repeat(99), 64), ("\u{1f600}".repeat(99), 128)] {
        assert_eq!(legible(&written).len(), bytes);
    }
    assert_eq!(legible("+1\r\n555"), "+1555");
}
