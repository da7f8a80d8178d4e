//! An encrypted call outlives its gateway: keys and counts come back, and no count is used twice.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::net::UdpSocket;
use tokio::time::timeout;
use trunkline_sip::rtp::Header;
use trunkline_sip::sdp::{CryptoLine, Session};
use trunkline_sip::srtp::{MasterKey, Receiver, Sender, Suite};
use trunkline_tests::Daemon;

use super::house::LIMIT;
use super::place::{Place, journalled, up};

/// A phone of which we hold the keys.
struct Phone {
    sip: UdpSocket,
    rtp: UdpSocket,
    gateway: SocketAddr,
    /// Where the gateway takes its packets.
    media: SocketAddr,
    sender: Sender,
    receiver: Receiver,
    sequence: u16,
    /// The 200.
    answer: String,
}

impl Phone {
    async fn call(daemon: &Daemon) -> Self {
        let sip = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let rtp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let gateway: SocketAddr = daemon.addr("sip").parse().unwrap();
        let key = MasterKey::generate(Suite::AeadAes256Gcm, &mut StdRng::seed_from_u64(1));
        let (me, at) = (sip.local_addr().unwrap(), rtp.local_addr().unwrap().port());
        let (suite, inline) = (key.suite().name(), STANDARD.encode(key.expose()));
        let body = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {at} RTP/SAVP 0\r\na=crypto:1 {suite} inline:{inline}\r\n"
        );
        let text = format!(
            "INVITE sip:100@{gateway} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK1;rport\r\n\
             From: <sip:4711@127.0.0.1>;tag=phone\r\nTo: <sip:100@{gateway}>\r\nCall-ID: {me}\r\n\
             CSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:4711@{me}>\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        sip.send_to(text.as_bytes(), gateway).await.unwrap();
        let answer = says(&sip, "SIP/2.0 200").await;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let session = Session::parse(body.as_bytes()).unwrap();
        let media = &session.media[0];
        let theirs = CryptoLine::parse(media.attribute("crypto").unwrap()).unwrap();
        let phone = Self {
            media: session.address(media).unwrap(),
            gateway,
            sip,
            rtp,
            sender: Sender::new(&key).unwrap(),
            receiver: Receiver::new(theirs.keys()).unwrap(),
            sequence: 0,
            answer,
        };
        phone.asks("ACK", 1).await;
        phone
    }

    /// Says something inside the call.
    async fn asks(&self, method: &str, number: u32) {
        let copy = |name: &str| {
            let mut lines = self.answer.lines().filter(|line| line.starts_with(name));
            lines.next().unwrap().to_owned()
        };
        let text = format!(
            "{method} sip:100@{0} SIP/2.0\r\nVia: SIP/2.0/UDP {1};branch=z9hG4bK{method};rport\r\n\
             {2}\r\n{3}\r\n{4}\r\nCSeq: {number} {method}\r\nMax-Forwards: 70\r\n\
             Content-Length: 0\r\n\r\n",
            self.gateway,
            self.sip.local_addr().unwrap(),
            copy("From:"),
            copy("To:"),
            copy("Call-ID:"),
        );
        self.sip
            .send_to(text.as_bytes(), self.gateway)
            .await
            .unwrap();
    }

    /// Twenty packets go out; what comes meanwhile has to be whole and new.
    async fn talks(&mut self) {
        for _ in 0..20 {
            self.sequence += 1;
            let header = Header {
                payload_type: 0,
                marker: false,
                sequence: self.sequence,
                timestamp: u32::from(self.sequence) * 160,
                ssrc: 7,
            };
            let mut sealed = Vec::new();
            let plain = header.write(&[0xd5; 160]);
            self.sender.rtp(&plain, &mut sealed).unwrap();
            self.rtp.send_to(&sealed, self.media).await.unwrap();
            self.hears().await;
        }
    }

    /// A packet that the keys of the first answer open, and that was never here before.
    async fn hears(&mut self) {
        let mut buffer = [0; 2048];
        let heard = timeout(LIMIT, self.rtp.recv(&mut buffer)).await;
        let length = heard.unwrap().unwrap();
        let mut plain = Vec::new();
        self.receiver.rtp(&buffer[..length], &mut plain).unwrap();
    }

    /// What is still on its way from a gateway that is dead.
    async fn hears_out(&mut self) {
        while timeout(Duration::ZERO, self.hears()).await.is_ok() {}
    }
}

/// The next message that begins so.
async fn says(sip: &UdpSocket, start: &str) -> String {
    let mut buffer = [0; 4096];
    loop {
        let length = timeout(LIMIT, sip.recv(&mut buffer)).await.unwrap();
        let text = String::from_utf8_lossy(&buffer[..length.unwrap()]).into_owned();
        if text.starts_with(start) {
            return text;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encrypted_call_goes_on_after_a_kill_and_another() {
    let place = Place::new("31500-31599");
    let mut daemon = place.alone_at_once();
    let mut phone = Phone::call(&daemon).await;
    phone.talks().await;
    journalled(place.dir.path(), 1).await;
    let call = up(place.dir.path()).await.remove(0);
    let file = |name: &str| std::fs::read(place.dir.path().join(name)).unwrap_or_default();
    let stored = [file("trunkline.db"), file("trunkline.db-wal")].concat();
    let inline = phone.answer.split("inline:").nth(1).unwrap();
    let key: String = inline.chars().take(20).collect();
    let holds = |text: &str| {
        stored
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    assert!(!holds(&key), "keys are sealed");
    assert!(holds(&call.call_id), "and the journal is in those files");

    for _ in 0..2 {
        daemon.kill();
        phone.hears_out().await;
        daemon = place.alone_at_once();
        phone.talks().await;
    }

    phone.asks("BYE", 2).await;
    says(&phone.sip, "SIP/2.0 200 OK").await;
    let row = place.record(&call.call_id).await;
    assert_eq!(row.end_reason.as_deref(), Some("caller_hung_up"));
    let media = &row.summary.unwrap()["media"];
    assert_eq!(
        (&media["forged"], &media["replayed"]),
        (&0.into(), &0.into())
    );
    assert_eq!(media["received"], 20, "of the last process");
}
