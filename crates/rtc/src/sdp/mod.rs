//! Session descriptions as text: read what a remote end asks for, amend what we answer.
//!
//! The WebRTC engine parses and prints SDP by itself. LiveKit needs a few lines to differ from
//! what an engine would print (unused sections inactive, stream ids that name a participant and
//! a track), so this module edits the printed text and reads the received one, line by line. It
//! accepts any text and never fails: what it cannot read it leaves as it is.

mod limits;
mod section;

pub use limits::Excess;
pub(crate) use limits::{check, check_answer, within};
pub use section::{Direction, Kind, Msid, Section};

use std::collections::BTreeMap;

/// A description cut into its session part and its media sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    session: Vec<String>,
    sections: Vec<Section>,
}

impl Description {
    /// Cuts `text` at its `m=` lines.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut session = Vec::new();
        let mut sections: Vec<Section> = Vec::new();
        for line in text.lines().map(|l| l.trim_end_matches('\r')) {
            if line.is_empty() {
                continue;
            }
            if line.starts_with("m=") {
                sections.push(Section::new(line));
            } else if let Some(section) = sections.last_mut() {
                section.push(line);
            } else {
                session.push(line.to_owned());
            }
        }
        Self { session, sections }
    }

    /// The media sections in their order.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The media sections, to amend.
    pub fn sections_mut(&mut self) -> &mut [Section] {
        &mut self.sections
    }

    /// The section with this `a=mid`.
    #[must_use]
    pub fn section(&self, mid: &str) -> Option<&Section> {
        self.sections.iter().find(|s| s.mid() == Some(mid))
    }

    /// Every section that has an `a=mid`, by it.
    #[must_use]
    pub fn by_mid(&self) -> BTreeMap<&str, &Section> {
        let sections = self.sections.iter();
        sections.filter_map(|s| Some((s.mid()?, s))).collect()
    }

    /// ICE user fragment and password, those of the whole description or else its first.
    #[must_use]
    pub fn credentials(&self) -> Option<(&str, &str)> {
        let sections = self.sections.iter().flat_map(Section::lines);
        let find = |prefix: &str| {
            let mut lines = self.session.iter().chain(sections.clone());
            lines.find_map(|l| l.strip_prefix(prefix)).map(str::trim)
        };
        Some((find("a=ice-ufrag:")?, find("a=ice-pwd:")?))
    }

    /// Replaces every session line beginning with `prefix` by `line`.
    pub fn replace_session_line(&mut self, prefix: &str, line: &str) {
        for existing in self.session.iter_mut().filter(|l| l.starts_with(prefix)) {
            line.clone_into(existing);
        }
    }
}

impl std::fmt::Display for Description {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = self
            .session
            .iter()
            .chain(self.sections.iter().flat_map(Section::lines));
        for line in lines {
            write!(f, "{line}\r\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=msid-semantic: WMS x\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=mid:0\r\na=sendonly\r\na=msid:PA_a|TR_b TR_b\r\n\
        a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=ssrc:7 cname:c\r\n\
        a=ssrc:7 msid:x y\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n";

    #[test]
    fn printing_gives_the_text_back() {
        assert_eq!(Description::parse(TEXT).to_string(), TEXT);
    }

    #[test]
    fn sections_are_read() {
        let d = Description::parse(TEXT);
        let audio = d.section("0").unwrap();
        assert_eq!(audio.kind(), Kind::Audio);
        assert_eq!(audio.direction(), Direction::SendOnly);
        assert_eq!(audio.msid().unwrap().stream, "PA_a|TR_b");
        assert_eq!(d.section("1").unwrap().kind(), Kind::Application);
        assert_eq!(d.section("7"), None);
    }

    #[test]
    fn an_inactive_section_announces_no_source() {
        let mut d = Description::parse(TEXT);
        d.sections_mut()[0].set_direction(Direction::Inactive);
        d.sections_mut()[0].remove_sources();
        let text = d.to_string();
        assert!(text.contains("a=inactive\r\n"));
        assert!(!text.contains("msid:PA") && !text.contains("a=ssrc"));
    }

    #[test]
    fn msid_replaces_both_spellings() {
        let mut d = Description::parse(TEXT);
        d.sections_mut()[0].set_msid(&Msid::new("S", "T"));
        let text = d.to_string();
        assert!(text.contains("a=msid:S T\r\n") && text.contains("a=ssrc:7 msid:S T\r\n"));
    }

    #[test]
    fn opus_parameters_are_appended_once() {
        let mut d = Description::parse(TEXT);
        d.sections_mut()[0].add_fmtp("opus", "usedtx=1");
        d.sections_mut()[0].add_fmtp("opus", "usedtx=1");
        let text = d.to_string();
        assert!(text.contains("a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r\n"));
    }
}
