//! A telephone of which every byte is ours: raw SIP and RTP over loopback.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;
use trunkline_media::SampleRate;
use trunkline_media::g711::Law;
use trunkline_media::tone::dtmf;

use super::house::{House, PATIENCE};

pub(crate) struct Phone {
    sip: UdpSocket,
    rtp: UdpSocket,
    gateway: SocketAddr,
    number: &'static str,
    tag: String,
    cseq: u32,
    /// The gateway's port for sound, the latest it named.
    media: u16,
    /// The gateway's description.
    pub(crate) answer: String,
    /// The latest final answer.
    pub(crate) accepted: String,
}

impl Phone {
    /// Calls number 100 from this one and confirms the answer.
    pub(crate) async fn call(house: &House, number: &'static str) -> Self {
        Self::call_with(house, number, "").await
    }

    /// The same with further lines in its description.
    pub(crate) async fn call_with(house: &House, number: &'static str, extra: &str) -> Self {
        let mut phone = Self::idle(house, number).await;
        let sdp = phone.sdp(extra);
        let status = phone.offers("INVITE", &sdp).await;
        assert_eq!(status, 200, "{}", phone.accepted);
        phone
    }

    /// Has called nobody yet.
    pub(crate) async fn idle(house: &House, number: &'static str) -> Self {
        let port = house.gateway.addr().port();
        Self {
            sip: UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            rtp: UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            gateway: SocketAddr::from(([127, 0, 0, 1], port)),
            number,
            tag: String::new(),
            cseq: 0,
            media: 0,
            answer: String::new(),
            accepted: String::new(),
        }
    }

