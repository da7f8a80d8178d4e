//! `calls show --sip`: the ladder.

use serde_json::{Value, json};
use trunkline_base::time::UnixTime;
use trunkline_sip::capture::{Ladder, MediaLine, Rung, Step};
use trunkline_sip::endpoint::Flow;

use crate::clock;
use crate::output::plain;

/// Which letters a line is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Arrows and lines.
    Drawn,
    /// What every terminal and every log shows.
    Ascii,
}

struct Letters {
    post: char,
    line: char,
    right: char,
    left: char,
    gap: char,
}

impl Style {
    const fn letters(self) -> Letters {
        match self {
            Self::Drawn => Letters {
                post: '│',
                line: '─',
                right: '►',
                left: '◄',
                gap: '┊',
            },
            Self::Ascii => Letters {
                post: '|',
                line: '-',
                right: '>',
                left: '<',
                gap: ':',
            },
        }
    }
}

/// The ladder as text: the phone on the left, the gateway on the right.
pub(super) fn draw(ladder: &Ladder, style: Style) -> String {
    let Some(ends) = ladder.ends() else {
        return String::new();
    };
    let letters = style.letters();
    let (theirs, ours) = (ends.remote.to_string(), ends.local.to_string());
    let transport = ends.transport.word();
    let mut text = format!("{:MARGIN$}{theirs:<WIDTH$}  {ours} ({transport})\n", "");
    let mut began = None;
    for rung in &ladder.rungs {
        match rung {
            Rung::Missing(count) => {
                let gap = letters.gap;
                let said = format!("{count} messages are not kept");
                text.push_str(&format!("{:MARGIN$}{gap}{said:^WIDTH$}{gap}\n", ""));
            }
            Rung::Step(step) => {
                let began = *began.get_or_insert(step.at_us);
                text.push_str(&rung_of(step, began, ends, &letters));
            }
        }
    }
    text
}

fn rung_of(step: &Step, began: u64, ends: Flow, letters: &Letters) -> String {
    let post = letters.post;
    let at = clock::time_of_day(UnixTime(step.at_us / 1000));
    let since = step.at_us.saturating_sub(began) as f64 / 1e6;
    let mut line = format!("{at} {since:>+9.3}  {post}{}{post}", arrow(step, letters));
    for detail in details(step, ends) {
        line.push_str("  ");
        line.push_str(&plain(&detail));
    }
    format!("{}\n", line.trim_end())
}

/// What is said, on the line it goes along.
fn arrow(step: &Step, letters: &Letters) -> String {
    let number = step.cseq.as_deref().unwrap_or_default();
    let label = match &step.method {
        // A request names its own method.
        Some(_) => format!(
            "{} {}",
            step.what,
            number.split(' ').next().unwrap_or_default()
        ),
        None => format!("{} ({number})", step.what),
    };
    let label: String = plain(label.trim()).chars().take(WIDTH - 6).collect();
    let line = letters
        .line
        .to_string()
        .repeat(WIDTH - 3 - label.chars().count());
    if step.sent {
        format!("{}{line} {label} ", letters.left)
    } else {
        format!(" {label} {line}{}", letters.right)
    }
}

fn details(step: &Step, ends: Flow) -> Vec<String> {
    let mut all = Vec::new();
    if step.repeats > 0 {
        all.push(format!("[{} times]", step.repeats + 1));
    }
    if (step.flow.remote, step.flow.transport) != (ends.remote, ends.transport) {
        let (transport, remote) = (step.flow.transport.word(), step.flow.remote);
        all.push(format!("({transport} {remote})"));
    }
    all.extend(step.media.iter().map(media));
    all.extend(step.why.clone());
    all
}

fn media(line: &MediaLine) -> String {
    let Some(address) = &line.address else {
        return format!("{} refused", line.kind);
    };
    let codecs = line.codecs.join(",");
    let mut text = format!("{} {codecs} {address} {}", line.kind, line.direction);
    if !line.crypto.is_empty() {
        text.push_str(&format!(" {}", line.crypto.join(",")));
    }
    text
}

