use super::*;
use crate::message::{Message, RequestUri, parse};

fn invite(extra: &str) -> Request {
    let text = format!(
        "INVITE sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n\
         From: <sip:200@a>;tag=them\r\nTo: <sip:100@b>\r\nCall-ID: c1\r\nCSeq: 5 INVITE\r\n\
         Contact: <sip:200@198.51.100.7:5071>\r\n{extra}\r\n"
    );
    match parse(text.as_bytes()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

fn seen() -> SocketAddr {
    "192.0.2.9:5060".parse().unwrap()
}

fn uri(request: &Request) -> String {
    match &request.uri {
        RequestUri::Known(uri) => uri.to_string(),
        RequestUri::Foreign(text) => text.clone(),
    }
}

#[test]
fn a_bye_goes_to_the_contact_with_swapped_sides() {
    let mut dialog = Dialog::answering(&invite(""), "us", seen()).unwrap();
    let bye = dialog.request(Method::Bye, None);
    assert_eq!(uri(&bye), "sip:200@198.51.100.7:5071");
    assert_eq!(bye.headers.from().unwrap().tag(), Some("us"));
    assert_eq!(bye.headers.to().unwrap().tag(), Some("them"));
    assert_eq!(bye.headers.cseq().unwrap().number, 1);
    let seen = "203.0.113.1:5060".parse().unwrap();
    assert_eq!(dialog.next_hop(seen), "198.51.100.7:5071".parse().unwrap());
}

#[test]
fn loose_routes_are_kept_in_order() {
    let routes = "Record-Route: <sip:203.0.113.5;lr>, <sip:203.0.113.6:99;lr>\r\n";
    let mut dialog = Dialog::answering(&invite(routes), "us", seen()).unwrap();
    let bye = dialog.request(Method::Bye, None);
    assert_eq!(uri(&bye), "sip:200@198.51.100.7:5071");
    let routes: Vec<&str> = bye.headers.lines(name::ROUTE).collect();
    assert_eq!(routes, ["<sip:203.0.113.5;lr>", "<sip:203.0.113.6:99;lr>"]);
    let seen = "203.0.113.1:5060".parse().unwrap();
    assert_eq!(dialog.next_hop(seen), "203.0.113.5:5060".parse().unwrap());
}

#[test]
fn a_strict_router_stands_in_the_request_uri() {
    let routes = "Record-Route: <sip:203.0.113.5>\r\nRecord-Route: <sip:203.0.113.6;lr>\r\n";
    let mut dialog = Dialog::answering(&invite(routes), "us", seen()).unwrap();
    let bye = dialog.request(Method::Bye, None);
    assert_eq!(uri(&bye), "sip:203.0.113.5");
    let routes: Vec<&str> = bye.headers.lines(name::ROUTE).collect();
    assert_eq!(
        routes,
        ["<sip:203.0.113.6;lr>", "<sip:200@198.51.100.7:5071>"]
    );
}

#[test]
fn the_callers_route_set_is_reversed() {
    let mut answer = Response {
        status: 200,
        reason: "OK".to_owned(),
        headers: Headers::new(),
        body: bytes::Bytes::new(),
    };
    answer.headers.push(name::TO, "<sip:100@b>;tag=us");
    answer.headers.push(name::CONTACT, "<sip:100@203.0.113.9>");
    answer.headers.push(
        name::RECORD_ROUTE,
        "<sip:203.0.113.1;lr>, <sip:203.0.113.2;lr>",
    );
    let mut dialog = Dialog::calling(&invite(""), &answer, seen()).unwrap();
    let ack = dialog.request(Method::Ack, Some(5));
    assert_eq!(ack.headers.cseq().unwrap().number, 5);
    let routes: Vec<&str> = ack.headers.lines(name::ROUTE).collect();
    assert_eq!(routes, ["<sip:203.0.113.2;lr>", "<sip:203.0.113.1;lr>"]);
}

#[test]
fn old_numbers_are_stale() {
    let mut dialog = Dialog::answering(&invite(""), "us", seen()).unwrap();
    assert_eq!(dialog.accept(5), Order::Stale);
    assert_eq!(dialog.accept(6), Order::Fresh);
    assert_eq!(dialog.accept(6), Order::Stale);
}

#[test]
fn a_private_contact_behind_nat_is_reached_the_way_it_came() {
    let mut call = invite("");
    call.headers
        .set(name::CONTACT, "<sip:200@192.168.1.5:5060>");
    let dialog = Dialog::answering(&call, "us", seen()).unwrap();
    let public = "203.0.113.1:40000".parse().unwrap();
    assert_eq!(dialog.next_hop(public), public);
}

#[test]
fn who_sends_no_contact_is_reached_where_it_came_from() {
    let mut call = invite("");
    call.headers.remove(name::CONTACT);
    let mut dialog = Dialog::answering(&call, "us", seen()).unwrap();
    assert_eq!(
        uri(&dialog.request(Method::Bye, None)),
        "sip:192.0.2.9:5060"
    );
    assert_eq!(dialog.next_hop(seen()), seen());
}

/// A BYE to such a Contact could be read by nobody, and the call stayed up on the other side.
#[test]
fn a_contact_that_no_request_can_be_sent_to_is_replaced_by_where_the_phone_was_seen() {
    let long = format!("<sip:a@{}.example>", "b".repeat(3000));
    for (contact, expected) in [
        ("<sip:200@>", "sip:200@192.0.2.9:5060"),
        ("<sip:200@host:99999>", "sip:200@192.0.2.9:5060"),
        ("<sip:20 0@h%st>", "sip:20%200@192.0.2.9:5060"),
        ("<mailto:x@example.org>", "sip:192.0.2.9:5060"),
        ("<tel:+4930123>", "sip:192.0.2.9:5060"),
        ("<im:x y>", "sip:192.0.2.9:5060"),
        ("*", "sip:192.0.2.9:5060"),
        ("hello", "sip:192.0.2.9:5060"),
        (&long, "sip:a@192.0.2.9:5060"),
    ] {
        let call = invite("");
        let mut odd = call.clone();
        odd.headers.set(name::CONTACT, contact);
        let mut dialog = Dialog::answering(&odd, "us", seen()).unwrap();
        let bye = dialog.request(Method::Bye, None);
        assert_eq!(uri(&bye), expected, "{contact}");
        assert!(parse(&bye.to_bytes()).is_ok(), "{contact}");
        // Nor does it move a call that is up.
        let mut dialog = Dialog::answering(&call, "us", seen()).unwrap();
        dialog.refresh_target(&odd.headers);
        let bye = dialog.request(Method::Bye, None);
        assert_eq!(uri(&bye), "sip:200@198.51.100.7:5071", "{contact}");
    }
}

#[test]
fn a_route_that_no_request_can_take_is_passed_over_and_too_many_are_refused() {
    let odd = "Record-Route: <mailto:x>, <sip:>, <sip:203.0.113.5>\r\n";
    let mut dialog = Dialog::answering(&invite(odd), "us", seen()).unwrap();
    let bye = dialog.request(Method::Bye, None);
    assert_eq!(uri(&bye), "sip:203.0.113.5");
    assert!(parse(&bye.to_bytes()).is_ok());
    let many = format!("Record-Route: {}<sip:h;lr>\r\n", "<sip:h;lr>,".repeat(70));
    let refused = Dialog::answering(&invite(&many), "us", seen());
    assert_eq!(refused.err(), Some(DialogError::Routes));
}

#[test]
fn a_third_party_is_told_an_address_that_leads_to_the_other_side() {
    let told = |extra: &str, contact: &str, seen: &str| {
        let mut invite = invite(extra);
        invite.headers.replace_first(name::CONTACT, contact);
        let seen = seen.parse().unwrap();
        let dialog = Dialog::answering(&invite, "us", seen).unwrap();
        dialog.address(seen).to_string()
    };
    let (near, far) = ("10.0.0.9:5060", "203.0.113.1:5080");
    let private = "<sip:200@10.0.0.7:5071;transport=tcp;method=BYE?Subject=x>";
    assert_eq!(
        told("", private, near),
        "sip:200@10.0.0.7:5071;transport=tcp"
    );
    assert_eq!(
        told("", private, far),
        "sip:200@203.0.113.1:5080;transport=tcp"
    );
    let proxied = "Record-Route: <sip:203.0.113.1;lr>\r\n";
    assert_eq!(told(proxied, private, far), "sip:200@a");
    let named = "<sip:200@phone.example>";
    assert_eq!(told(proxied, named, far), "sip:200@phone.example");
}
