//! Descriptions that cannot be agreed on.

use proto::leave_request::Action;
use proto::request_response::Reason;

use super::*;

fn offer(sections: usize) -> Asked {
    let head = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
    Asked::Offer(proto::SessionDescription {
        r#type: "offer".to_owned(),
        sdp: head.to_owned() + &"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(sections),
        id: 1,
        ..proto::SessionDescription::default()
    })
}

/// One who asked for 4,000 sections was told nothing it could read in a log, and came back to ask
/// for them again.
#[test]
fn who_asks_for_too_much_is_told_so_and_sent_away() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    let bob = house.join(guest("bob"));
    house.forget();
    house.ask(&ann, offer(4_000));
    let words = house.heard(&ann);
    let Some(Message::RequestResponse(response)) = words.first() else {
        panic!("{words:?}")
    };
    assert_eq!(response.reason(), Reason::LimitExceeded);
    assert_eq!(
        response.message,
        "4000 media sections, at most 512 are taken"
    );
    let leave = leave(&words).unwrap();
    assert_eq!(leave.reason(), proto::DisconnectReason::StateMismatch);
    assert_eq!(leave.action(), Action::Disconnect);
    assert_eq!(house.closed, [ann]);
    assert!(house.room.has(&bob));
}

#[test]
fn who_offers_what_cannot_be_read_may_come_back() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    house.forget();
    house.ask(&ann, offer(1));
    let words = house.heard(&ann);
    assert_eq!(leave(&words).unwrap().action(), Action::Reconnect);
}
