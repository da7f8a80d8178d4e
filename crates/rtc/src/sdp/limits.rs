//! How much a description may ask for.
//!
//! Reading and agreeing on a description costs more than its length: the engine compares sections
//! with sections and codecs with codecs, and every later packet pays for what was agreed. So a
//! stranger's description is counted first, in one pass over its text, and refused by what it has
//! too much of. The limits are far above what browsers and phones write.

/// Longest description. Hundreds of sections fit.
const BYTES: usize = 512 * 1024;
/// Media sections; the largest room admits fewer participants.
const SECTIONS: usize = 512;
/// Lines of one section, or before the first. A browser's video section has about 250.
const LINES: usize = 1_024;
/// Length of a line.
const LINE: usize = 4_096;
/// Length of the one line that names every section.
const GROUP_LINE: usize = 24 * 1024;
/// Payload types of a section: RTP numbers no more.
const PAYLOAD_TYPES: usize = 128;
/// Candidates of the whole description.
const CANDIDATES: usize = 256;
/// Sources of a section; a browser's simulcast with repair has six, each on up to four lines.
const SOURCE_LINES: usize = 64;
/// Header extensions of a section.
const EXTENSIONS: usize = 64;
/// Restrictions (`a=rid`) of a section.
const RIDS: usize = 16;

/// A description has too much of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{found} {what}, at most {limit} are taken")]
pub struct Excess {
    pub what: &'static str,
    /// How much of it, or how much had been counted when it was given up.
    pub found: usize,
    /// How much is taken.
    pub limit: usize,
}

/// Counts what an offer asks for.
///
/// # Errors
/// What it has too much of.
pub(crate) fn check(text: &str) -> Result<(), Excess> {
    within("bytes of description", text.len(), BYTES)?;
    check_sections(text, SECTIONS)
}

/// Counts what the answer to an offer of ours asks for. Our offer may be longer than what we take
/// from a stranger; its answer has as many sections, and an engine's answer is no longer.
///
/// # Errors
/// What it has too much of.
pub(crate) fn check_answer(text: &str, offered: usize) -> Result<(), Excess> {
    let bytes = BYTES.max(offered * BYTES / SECTIONS);
    within("bytes of description", text.len(), bytes)?;
    check_sections(text, offered)
}

fn check_sections(text: &str, limit: usize) -> Result<(), Excess> {
    let sections = text.lines().filter(|l| l.starts_with("m=")).count();
    within("media sections", sections, limit)?;
    let mut candidates = 0;
    let mut section = Tally::default();
    for line in text.lines() {
        if line.starts_with("m=") {
            section = Tally::default();
        }
        section.count(line)?;
        candidates += usize::from(line.starts_with("a=candidate:"));
    }
    within("candidates", candidates, CANDIDATES)
}

/// What one section has so far.
#[derive(Debug, Default)]
struct Tally {
    lines: usize,
    maps: usize,
    parameters: usize,
    sources: usize,
    extensions: usize,
    rids: usize,
}

impl Tally {
    fn count(&mut self, line: &str) -> Result<(), Excess> {
        self.lines += 1;
        within("lines in a section", self.lines, LINES)?;
        let longest = if line.starts_with("a=group:") {
            GROUP_LINE
        } else {
            LINE
        };
        within("bytes in a line", line.len(), longest)?;
        let Some((name, value)) = line.split_once([':', '=']) else {
            return Ok(());
        };
        // `a=name:value`, or `m=value`.
        let name = if name == "a" {
            value.split(':').next().unwrap_or_default()
        } else {
            name
        };
        match name {
            "m" => {
                let formats = line.split(' ').skip(3).count();
                within("payload types in a section", formats, PAYLOAD_TYPES)
            }
            "rtpmap" => more("codecs in a section", &mut self.maps, PAYLOAD_TYPES),
            "fmtp" => more(
                "format parameters in a section",
                &mut self.parameters,
                PAYLOAD_TYPES,
            ),
            "ssrc" | "ssrc-group" => {
                more("source lines in a section", &mut self.sources, SOURCE_LINES)
            }
            "extmap" => more(
                "header extensions in a section",
                &mut self.extensions,
                EXTENSIONS,
            ),
            "rid" => more("restrictions in a section", &mut self.rids, RIDS),
            _ => Ok(()),
        }
    }
}

fn more(what: &'static str, count: &mut usize, limit: usize) -> Result<(), Excess> {
    *count += 1;
    within(what, *count, limit)
}

pub(crate) const fn within(what: &'static str, found: usize, limit: usize) -> Result<(), Excess> {
    if found > limit {
        return Err(Excess { what, found, limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";

    fn sections(count: usize) -> String {
        let section = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n";
        HEAD.to_owned() + &section.repeat(count)
    }

    fn refused(text: &str) -> &'static str {
        check(text).map_or_else(|excess| excess.what, |()| "nothing")
    }

    #[test]
    fn what_browsers_write_is_taken() {
        for offer in [
            include_str!("../../tests/fixtures/chrome_v0_publisher.sdp"),
            include_str!("../../tests/fixtures/chrome_v1_single.sdp"),
            include_str!("../../tests/fixtures/libwebrtc_sdk_single.sdp"),
        ] {
            assert_eq!(check(offer), Ok(()));
        }
        assert_eq!(check(&sections(SECTIONS)), Ok(()));
    }

    /// Six offers of 4,000 sections held every room of a node for four seconds.
    #[test]
    fn a_description_is_refused_by_what_it_has_too_much_of() {
        let excess = check(&sections(4_000)).unwrap_err();
        assert_eq!(
            excess.to_string(),
            "4000 media sections, at most 512 are taken"
        );
        let one = sections(1);
        for (line, what) in [
            (
                "a=candidate:1 1 udp 1 10.0.0.1 1 typ host\r\n",
                "candidates",
            ),
            ("a=rtpmap:96 x/8000\r\n", "codecs in a section"),
            ("a=fmtp:96 x=1\r\n", "format parameters in a section"),
            ("a=ssrc:1 cname:x\r\n", "source lines in a section"),
            ("a=ssrc-group:FID 1 2\r\n", "source lines in a section"),
            ("a=extmap:1 urn:x\r\n", "header extensions in a section"),
            ("a=rid:1 send\r\n", "restrictions in a section"),
        ] {
            assert_eq!(refused(&(one.clone() + &line.repeat(300))), what);
        }
        let lines = one + &"whatever\r\n".repeat(LINES);
        assert_eq!(refused(&lines), "lines in a section");
        let types = "m=audio 9 UDP/TLS/RTP/SAVPF".to_owned() + &" 1".repeat(200);
        assert_eq!(refused(&types), "payload types in a section");
        let long = format!("a=fmtp:1 {}", "x".repeat(5_000));
        assert_eq!(refused(&long), "bytes in a line");
        assert_eq!(refused(&"x".repeat(BYTES + 1)), "bytes of description");
    }
}
