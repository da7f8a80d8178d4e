//! A telephone of which every byte is ours, over UDP or TCP, and that outlives the gateway it called.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use trunkline_sip::rtp::Header;
use trunkline_tests::Daemon;

use super::house::LIMIT;

pub(crate) struct Phone {
    wire: Wire,
    rtp: UdpSocket,
    gateway: String,
    number: &'static str,
    /// Where it says that it listens.
    contact: String,
    call: String,
    /// The other side's, once it is known.
    tag: String,
    cseq: u32,
    /// Where the gateway takes sound.
    media: Option<SocketAddr>,
    /// Packets that it has sent.
    sent: u16,
}

/// How it speaks.
pub(crate) enum Wire {
    Udp(UdpSocket, SocketAddr),
    Tcp(TcpStream, Vec<u8>),
    Tls(Box<Openssl>),
}

/// openssl, which carries what it is told inside TLS.
pub(crate) struct Openssl {
    _process: Child,
    mouth: ChildStdin,
    ear: ChildStdout,
    heard: Vec<u8>,
    /// Where the phone listens.
    at: SocketAddr,
}

impl Openssl {
    /// `openssl` with these words, for a phone that listens there.
    pub(crate) fn start(program: &Path, args: &[&str], at: SocketAddr) -> Self {
        let mut process = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            mouth: process.stdin.take().unwrap(),
            ear: process.stdout.take().unwrap(),
            _process: process,
            heard: Vec::new(),
            at,
        }
    }
}

impl Wire {
    pub(crate) async fn connect(daemon: &Daemon) -> Self {
        let stream = TcpStream::connect(daemon.addr("sip_tcp")).await.unwrap();
        Self::Tcp(stream, Vec::new())
    }

    /// Whoever connects to it next.
    pub(crate) async fn accept(listener: &TcpListener) -> Self {
        let accepted = timeout(LIMIT, listener.accept())
            .await
            .expect("nobody connects");
        Self::Tcp(accepted.unwrap().0, Vec::new())
    }

    fn via(&self) -> String {
        match self {
            Self::Udp(socket, _) => format!("SIP/2.0/UDP {}", socket.local_addr().unwrap()),
            Self::Tcp(stream, _) => format!("SIP/2.0/TCP {}", stream.local_addr().unwrap()),
            Self::Tls(openssl) => format!("SIP/2.0/TLS {}", openssl.at),
        }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        match self {
            Self::Udp(socket, to) => {
                socket.send_to(text.as_bytes(), *to).await.unwrap();
            }
            Self::Tcp(stream, _) => stream.write_all(text.as_bytes()).await.unwrap(),
            Self::Tls(openssl) => {
                openssl.mouth.write_all(text.as_bytes()).await.unwrap();
                openssl.mouth.flush().await.unwrap();
            }
        }
    }

    async fn receive(&mut self) -> String {
        match self {
            Self::Udp(socket, _) => {
                let mut buffer = [0; 4096];
                let length = socket.recv(&mut buffer).await.unwrap();
                String::from_utf8_lossy(&buffer[..length]).into_owned()
            }
            Self::Tcp(stream, rest) => next(stream, rest).await,
            Self::Tls(openssl) => next(&mut openssl.ear, &mut openssl.heard).await,
        }
    }

    /// The next message that begins so; others are passed over.
    pub(crate) async fn expects(&mut self, start: &str) -> String {
        let found = timeout(LIMIT, async {
            loop {
                let message = self.receive().await;
                if message.starts_with(start) {
                    return message;
                }
            }
        });
        found
            .await
            .unwrap_or_else(|_| panic!("never came: {start}"))
    }

    /// Says 200 to a request.
    pub(crate) async fn agrees(&mut self, request: &str) {
        let copied = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
        let copied = request
            .lines()
            .filter(|line| copied.iter().any(|name| line.starts_with(name)));
        let copied: Vec<&str> = copied.collect();
        let text = format!(
            "SIP/2.0 200 OK\r\n{}\r\nContent-Length: 0\r\n\r\n",
            copied.join("\r\n")
        );
        self.send(&text).await;
    }
}

/// The next message of a stream.
async fn next(stream: &mut (impl AsyncRead + Unpin), rest: &mut Vec<u8>) -> String {
    loop {
        if let Some(message) = whole(rest) {
            return message;
        }
        let length = stream.read_buf(rest).await.unwrap();
        assert!(length > 0, "the connection is gone");
    }
}

/// The first message in there, once it is all there.
fn whole(bytes: &mut Vec<u8>) -> Option<String> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (head, _) = text.split_once("\r\n\r\n")?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length:"));
    let length = length.map_or(0, |length| length.trim().parse::<usize>().unwrap());
    let end = head.len() + 4 + length;
    if bytes.len() < end {
        return None;
    }
    let message: Vec<u8> = bytes.drain(..end).collect();
    Some(String::from_utf8_lossy(&message).into_owned())
}

impl Phone {
    pub(crate) async fn over_udp(daemon: &Daemon, number: &'static str) -> Self {
        let sip = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let contact = format!("<sip:{number}@{}>", sip.local_addr().unwrap());
        let gateway = daemon.addr("sip");
        let to = gateway.parse().unwrap();
        Self::new(Wire::Udp(sip, to), gateway, (number, contact)).await
    }

    /// Its Contact is where it takes connections.
    pub(crate) async fn over_tcp(
        daemon: &Daemon,
        number: &'static str,
        listener: &TcpListener,
    ) -> Self {
        let at = listener.local_addr().unwrap();
        let contact = format!("<sip:{number}@{at};transport=tcp>");
        let wire = Wire::connect(daemon).await;
        Self::new(wire, daemon.addr("sip_tcp"), (number, contact)).await
    }

