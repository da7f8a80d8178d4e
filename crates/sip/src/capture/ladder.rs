//! A call's messages as people read them: one rung for each, repeats folded into the first, gaps told,
//! and of a description no more than what was agreed upon.

use crate::endpoint::Flow;
use crate::message::{Headers, Message, name, parse, sdp_of};
use crate::sdp::Session;

use super::Captured;

/// The messages of one call, in their order.
#[derive(Clone, PartialEq, Eq)]
pub struct Ladder {
    /// From the first to the last.
    pub rungs: Vec<Rung>,
}

/// One line of a ladder.
#[derive(Clone, PartialEq, Eq)]
pub enum Rung {
    /// A message.
    Step(Box<Step>),
    /// So many messages were not kept here.
    Missing(u64),
}

/// A message, read.
#[derive(Clone, PartialEq, Eq)]
pub struct Step {
    /// Its place among all of the call.
    pub seq: u64,
    /// Microseconds since the Unix epoch.
    pub at_us: u64,
    /// Did we send it?
    pub sent: bool,
    /// Which way it went.
    pub flow: Flow,
    /// `INVITE`, or `200 OK`; what its first line says where it cannot be read.
    pub what: String,
    /// A request's method.
    pub method: Option<String>,
    /// A response's status.
    pub status: Option<u16>,
    /// Such as `1 INVITE`.
    pub cseq: Option<String>,
    /// What it says of sound.
    pub media: Vec<MediaLine>,
    /// Why, in its own words: of Reason, Warning, or Refer-To.
    pub why: Option<String>,
    /// How often it came again, byte for byte.
    pub repeats: u32,
    /// All of it.
    pub text: String,
}

/// One section of a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaLine {
    /// `audio`, mostly.
    pub kind: String,
    /// Names of codecs, best first.
    pub codecs: Vec<String>,
    /// Where its packets are to go; nothing for one that is refused.
    pub address: Option<String>,
    /// `sendrecv` and such.
    pub direction: &'static str,
    /// What its packets are encrypted with, without the keys.
    pub crypto: Vec<String>,
}

impl Ladder {
    /// Of messages in their order.
    pub fn of(messages: &[Captured]) -> Self {
        let mut rungs: Vec<Rung> = Vec::new();
        let mut next = 1;
        for message in messages {
            if message.seq > next {
                rungs.push(Rung::Missing(message.seq - next));
            }
            next = message.seq + 1;
            match repeated(&mut rungs, message) {
                Some(step) => step.repeats += 1,
                None => rungs.push(Rung::Step(Box::new(Step::read(message)))),
            }
        }
        Self { rungs }
    }

    /// Whom the first message was exchanged with, and over which end of ours.
    pub fn ends(&self) -> Option<Flow> {
        self.rungs.iter().find_map(|rung| match rung {
            Rung::Step(step) => Some(step.flow),
            Rung::Missing(_) => None,
        })
    }
}

