//! A telephone that costs next to nothing: a few lines of SIP, and RTP as bytes.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::time::timeout;

/// For an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answered call.
pub(crate) struct Line {
    sip: UdpSocket,
    /// Connected to where the gateway takes sound.
    pub(crate) rtp: UdpSocket,
    /// From the INVITE to its answer.
    pub(crate) took: Duration,
    /// What every request of the call says.
    head: Head,
}

/// Why there is no call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("refused with {status} after {took:?}{}", in_words(.why.as_deref()))]
    Status {
        status: u16,
        took: Duration,
        /// Its Warning, else its Reason.
        why: Option<String>,
    },
    #[error("no answer")]
    Silence,
    #[error("the answer has no {0}")]
    Unreadable(&'static str),
    #[error(transparent)]
    Io(#[from] io::Error),
}

struct Head {
    target: String,
    to: String,
    id: String,
    local: SocketAddr,
}

impl Head {
    fn request(&self, method: &str, number: u32, body: &str) -> String {
        let Self {
            target,
            to,
            id,
            local,
        } = self;
        let content = if body.is_empty() {
            String::new()
        } else {
            "Content-Type: application/sdp\r\n".to_owned()
        };
        format!(
            "{method} {target} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {local};branch=z9hG4bK{id}{method}{number}\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:bench-{id}@{local}>;tag={id}\r\n\
             To: {to}\r\n\
             Call-ID: {id}\r\n\
             CSeq: {number} {method}\r\n\
             Contact: <sip:bench@{local}>\r\n\
             {content}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

impl Line {
    /// Calls a number, offering one payload type.
    pub(crate) async fn call(
        gateway: SocketAddr,
        number: usize,
        offered: &str,
    ) -> Result<Self, Refused> {
        let sip = UdpSocket::bind("127.0.0.1:0").await?;
        sip.connect(gateway).await?;
        let rtp = UdpSocket::bind("127.0.0.1:0").await?;
        let port = rtp.local_addr()?.port();
        let mut head = Head {
            target: format!("sip:{number}@{gateway}"),
            to: format!("<sip:{number}@{gateway}>"),
            id: format!("{:016x}", rand::random::<u64>()),
            local: sip.local_addr()?,
        };
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {offered}\r\na=ptime:20\r\n"
        );
        let placed = Instant::now();
        sip.send(head.request("INVITE", 1, &sdp).as_bytes()).await?;
        let answer = timeout(PATIENCE, final_answer(&sip))
            .await
            .map_err(|_| Refused::Silence)??;
        let took = placed.elapsed();
        head.to = header(&answer, "to").ok_or(Refused::Unreadable("To"))?;
        let status = status(&answer).unwrap_or(0);
        if status != 200 {
            // Of the INVITE's own transaction.
            let ack = head
                .request("ACK", 1, "")
                .replacen("ACK1\r\n", "INVITE1\r\n", 1);
            sip.send(ack.as_bytes()).await?;
            let why = header(&answer, "warning").or_else(|| header(&answer, "reason"));
            return Err(Refused::Status { status, took, why });
        }
        let contact = header(&answer, "contact").ok_or(Refused::Unreadable("Contact"))?;
        let (_, target) = contact.split_once('<').ok_or(Refused::Unreadable("URI"))?;
        head.target = target.split('>').next().unwrap_or_default().to_owned();
        sip.send(head.request("ACK", 1, "").as_bytes()).await?;
        let media = media(&answer).ok_or(Refused::Unreadable("media"))?;
        rtp.connect(media).await?;
        Ok(Self {
            sip,
            rtp,
            took,
            head,
        })
    }

    /// Ends the call and waits for the answer to that, a moment at most.
    pub(crate) async fn hang_up(self) {
        let bye = self.head.request("BYE", 2, "");
        if self.sip.send(bye.as_bytes()).await.is_ok() {
            let _ = timeout(PATIENCE, final_answer(&self.sip)).await;
        }
    }
}

fn in_words(why: Option<&str>) -> String {
    why.map(|why| format!(": {why}")).unwrap_or_default()
}

async fn final_answer(sip: &UdpSocket) -> io::Result<String> {
    let mut buffer = vec![0; 4096];
    loop {
        let length = sip.recv(&mut buffer).await?;
        let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
        if status(&text).is_some_and(|status| status >= 200) {
            return Ok(text.into_owned());
        }
    }
}

fn status(message: &str) -> Option<u16> {
    let rest = message.strip_prefix("SIP/2.0 ")?;
    rest.get(..3)?.parse().ok()
}

fn header(message: &str, name: &str) -> Option<String> {
    message.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    })
}

fn media(answer: &str) -> Option<SocketAddr> {
    let after = |start: &str| answer.lines().find_map(|line| line.strip_prefix(start));
    let host = after("c=IN IP4 ")?.trim().parse().ok()?;
    let port = after("m=audio ")?.split(' ').next()?.parse().ok()?;
    Some(SocketAddr::new(host, port))
}