    /// The same inside TLS.
    pub(crate) async fn over_tls(daemon: &Daemon, number: &'static str, openssl: Openssl) -> Self {
        let contact = format!("<sip:{number}@{};transport=tls>", openssl.at);
        let wire = Wire::Tls(Box::new(openssl));
        Self::new(wire, daemon.addr("sip_tls"), (number, contact)).await
    }

    async fn new(wire: Wire, gateway: String, (number, contact): (&'static str, String)) -> Self {
        let rtp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let call = format!("{number}-{}", rtp.local_addr().unwrap().port());
        Self {
            wire,
            rtp,
            gateway,
            number,
            contact,
            call,
            tag: String::new(),
            cseq: 0,
            media: None,
            sent: 0,
        }
    }

    /// It speaks another way from now on.
    pub(crate) fn turns_to(&mut self, wire: Wire) {
        self.wire = wire;
    }

    pub(crate) const fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// The other side's tag.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// Another phone that wants this one's place says this.
    pub(crate) fn replaces(&self) -> String {
        let (call, tag) = (&self.call, &self.tag);
        format!("Replaces: {call};to-tag={tag};from-tag=phone\r\n")
    }

    /// Calls number 100, and waits until it is answered.
    pub(crate) async fn calls(&mut self, extra: &str) {
        self.says("INVITE", extra).await;
        let answer = self.wire.expects("SIP/2.0 200").await;
        self.learns(&answer);
        let port = answer.split("m=audio ").nth(1).unwrap();
        let port: u16 = port.split(' ').next().unwrap().parse().unwrap();
        self.media = Some(SocketAddr::from(([127, 0, 0, 1], port)));
        self.says("ACK", "").await;
    }

    /// Calls number 100, and waits until it rings.
    pub(crate) async fn rings(&mut self) {
        self.says("INVITE", "").await;
        let answer = self.wire.expects("SIP/2.0 180").await;
        self.learns(&answer);
    }

    /// The call is over by a final answer of this kind.
    pub(crate) async fn is_refused(&mut self, status: &str) {
        let answer = self.wire.expects(&format!("SIP/2.0 {status}")).await;
        let tag = self.tag.clone();
        self.learns(&answer);
        assert_eq!(tag, self.tag, "the tag that it rang by");
        self.says("ACK", "").await;
    }

    pub(crate) async fn hangs_up(&mut self) {
        self.says("BYE", "").await;
        self.wire.expects("SIP/2.0 200").await;
    }

    fn learns(&mut self, answer: &str) {
        let to = answer.lines().find(|line| line.starts_with("To:"));
        let tag = to.and_then(|to| to.split_once("tag="));
        tag.unwrap().1.clone_into(&mut self.tag);
    }

    /// Sends a request; an INVITE and a REFER with what belongs to them.
    pub(crate) async fn says(&mut self, method: &str, extra: &str) {
        if method != "ACK" {
            self.cseq += 1;
        }
        let (sdp, kind) = if method == "INVITE" {
            let port = self.rtp.local_addr().unwrap().port();
            let sdp = format!(
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                 m=audio {port} RTP/AVP 0\r\n"
            );
            (sdp, "Content-Type: application/sdp\r\n")
        } else {
            (String::new(), "")
        };
        let tag = if self.tag.is_empty() {
            String::new()
        } else {
            format!(";tag={}", self.tag)
        };
        // The ACK of a refusal belongs to its INVITE.
        let branch = format!("z9hG4bK{}{}", self.call, self.cseq);
        let text = format!(
            "{method} sip:100@{0} SIP/2.0\r\nVia: {1};branch={branch};rport\r\n\
             From: <sip:{2}@127.0.0.1>;tag=phone\r\nTo: <sip:100@{0}>{tag}\r\nCall-ID: {3}\r\n\
             CSeq: {4} {method}\r\nMax-Forwards: 70\r\nContact: {5}\r\n{extra}{kind}\
             Content-Length: {6}\r\n\r\n{sdp}",
            self.gateway,
            self.wire.via(),
            self.number,
            self.call,
            self.cseq,
            self.contact,
            sdp.len(),
        );
        self.wire.send(&text).await;
    }

    /// Speaks for a second.
    pub(crate) async fn speaks(&mut self) {
        let mut clock = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..50 {
            clock.tick().await;
            self.sent += 1;
            let header = Header {
                payload_type: 0,
                marker: self.sent == 1,
                sequence: self.sent,
                timestamp: u32::from(self.sent) * 160,
                ssrc: 7,
            };
            // A tone of 1 kHz.
            let sound = [0xff, 0x92, 0x8a, 0x92, 0xff, 0x12, 0x0a, 0x12].repeat(20);
            let to = self.media.unwrap();
            self.rtp.send_to(&header.write(&sound), to).await.unwrap();
        }
    }

    /// Hears a second of sound, and gives the stream's source.
    pub(crate) async fn hears(&self) -> u32 {
        let mut packet = [0; 2048];
        for _ in 0..50 {
            let heard = timeout(LIMIT, self.rtp.recv(&mut packet)).await;
            heard.expect("no sound").unwrap();
        }
        u32::from_be_bytes(packet[8..12].try_into().unwrap())
    }

    /// What is still on its way from a gateway that is dead.
    pub(crate) async fn hears_out(&self) {
        let mut packet = [0; 2048];
        while timeout(Duration::ZERO, self.rtp.recv(&mut packet))
            .await
            .is_ok()
        {}
    }
}
