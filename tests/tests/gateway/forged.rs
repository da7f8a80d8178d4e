//! Whoever cannot sign a call's packets cannot touch the call.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::net::UdpSocket;
use tokio::time::timeout;
use trunkline_bridge::sip::AnswerPolicy;
use trunkline_sip::rtp::{Header, parse};
use trunkline_sip::sdp::{CryptoLine, Session};
use trunkline_sip::srtp::{MasterKey, Receiver, Sender, Suite};

use super::house::{House, PATIENCE, found, invite};

/// A phone of which we hold the keys.
struct Phone {
    sip: UdpSocket,
    rtp: UdpSocket,
    /// Where the gateway takes its packets.
    gateway: SocketAddr,
    sender: Sender,
    receiver: Receiver,
    sequence: u16,
    /// The 200.
    answer: String,
}

impl Phone {
    async fn call(house: &House) -> Self {
        let sip = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let rtp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let key = MasterKey::generate(Suite::Aes128CmSha1_80, &mut StdRng::seed_from_u64(1));
        let line = format!(
            "1 {} inline:{}",
            key.suite().name(),
            STANDARD.encode(key.expose())
        );
        let at = rtp.local_addr().unwrap().port();
        let plain = invite(house.gateway.addr(), "100", "forged", "");
        let (head, body) = plain.split_once("\r\n\r\n").unwrap();
        let body = body.replace("audio 40000 RTP/AVP", &format!("audio {at} RTP/SAVP"));
        let body = format!("{body}a=crypto:{line}\r\n");
        let (head, _) = head.rsplit_once("Content-Length").unwrap();
        let port = sip.local_addr().unwrap().port().to_string();
        let head = head.replace("LOCALPORT", &port);
        let text = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        sip.send_to(text.as_bytes(), house.gateway.addr())
            .await
            .unwrap();
        let answer = answered(&sip).await;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let session = Session::parse(body.as_bytes()).unwrap();
        let media = &session.media[0];
        assert_eq!(media.protocol, "RTP/SAVP");
        let theirs = CryptoLine::parse(media.attribute("crypto").unwrap()).unwrap();
        let phone = Self {
            gateway: session.address(media).unwrap(),
            sip,
            rtp,
            sender: Sender::new(&key).unwrap(),
            receiver: Receiver::new(theirs.keys()).unwrap(),
            sequence: 0,
            answer,
        };
        phone.says(house, "ACK", 1).await;
        phone
    }

    /// Says something inside the call.
    async fn says(&self, house: &House, method: &str, number: u32) {
        let copy = |name: &str| {
            let mut lines = self.answer.lines().filter(|line| line.starts_with(name));
            lines.next().unwrap().to_owned()
        };
        let text = format!(
            "{method} sip:100@{0} SIP/2.0\r\n\
             Via: SIP/2.0/UDP 127.0.0.1:{1};branch=z9hG4bK{method};rport\r\n{2}\r\n{3}\r\n{4}\r\n\
             CSeq: {number} {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            house.gateway.addr(),
            self.sip.local_addr().unwrap().port(),
            copy("From:"),
            copy("To:"),
            copy("Call-ID:"),
        );
        let sent = self.sip.send_to(text.as_bytes(), house.gateway.addr());
        sent.await.unwrap();
    }

    /// The next packet of ours, encrypted.
    fn packet(&mut self) -> Vec<u8> {
        self.sequence += 1;
        let mut sealed = Vec::new();
        let plain = plain(self.sequence);
        self.sender.rtp(&plain, &mut sealed).unwrap();
        sealed
    }

    /// A packet of the gateway, as it was before its encryption.
    async fn hears(&mut self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        let heard = timeout(PATIENCE, self.rtp.recv_from(&mut buffer));
        let (length, from) = heard.await.unwrap().unwrap();
        assert_eq!(from, self.gateway);
        assert!(length > 172, "a header, 20 ms, and a tag");
        let mut plain = Vec::new();
        self.receiver.rtp(&buffer[..length], &mut plain).unwrap();
        plain
    }
}

fn plain(sequence: u16) -> Vec<u8> {
    let header = Header {
        payload_type: 0,
        marker: false,
        sequence,
        timestamp: u32::from(sequence) * 160,
        ssrc: 7,
    };
    header.write(&[0xff; 160]).to_vec()
}

async fn answered(sip: &UdpSocket) -> String {
    let mut buffer = [0; 4096];
    loop {
        let length = timeout(PATIENCE, sip.recv(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if text.starts_with("SIP/2.0 200") {
            return text;
        }
        assert!(text.starts_with("SIP/2.0 1"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_and_replayed_packets_move_nothing() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut phone = Phone::call(&house).await;
    let attacker = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let to = phone.gateway;
    let mut caught = Vec::new();
    for _ in 0..20 {
        let packet = phone.packet();
        phone.rtp.send_to(&packet, to).await.unwrap();
        caught.push(packet);
        phone.hears().await;
    }
    for (n, packet) in (0_u16..).zip(&caught) {
        // Heard on the wire and said again, from elsewhere and from the right place.
        attacker.send_to(packet, to).await.unwrap();
        phone.rtp.send_to(packet, to).await.unwrap();
        // Plain, and with a tag of somebody's own, as if the phone went on.
        attacker.send_to(&plain(21 + n), to).await.unwrap();
        let mut forged = plain(21 + n);
        forged.extend([7; 10]);
        attacker.send_to(&forged, to).await.unwrap();
        attacker
            .send_to(&packet[..packet.len() - 1], to)
            .await
            .unwrap();
    }
    for _ in 0..50 {
        let heard = phone.hears().await;
        assert!(parse(&heard).is_some());
    }
    let mut buffer = [0; 2048];
    let stolen = timeout(Duration::ZERO, attacker.recv(&mut buffer)).await;
    assert!(stolen.is_err(), "the gateway speaks to the attacker");
    let goes_on = phone.packet();
    phone.rtp.send_to(&goes_on, to).await.unwrap();
    phone.hears().await;
    phone.hears().await;

    phone.says(&house, "BYE", 2).await;
    house.no_calls_left().await;
    let summary = found(&house.store, async |store| {
        let calls = store.calls().list(1).await.unwrap();
        calls.into_iter().find_map(|call| call.summary)
    })
    .await;
    let media = &summary["media"];
    let figure = |name: &str| {
        let figure = media[name].as_u64();
        figure.unwrap_or_else(|| panic!("{name} is not in {summary}"))
    };
    assert_eq!(figure("received"), 21, "{media}");
    assert_eq!(figure("replayed"), 60, "{media}");
    assert_eq!(figure("forged"), 40, "{media}");
    assert_eq!(figure("moves"), 0, "{media}");
    assert_eq!(media["encryption"], "AES_CM_128_HMAC_SHA1_80");
    house.close().await;
}
