//! A telephone that is called, of which every byte is ours: raw SIP and RTP over loopback.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;
use trunkline_media::g711::{self, Law};

use super::house::PATIENCE;

pub(crate) struct Callee {
    sip: UdpSocket,
    pub(crate) rtp: UdpSocket,
    gateway: Option<SocketAddr>,
    /// The INVITE, the latest.
    pub(crate) invite: String,
    tag: String,
}

impl Callee {
    pub(crate) async fn new() -> Self {
        Self {
            sip: UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            rtp: UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            gateway: None,
            invite: String::new(),
            tag: "callee".to_owned(),
        }
    }

    /// Where it is called: an outbound trunk's address.
    pub(crate) fn address(&self) -> String {
        self.sip.local_addr().unwrap().to_string()
    }

    /// Waits for the INVITE.
    pub(crate) async fn is_called(&mut self) -> &str {
        self.invite = self.expects("INVITE").await;
        &self.invite
    }

    /// The next message that begins so; others are passed over.
    pub(crate) async fn expects(&mut self, start: &str) -> String {
        let found = timeout(PATIENCE, async {
            loop {
                let mut buffer = [0; 4096];
                let (length, from) = self.sip.recv_from(&mut buffer).await.unwrap();
                self.gateway = Some(from);
                let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if message.starts_with(start) {
                    return message;
                }
            }
        });
        found
            .await
            .unwrap_or_else(|_| panic!("never came: {start}"))
    }

    /// Whether nothing comes within a moment.
    pub(crate) async fn is_left_alone(&self) -> bool {
        let mut buffer = [0; 4096];
        timeout(Duration::from_millis(300), self.sip.recv(&mut buffer))
            .await
            .is_err()
    }

    /// The call's description from our side.
    pub(crate) fn sdp(&self) -> String {
        let port = self.rtp.local_addr().unwrap().port();
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
        )
    }

    /// Answers the INVITE; `extra` are whole header lines.
    pub(crate) async fn says(&self, status: &str, extra: &str, sdp: &str) {
        self.answer(&self.invite, status, extra, sdp).await;
    }

    /// Says 20 ms of sound, the packet of that number.
    pub(crate) async fn speaks(&self, number: u16, frame: &[i16]) {
        let mut packet = vec![0x80, 0];
        packet.extend(number.to_be_bytes());
        packet.extend((u32::from(number) * 160).to_be_bytes());
        packet.extend(7_u32.to_be_bytes());
        g711::encode(Law::Mu, frame, &mut packet);
        self.rtp.send_to(&packet, self.media()).await.unwrap();
    }

    /// Rings and answers with sound, and waits for the ACK.
    pub(crate) async fn picks_up(&mut self) {
        self.is_called().await;
        self.says("180 Ringing", "", "").await;
        self.says("200 OK", "", &self.sdp()).await;
        self.expects("ACK").await;
    }

    /// Answers any request.
    pub(crate) async fn answer(&self, request: &str, status: &str, extra: &str, sdp: &str) {
        let header = |name: &str| {
            let line = request.lines().find(|line| line.starts_with(name));
            line.unwrap_or_default().to_owned()
        };
        let to = header("To:");
        let tag = if to.contains("tag=") || status.starts_with("100") {
            String::new()
        } else {
            format!(";tag={}", self.tag)
        };
        let kind = if sdp.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        let message = format!(
            "SIP/2.0 {status}\r\n{}\r\n{}\r\n{to}{tag}\r\n{}\r\n{}\r\n\
             Contact: <sip:callee@{}>\r\n{extra}{kind}Content-Length: {}\r\n\r\n{sdp}",
            header("Via:"),
            header("From:"),
            header("Call-ID:"),
            header("CSeq:"),
            self.address(),
            sdp.len(),
        );
        self.send(&message).await;
    }

    /// Hangs up; `extra` are whole header lines.
    pub(crate) async fn hangs_up(&mut self, extra: &str) {
        self.asks(("BYE", 100), extra, "").await;
        self.expects("SIP/2.0 200").await;
    }

    /// Tells how a transfer goes.
    pub(crate) async fn tells(&mut self, number: u32, state: &str, status: &str) {
        let extra = format!(
            "Event: refer\r\nSubscription-State: {state}\r\n\
             Content-Type: message/sipfrag;version=2.0\r\n"
        );
        let fragment = format!("SIP/2.0 {status}\r\n");
        self.asks(("NOTIFY", number), &extra, &fragment).await;
        self.expects("SIP/2.0 200").await;
    }

    /// Another phone that wants this one's place says this.
    pub(crate) fn replaces(&self) -> String {
        let value = |name: &str| {
            let line = self.invite.lines().find(|line| line.starts_with(name));
            line.unwrap_or_default()
                .trim_start_matches(name)
                .trim()
                .to_owned()
        };
        let from = value("From:");
        let ours = from.split_once("tag=").unwrap().1;
        let (call, theirs) = (value("Call-ID:"), &self.tag);
        format!("Replaces: {call};to-tag={ours};from-tag={theirs}\r\n")
    }

    /// Sends a request inside the call.
    pub(crate) async fn asks(&self, (method, number): (&str, u32), extra: &str, body: &str) {
        let header = |name: &str| {
            let line = self.invite.lines().find(|line| line.starts_with(name));
            line.unwrap_or_default().to_owned()
        };
        let gateway = self.gateway.unwrap();
        let (from, to, call) = (header("From:"), header("To:"), header("Call-ID:"));
        // Of each call another: a branch that was seen is a request sent again.
        let branch: String = call.chars().filter(char::is_ascii_alphanumeric).collect();
        let message = format!(
            "{method} sip:{gateway} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{method}{number}{branch};rport\r\n\
             From: {};tag={}\r\nTo: {}\r\n{}\r\nCSeq: {number} {method}\r\nMax-Forwards: 70\r\n\
             Contact: <sip:callee@{}>\r\n{extra}Content-Length: {}\r\n\r\n{body}",
            self.address(),
            to.trim_start_matches("To: "),
            self.tag,
            from.trim_start_matches("From: "),
            call,
            self.address(),
            body.len(),
        );
        self.send(&message).await;
    }

    /// Where the gateway takes sound, as its offer says.
    pub(crate) fn media(&self) -> SocketAddr {
        let port = self.invite.split("m=audio ").nth(1).unwrap();
        let port: u16 = port.split(' ').next().unwrap().parse().unwrap();
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    async fn send(&self, message: &str) {
        let gateway = self.gateway.unwrap();
        self.sip.send_to(message.as_bytes(), gateway).await.unwrap();
    }
}
