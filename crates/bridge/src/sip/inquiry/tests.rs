//! A server that answers, one that is not there, and a router that rewrites what passes.

use std::net::SocketAddr;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::*;

/// A server that answers every OPTIONS with 200, as a server should: Via gets `received` and `rport`.
async fn server() -> (SocketAddr, JoinHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "ends with the test")]
    let task = tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
            let mut answer = String::from("SIP/2.0 200 OK\r\nServer: stand-in\r\n");
            for line in text.lines().skip(1) {
                if let Some(via) = line.strip_prefix("Via: ") {
                    let seen = format!(";received={};rport={}", from.ip(), from.port());
                    answer.push_str(&format!("Via: {}\r\n", via.replace(";rport", &seen)));
                } else if ["From", "To", "Call-ID", "CSeq"]
                    .iter()
                    .any(|name| line.starts_with(name))
                {
                    answer.push_str(&format!("{line}\r\n"));
                }
            }
            answer.push_str("Content-Length: 0\r\n\r\n");
            socket.send_to(answer.as_bytes(), from).await.unwrap();
        }
    });
    (addr, task)
}

/// A router with SIP ALG: it puts its outer address wherever ours stands on the way out, and forgets
/// to put ours back.
async fn router(inner: SocketAddr) -> (SocketAddr, JoinHandle<()>) {
    let inside = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let outside = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = inside.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "ends with the test")]
    let task = tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        loop {
            let (length, phone) = inside.recv_from(&mut buffer).await.unwrap();
            let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
            let text = text.replace(&phone.to_string(), "203.0.113.9:5060");
            outside.send_to(text.as_bytes(), inner).await.unwrap();
            let (length, _) = outside.recv_from(&mut buffer).await.unwrap();
            inside.send_to(&buffer[..length], phone).await.unwrap();
        }
    });
    (addr, task)
}

async fn ask(address: SocketAddr, transport: Transport) -> Result<Answered, InquiryError> {
    let inquiry = Inquiry::new(&TlsOptions::default()).unwrap();
    ask_by(&inquiry, address, transport).await
}

async fn ask_by(
    inquiry: &Inquiry,
    address: SocketAddr,
    transport: Transport,
) -> Result<Answered, InquiryError> {
    let target = Target {
        transport,
        address,
        name: address.ip().to_string(),
    };
    inquiry.ask(&Uri::sip(None, address), &target).await
}

#[tokio::test]
async fn a_gateway_that_is_bound_to_one_address_asks_from_there() {
    let (address, task) = server().await;
    for (bound, seen) in [
        ("127.0.0.2", "127.0.0.2"),
        ("::ffff:127.0.0.2", "127.0.0.2"),
        ("0.0.0.0", "127.0.0.1"),
        // No way to an IPv4 address.
        ("::1", "127.0.0.1"),
    ] {
        let inquiry = Inquiry::new(&TlsOptions::default()).unwrap();
        let inquiry = inquiry.bound_to(bound.parse().unwrap());
        let answered = ask_by(&inquiry, address, Transport::Udp).await.unwrap();
        assert_eq!(answered.received.as_deref(), Some(seen), "{bound}");
    }
    task.abort();
}

#[tokio::test]
async fn a_server_that_answers_repeats_what_it_was_sent() {
    let (address, task) = server().await;
    let answered = ask(address, Transport::Udp).await.unwrap();
    assert_eq!(
        (answered.status, answered.software.as_deref()),
        (200, Some("stand-in"))
    );
    assert_eq!(answered.changed, Vec::<String>::new());
    assert_eq!(answered.odd_length, None);
    assert_eq!(answered.received.as_deref(), Some("127.0.0.1"));
    assert_eq!(answered.rport, Some(answered.sent_from.port()));
    task.abort();
}

#[tokio::test]
async fn a_router_that_rewrites_via_is_seen_by_what_comes_back() {
    let (inner, serving) = server().await;
    let (address, routing) = router(inner).await;
    let answered = ask(address, Transport::Udp).await.unwrap();
    let changed = answered.changed.join("; ");
    assert!(changed.contains("became UDP 203.0.113.9:5060"), "{changed}");
    assert!(changed.contains("From sip:doctor@127.0.0.1"), "{changed}");
    serving.abort();
    routing.abort();
}

#[tokio::test]
async fn where_nobody_listens_is_told_before_patience_ends() {
    let free = UdpSocket::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    for transport in [Transport::Udp, Transport::Tcp] {
        let error = ask(free, transport).await.unwrap_err();
        assert!(matches!(error, InquiryError::Network(_)), "{error:?}");
    }
}

#[test]
fn a_body_that_is_not_as_long_as_it_says_is_told() {
    let mut headers = Headers::new();
    headers.push(name::CONTENT_LENGTH, "4");
    assert_eq!(odd_length(&headers, b"SIP/2.0 200 OK\r\n\r\nabcd"), None);
    assert_eq!(
        odd_length(&headers, b"SIP/2.0 200 OK\r\n\r\nab"),
        Some((4, 2))
    );
}