/// The ladder for programs.
pub(super) fn document(ladder: &Ladder) -> Value {
    let rungs = ladder.rungs.iter().map(|rung| match rung {
        Rung::Missing(count) => json!({ "missing": count }),
        Rung::Step(step) => json!({
            "seq": step.seq,
            "at": clock::rfc3339(UnixTime(step.at_us / 1000)),
            "at_us": step.at_us,
            "direction": if step.sent { "sent" } else { "received" },
            "transport": step.flow.transport.word(),
            "local": step.flow.local.to_string(),
            "remote": step.flow.remote.to_string(),
            "what": step.what,
            "method": step.method,
            "status": step.status,
            "cseq": step.cseq,
            "repeats": step.repeats,
            "why": step.why,
            "media": step.media.iter().map(described).collect::<Vec<Value>>(),
            "message": step.text,
        }),
    });
    rungs.collect()
}

fn described(line: &MediaLine) -> Value {
    json!({
        "kind": line.kind,
        "codecs": line.codecs,
        "address": line.address,
        "direction": line.direction,
        "crypto": line.crypto,
    })
}

/// Between the posts.
const WIDTH: usize = 38;

/// Before the left post: a time, and the time since the first message.
const MARGIN: usize = 24;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use trunkline_sip::capture::Captured;
    use trunkline_sip::endpoint::Transport;

    use super::*;

    fn message(seq: u64, sent: bool, text: &str) -> Captured {
        Captured {
            seq,
            at_us: 1_800_000_000_000_000 + seq * 20_000,
            sent,
            flow: Flow {
                transport: Transport::Udp,
                local: "192.0.2.1:5060".parse().unwrap(),
                remote: "198.51.100.7:5080".parse().unwrap(),
            },
            bytes: Bytes::copy_from_slice(text.as_bytes()),
        }
    }

    fn head(start: &str, cseq: &str) -> String {
        format!(
            "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
             Call-ID: c\r\nCSeq: {cseq}\r\n"
        )
    }

    fn call() -> Ladder {
        let sdp =
            "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\nc=IN IP4 192.0.2.9\r\nm=audio 4000 RTP/AVP 0\r\n";
        let invite = head("INVITE sip:100@h SIP/2.0", "1 INVITE");
        let invite = format!(
            "{invite}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            sdp.len()
        );
        let ok = head("SIP/2.0 200 OK", "1 INVITE") + "\r\n";
        let bye = head("BYE sip:a@h SIP/2.0", "2 BYE") + "Reason: Q.850;cause=16\u{9b}2J\r\n\r\n";
        Ladder::of(&[
            message(1, false, &invite),
            message(2, true, &ok),
            message(3, true, &ok),
            message(6, true, &bye),
        ])
    }

    #[test]
    fn a_call_is_drawn_as_people_know_it() {
        let text = draw(&call(), Style::Ascii);
        assert_eq!(
            text,
            "                        198.51.100.7:5080                       192.0.2.1:5060 (udp)\n\
             08:00:00.020    +0.000  | INVITE 1 --------------------------->|  audio PCMU 192.0.2.9:4000 sendrecv\n\
             08:00:00.040    +0.020  |<------------------ 200 OK (1 INVITE) |  [2 times]\n\
             \x20                       :       2 messages are not kept        :\n\
             08:00:00.120    +0.100  |<------------------------------ BYE 2 |  Reason: Q.850;cause=16\\u{9b}2J\n"
        );
    }

    #[test]
    fn every_line_between_the_posts_is_as_long() {
        for style in [Style::Drawn, Style::Ascii] {
            let post = style.letters().post;
            for line in draw(&call(), style)
                .lines()
                .filter(|line| line.contains(post))
            {
                let inside = line.split(post).nth(1).unwrap();
                assert_eq!(inside.chars().count(), WIDTH, "{line}");
            }
        }
        let long = Ladder::of(&[message(1, false, &"x".repeat(500))]);
        assert!(
            draw(&long, Style::Drawn)
                .lines()
                .all(|line| line.chars().count() < 90)
        );
    }

    #[test]
    fn programs_get_every_message_with_its_gaps() {
        let document = document(&call());
        assert_eq!(document[0]["media"][0]["codecs"][0], "PCMU");
        assert_eq!(document[1]["repeats"], 1);
        assert_eq!(document[2]["missing"], 2);
        assert_eq!(document[3]["method"], "BYE");
    }
}