/// The rung of a message that was there before, byte for byte.
fn repeated<'a>(rungs: &'a mut [Rung], message: &Captured) -> Option<&'a mut Step> {
    let text = text(&message.bytes);
    rungs.iter_mut().rev().find_map(|rung| match rung {
        Rung::Step(step) if step.sent == message.sent && step.text == text => Some(&mut **step),
        Rung::Step(_) | Rung::Missing(_) => None,
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Step {
    fn read(message: &Captured) -> Self {
        let text = text(&message.bytes);
        let mut step = Self {
            seq: message.seq,
            at_us: message.at_us,
            sent: message.sent,
            flow: message.flow,
            what: text.lines().next().unwrap_or_default().to_owned(),
            method: None,
            status: None,
            cseq: None,
            media: Vec::new(),
            why: None,
            repeats: 0,
            text,
        };
        match parse(&message.bytes) {
            Ok(Message::Request(request)) => {
                step.what = request.method.to_string();
                step.method = Some(request.method.to_string());
                step.learn(&request.headers, &request.body);
            }
            Ok(Message::Response(response)) => {
                step.what = format!("{} {}", response.status, response.reason);
                step.status = Some(response.status);
                step.learn(&response.headers, &response.body);
            }
            Err(_) => {}
        }
        step
    }

    fn learn(&mut self, headers: &Headers, body: &bytes::Bytes) {
        self.cseq = headers.get(name::CSEQ).map(str::to_owned);
        let whys = [name::REASON, name::WARNING, name::REFER_TO];
        self.why = whys.iter().find_map(|why| {
            let value = headers.get(why)?;
            Some(format!("{why}: {value}"))
        });
        let description = sdp_of(headers, body).unwrap_or_default();
        if let Ok(session) = Session::parse(&description) {
            self.media = media(&session);
        }
    }
}

fn media(session: &Session) -> Vec<MediaLine> {
    let lines = session.media.iter().map(|media| {
        let names = media.formats.iter().map(|format| {
            let known = format
                .parse()
                .ok()
                .and_then(|number| media.encoding(number));
            known.map_or_else(|| format.clone(), |(name, _)| name)
        });
        let suites = media.attributes.iter().filter(|a| a.name == "crypto");
        let suite = |value: &str| value.split_whitespace().nth(1).map(str::to_owned);
        MediaLine {
            kind: media.kind.clone(),
            codecs: names.collect(),
            address: session.address(media).map(|address| address.to_string()),
            direction: session.direction(media).as_str(),
            crypto: suites
                .filter_map(|a| a.value.as_deref().and_then(suite))
                .collect(),
        }
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::tests::message;
    use crate::endpoint::Transport;

    fn invite(port: u16) -> String {
        let body = format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
             m=audio {port} RTP/SAVP 8 97 101\r\na=rtpmap:97 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n\
             a=sendonly\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xxx\r\nm=video 0 RTP/AVP 31\r\n"
        );
        format!(
            "INVITE sip:100@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
             To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    const GONE: &str = "SIP/2.0 487 Request Terminated\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
         To: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nReason: Q.850;cause=16\r\nContent-Length: 0\r\n\r\n";

    fn step(rung: &Rung) -> &Step {
        match rung {
            Rung::Step(step) => step,
            Rung::Missing(count) => panic!("{count} are missing"),
        }
    }

    #[test]
    fn a_description_is_told_by_what_matters() {
        let ladder = Ladder::of(&[message(1, false, Transport::Udp, &invite(4000))]);
        let step = step(&ladder.rungs[0]);
        assert_eq!(
            (step.what.as_str(), step.cseq.as_deref()),
            ("INVITE", Some("1 INVITE"))
        );
        let audio = MediaLine {
            kind: "audio".to_owned(),
            codecs: ["PCMA", "OPUS", "TELEPHONE-EVENT"]
                .map(str::to_owned)
                .to_vec(),
            address: Some("192.0.2.9:4000".to_owned()),
            direction: "sendonly",
            crypto: vec!["AES_CM_128_HMAC_SHA1_80".to_owned()],
        };
        assert_eq!(step.media[0], audio);
        assert_eq!(step.media[1].address, None);
    }

    #[test]
    fn repeats_are_folded_by_direction_and_gaps_are_told() {
        let udp = Transport::Udp;
        let ladder = Ladder::of(&[
            message(1, false, udp, &invite(4000)),
            message(2, false, udp, &invite(4000)),
            message(3, true, udp, &invite(4000)),
            message(9, true, udp, GONE),
            message(10, true, udp, GONE),
            message(11, false, udp, &invite(4000)),
        ]);
        assert_eq!(ladder.rungs.len(), 4);
        assert_eq!(step(&ladder.rungs[0]).repeats, 2);
        assert_eq!(step(&ladder.rungs[1]).repeats, 0);
        assert!(matches!(ladder.rungs[2], Rung::Missing(5)));
        let last = step(&ladder.rungs[3]);
        assert_eq!((last.status, last.repeats), (Some(487), 1));
        assert_eq!(last.why.as_deref(), Some("Reason: Q.850;cause=16"));
    }

    #[test]
    fn the_first_messages_may_be_missing_and_noise_is_shown_by_its_first_line() {
        let ladder = Ladder::of(&[message(4, true, Transport::Tcp, "what is\r\nthis")]);
        assert!(matches!(ladder.rungs[0], Rung::Missing(3)));
        assert_eq!(step(&ladder.rungs[1]).what, "what is");
    }
}
