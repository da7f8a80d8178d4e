//! One media section of a description.

/// What a section carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `m=audio`
    Audio,
    /// `m=video`
    Video,
    /// `m=application`: data channels
    Application,
    /// anything else
    Other,
}

/// Which way media flows, seen from the writer of the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// both ways
    SendRecv,
    /// the writer sends
    SendOnly,
    /// the writer receives
    RecvOnly,
    /// nothing flows
    Inactive,
}

impl Direction {
    /// True if the writer of the description sends.
    #[must_use]
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    fn from_line(line: &str) -> Option<Self> {
        match line {
            "a=sendrecv" => Some(Self::SendRecv),
            "a=sendonly" => Some(Self::SendOnly),
            "a=recvonly" => Some(Self::RecvOnly),
            "a=inactive" => Some(Self::Inactive),
            _ => None,
        }
    }

    fn line(self) -> &'static str {
        match self {
            Self::SendRecv => "a=sendrecv",
            Self::SendOnly => "a=sendonly",
            Self::RecvOnly => "a=recvonly",
            Self::Inactive => "a=inactive",
        }
    }
}

/// Stream and track id of a sender (RFC 8830).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Msid {
    /// The stream, for LiveKit `PA_..|TR_..`.
    pub stream: String,
    pub track: String,
}

impl Msid {
    /// Both ids.
    #[must_use]
    pub fn new(stream: &str, track: &str) -> Self {
        Self {
            stream: stream.to_owned(),
            track: track.to_owned(),
        }
    }

    fn parse(value: &str) -> Self {
        let mut words = value.split_whitespace();
        let stream = words.next().unwrap_or_default();
        Self::new(stream, words.next().unwrap_or_default())
    }
}

/// A media section: its `m=` line and everything up to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    lines: Vec<String>,
}

impl Section {
    pub(super) fn new(m_line: &str) -> Self {
        Self {
            lines: vec![m_line.to_owned()],
        }
    }

    pub(super) fn push(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &String> + Clone {
        self.lines.iter()
    }

    /// What the section carries.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.m_line().split(' ').next() {
            Some("m=audio") => Kind::Audio,
            Some("m=video") => Kind::Video,
            Some("m=application") => Kind::Application,
            _ => Kind::Other,
        }
    }

    /// The `a=mid` of the section.
    #[must_use]
    pub fn mid(&self) -> Option<&str> {
        self.value("a=mid:")
    }

    /// The direction; absent means both ways.
    #[must_use]
    pub fn direction(&self) -> Direction {
        let written = self.lines.iter().find_map(|l| Direction::from_line(l));
        written.unwrap_or(Direction::SendRecv)
    }

    /// True if the section was refused or stopped: port 0 outside a bundle.
    #[must_use]
    pub fn rejected(&self) -> bool {
        let zero = self.m_line().split(' ').nth(1) == Some("0");
        zero && !self.lines.iter().any(|l| l == "a=bundle-only")
    }

    /// Stream and track, from `a=msid` or the older `a=ssrc:.. msid:`.
    #[must_use]
    pub fn msid(&self) -> Option<Msid> {
        let older = || {
            let mut sources = self.lines.iter().filter(|l| l.starts_with("a=ssrc:"));
            sources.find_map(|l| l.split_once(" msid:").map(|(_, v)| v))
        };
        self.value("a=msid:").or_else(older).map(Msid::parse)
    }

    /// Sources of the writer of the description.
    pub fn sources(&self) -> impl Iterator<Item = u32> {
        let lines = self.lines.iter().filter_map(|l| l.strip_prefix("a=ssrc:"));
        lines.filter_map(|l| l.split(' ').next()?.parse().ok())
    }

    /// Encoding names of the payload types, in the order of their lines.
    pub fn codec_names(&self) -> impl Iterator<Item = &str> {
        let maps = self
            .lines
            .iter()
            .filter_map(|l| l.strip_prefix("a=rtpmap:"));
        maps.filter_map(|m| m.split_once(' ')?.1.split('/').next())
    }

    /// Writes the direction in place of the present one.
    pub fn set_direction(&mut self, direction: Direction) {
        match self
            .lines
            .iter()
            .position(|l| Direction::from_line(l).is_some())
        {
            Some(at) => direction.line().clone_into(&mut self.lines[at]),
            None => self.lines.push(direction.line().to_owned()),
        }
    }

    /// Removes every trace of a sender: msid, sources, source groups, cname.
    pub fn remove_sources(&mut self) {
        const SENDER: [&str; 3] = ["a=msid:", "a=ssrc:", "a=ssrc-group:"];
        self.lines
            .retain(|l| !SENDER.iter().any(|p| l.starts_with(p)));
    }

    /// Names the sender of this section.
    pub fn set_msid(&mut self, msid: &Msid) {
        let value = format!("{} {}", msid.stream, msid.track);
        let mut written = false;
        for line in &mut self.lines {
            if line.starts_with("a=msid:") {
                *line = format!("a=msid:{value}");
                written = true;
            } else if line.starts_with("a=ssrc:")
                && let Some((source, _)) = line.split_once(" msid:")
            {
                *line = format!("{source} msid:{value}");
            }
        }
        if !written {
            self.lines.push(format!("a=msid:{value}"));
        }
    }

    /// Adds a format parameter for a codec unless it is there.
    pub fn add_fmtp(&mut self, codec: &str, parameter: &str) {
        let Some(pt) = self.payload_type(codec).map(str::to_owned) else {
            return;
        };
        let prefix = format!("a=fmtp:{pt} ");
        match self.lines.iter_mut().find(|l| l.starts_with(&prefix)) {
            Some(line) if line.contains(parameter) => {}
            Some(line) => {
                line.push(';');
                line.push_str(parameter);
            }
            None => self.lines.push(format!("{prefix}{parameter}")),
        }
    }

    fn payload_type(&self, codec: &str) -> Option<&str> {
        self.lines.iter().find_map(|l| {
            let (pt, map) = l.strip_prefix("a=rtpmap:")?.split_once(' ')?;
            let name = map.split('/').next()?;
            name.eq_ignore_ascii_case(codec).then_some(pt)
        })
    }

    fn value(&self, prefix: &str) -> Option<&str> {
        self.lines
            .iter()
            .find_map(|l| l.strip_prefix(prefix))
            .map(str::trim)
    }

    fn m_line(&self) -> &str {
        self.lines.first().map_or("", String::as_str)
    }
}