    /// Our description; `extra` are further lines of the audio section.
    pub(crate) fn sdp(&self, extra: &str) -> String {
        let port = self.rtp.local_addr().unwrap().port();
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n{extra}"
        )
    }

    /// The same with its audio turned off.
    pub(crate) fn off(&self) -> String {
        let port = self.rtp.local_addr().unwrap().port();
        self.sdp("")
            .replace(&format!("m=audio {port}"), "m=audio 0")
    }

    /// Offers this with INVITE or UPDATE, waits for the final answer and confirms it.
    pub(crate) async fn offers(&mut self, method: &str, sdp: &str) -> u16 {
        self.asks(method, "", sdp).await
    }

    /// The same of any request; `extra` are whole header lines.
    pub(crate) async fn asks(&mut self, method: &str, extra: &str, sdp: &str) -> u16 {
        self.cseq += 1;
        self.send(method, extra, sdp).await;
        let wanted = format!("CSeq: {} {method}", self.cseq);
        let answer = loop {
            let message = self.receive().await;
            let provisional = message.starts_with("SIP/2.0 1");
            if message.contains(&wanted) && !provisional {
                break message;
            }
        };
        let to = answer.lines().find(|line| line.starts_with("To:"));
        if let Some((_, tag)) = to.and_then(|to| to.split_once("tag=")) {
            tag.clone_into(&mut self.tag);
        }
        if method == "INVITE" {
            self.send("ACK", "", "").await;
        }
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        if status == 200 && !sdp.is_empty() {
            self.answer = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
            let port = self.answer.split("m=audio ").nth(1).unwrap();
            let port: u16 = port.split(' ').next().unwrap().parse().unwrap();
            if port != 0 {
                self.media = port;
            }
        }
        self.accepted = answer;
        status
    }

    /// Another phone that wants this one's place says this.
    pub(crate) fn replaces(&self) -> String {
        let (me, tag) = (self.sip.local_addr().unwrap(), &self.tag);
        format!("Replaces: phone@{me};to-tag={tag};from-tag=phone\r\n")
    }

    /// How a transfer goes, as the next NOTIFY tells: its status line, and whether it is the last.
    pub(crate) async fn is_told(&self) -> (String, bool) {
        let notify = self.is_asked("NOTIFY").await;
        let state = notify
            .lines()
            .find(|line| line.starts_with("Subscription-State:"));
        let is_last = state.unwrap().contains("terminated");
        let fragment = notify.split_once("\r\n\r\n").unwrap().1;
        (fragment.trim_end().to_owned(), is_last)
    }

    /// The next request of this method, which gets 200; others are passed over.
    pub(crate) async fn is_asked(&self, method: &str) -> String {
        loop {
            let message = self.receive().await;
            if !message.starts_with(method) {
                continue;
            }
            let copied = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
            let is_copied = |line: &&str| copied.iter().any(|name| line.starts_with(name));
            let headers: Vec<&str> = message.lines().filter(is_copied).collect();
            let answer = format!(
                "SIP/2.0 200 OK\r\n{}\r\nContent-Length: 0\r\n\r\n",
                headers.join("\r\n")
            );
            let to = self.gateway;
            self.sip.send_to(answer.as_bytes(), to).await.unwrap();
            return message;
        }
    }

    /// Tells how a transfer goes.
    pub(crate) async fn tells(&mut self, state: &str, status: &str) {
        self.cseq += 1;
        let extra = format!("Event: refer\r\nSubscription-State: {state}\r\n");
        let fragment = format!("SIP/2.0 {status}\r\n");
        self.send("NOTIFY", &extra, &fragment).await;
        let answer = format!("CSeq: {} NOTIFY", self.cseq);
        while !self.receive().await.contains(&answer) {}
    }

    /// A key, by INFO.
    pub(crate) async fn presses(&mut self, body: &str) {
        self.cseq += 1;
        self.send("INFO", "", body).await;
        while !self.receive().await.contains("INFO") {}
    }

    /// Keys as nothing but their tones, in the voice from packet number `from` on; the number that is
    /// next.
    pub(crate) async fn sings(&self, keys: &str, from: u16) -> u16 {
        let mut pcm = vec![0_i16; 800];
        for key in keys.chars() {
            pcm.extend(dtmf(SampleRate::HZ_8000, key, 640).unwrap());
            pcm.extend([0; 640]);
        }
        let mut clock = tokio::time::interval(Duration::from_millis(20));
        let mut number = from;
        for frame in pcm.chunks_exact(160) {
            clock.tick().await;
            let coded: Vec<u8> = frame
                .iter()
                .map(|one| Law::Mu.encode_sample(*one))
                .collect();
            self.sound(0, number, &coded).await;
            number = number.wrapping_add(1);
        }
        number
    }

    pub(crate) async fn hangs_up(mut self) {
        self.cseq += 1;
        self.send("BYE", "", "").await;
    }

    /// The Reason of the BYE that ends the call.
    pub(crate) async fn is_hung_up(&self) -> String {
        loop {
            let message = self.receive().await;
            if message.starts_with("BYE") {
                let reason = message.lines().find(|line| line.starts_with("Reason:"));
                return reason.unwrap_or_default().to_owned();
            }
        }
    }

    /// One packet of voice from another socket than the phone's, or its own.
    pub(crate) async fn rtp(&self, from: Option<&UdpSocket>, ssrc: u32, number: u16, sound: u8) {
        let mut packet = vec![0x80, 0];
        packet.extend(number.to_be_bytes());
        packet.extend((u32::from(number) * 160).to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend([sound; 160]);
        let (socket, to) = (from.unwrap_or(&self.rtp), ("127.0.0.1", self.media));
        socket.send_to(&packet, to).await.unwrap();
    }

    /// Any bytes to the gateway's port for sound.
    pub(crate) async fn throws(&self, from: Option<&UdpSocket>, bytes: &[u8]) {
        let (socket, to) = (from.unwrap_or(&self.rtp), ("127.0.0.1", self.media));
        // Nobody minds when a socket's buffer is full.
        let _full = socket.send_to(bytes, to).await;
    }

    /// One packet of any codec whose packets are 160 ticks apart.
    pub(crate) async fn sound(&self, payload_type: u8, number: u16, payload: &[u8]) {
        let mut packet = vec![0x80, payload_type];
        packet.extend(number.to_be_bytes());
        packet.extend((u32::from(number) * 160).to_be_bytes());
        packet.extend(7_u32.to_be_bytes());
        packet.extend(payload);
        let to = ("127.0.0.1", self.media);
        self.rtp.send_to(&packet, to).await.unwrap();
    }

    /// The next packet of voice that comes to the phone.
    pub(crate) async fn hears(&self) -> Vec<u8> {
        let mut buffer = vec![0; 2048];
        let heard = timeout(PATIENCE, self.rtp.recv(&mut buffer)).await;
        buffer.truncate(heard.unwrap().unwrap());
        buffer
    }

    async fn send(&self, method: &str, extra: &str, body: &str) {
        let me = self.sip.local_addr().unwrap();
        let (gateway, number, cseq) = (self.gateway, self.number, self.cseq);
        let tag = match self.tag.as_str() {
            "" => String::new(),
            tag => format!(";tag={tag}"),
        };
        let kind = match (body, method) {
            ("", _) => "",
            (_, "INFO") => "Content-Type: application/dtmf-relay\r\n",
            (_, "NOTIFY") => "Content-Type: message/sipfrag\r\n",
            _ => "Content-Type: application/sdp\r\n",
        };
        let message = format!(
            "{method} sip:100@{gateway} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {me};branch=z9hG4bK{method}{cseq};rport\r\n\
             From: <sip:{number}@127.0.0.1>;tag=phone\r\nTo: <sip:100@{gateway}>{tag}\r\n\
             Call-ID: phone@{me}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n\
             Contact: <sip:{number}@{me}>\r\n{extra}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.sip.send_to(message.as_bytes(), gateway).await.unwrap();
    }

    async fn receive(&self) -> String {
        let mut buffer = [0; 4096];
        let length = timeout(PATIENCE, self.sip.recv(&mut buffer)).await;
        let length = length.unwrap().unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }
}
