//! File names from a template, confined to one directory.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use time::OffsetDateTime;
use time::macros::format_description;
use trunkline_base::id::{EgressId, RoomName};
use trunkline_base::time::UnixTime;

/// Longest part of a name that a room may fill: file systems stop at 255 bytes.
const MAX_PART: usize = 120;

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A placeholder nobody fills.
    #[error("{{{0}}} is unknown; known are room_name, time, utc, egress_id")]
    Placeholder(String),
    /// A brace without its partner.
    #[error("a brace is not closed")]
    Brace,
    /// It leads out of the directory, or nowhere.
    #[error("it must be a path inside the recording directory")]
    Outside,
}

/// What fills a template.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) room: RoomName,
    pub(super) egress: EgressId,
    pub(super) at: UnixTime,
}

/// A template that has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Room,
    Time,
    Utc,
    Egress,
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, NameError> {
        let path = Path::new(text);
        let inside = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !inside || path.file_name().is_none() || text.contains('\0') {
            return Err(NameError::Outside);
        }
        let mut pieces = Vec::new();
        for (index, part) in text.split('{').enumerate() {
            if index == 0 {
                pieces.push(plain(part)?);
                continue;
            }
            let (name, rest) = part.split_once('}').ok_or(NameError::Brace)?;
            pieces.push(match name {
                "room_name" => Piece::Room,
                "time" => Piece::Time,
                "utc" => Piece::Utc,
                "egress_id" => Piece::Egress,
                other => return Err(NameError::Placeholder(other.to_owned())),
            });
            pieces.push(plain(rest)?);
        }
        Ok(Self(pieces))
    }

    /// The path below the directory. Whatever a room is called, it fills one part of one name.
    pub(super) fn fill(&self, facts: &Facts) -> PathBuf {
        let filled: String = self
            .0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Room => safe(facts.room.as_str()),
                Piece::Egress => safe(facts.egress.as_str()),
                Piece::Time => moment(facts.at, false),
                Piece::Utc => moment(facts.at, true),
            })
            .collect();
        let mut path = PathBuf::from(filled);
        if path.extension().is_none_or(|extension| extension != "ogg") {
            path.as_mut_os_string().push(".ogg");
        }
        path
    }
}

fn plain(text: &str) -> Result<Piece, NameError> {
    if text.contains('}') {
        Err(NameError::Brace)
    } else {
        Ok(Piece::Text(text.to_owned()))
    }
}

/// Keeps letters and digits of any script and a few signs; never a separator, a leading dot or
/// something long.
fn safe(text: &str) -> String {
    let mut out = String::new();
    for sign in text.chars() {
        let keep = sign.is_alphanumeric() || matches!(sign, '-' | '_' | '+' | '@' | '.');
        let sign = if keep && !(sign == '.' && out.is_empty()) {
            sign
        } else {
            '_'
        };
        if out.len() + sign.len_utf8() > MAX_PART {
            break;
        }
        out.push(sign);
    }
    out
}

fn moment(at: UnixTime, digits: bool) -> String {
    let nanos = i128::from(at.millis()) * 1_000_000;
    let date =
        OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let format: &[_] = if digits {
        format_description!("[year][month][day][hour][minute][second][subsecond digits:3]")
    } else {
        format_description!("[year]-[month]-[day]T[hour][minute][second]")
    };
    date.format(format)
        .unwrap_or_else(|_| at.millis().to_string())
}

/// Makes the folders of `relative` below `root` and opens a new file there. An occupied name gets a
/// number. Links that lead out of `root` are refused.
pub(super) fn create(root: &Path, relative: &Path) -> io::Result<(std::fs::File, PathBuf)> {
    let wanted = root.join(relative);
    let folder = wanted.parent().unwrap_or(root);
    make_folder(folder)?;
    if !folder.canonicalize()?.starts_with(root.canonicalize()?) {
        let text = "the name leads out of the recording directory";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    for number in 1..1_000 {
        let path = if number == 1 {
            wanted.clone()
        } else {
            numbered(&wanted, number)
        };
        match std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
        {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// A folder that nobody else looks into, and those above it. One that is there stays as it is.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{number}.ogg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(template: &str, room: &str) -> String {
        let facts = Facts {
            room: RoomName::parse(room).unwrap(),
            egress: EgressId::parse("EG_abc").unwrap(),
            at: UnixTime(1_700_000_000_123),
        };
        Template::parse(template)
            .unwrap()
            .fill(&facts)
            .to_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn only_we_look_into_what_is_recorded() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        make_folder(&root.path().join("a/b")).unwrap();
        let (_file, path) = create(root.path(), Path::new("a/b/c/call.ogg")).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        for folder in path.ancestors().skip(1).take(3) {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
        make_folder(root.path()).unwrap();
    }

    #[test]
    fn placeholders_are_filled() {
        assert_eq!(
            name("{room_name}_{time}.ogg", "call-7"),
            "call-7_2023-11-14T221320.ogg"
        );
        assert_eq!(
            name("a/{egress_id}-{utc}", "x"),
            "a/EG_abc-20231114221320123.ogg"
        );
    }

    #[test]
    fn no_room_name_leads_anywhere_else() {
        for room in [
            "../../etc/passwd",
            "..",
            "/etc/x",
            "a\\b",
            "a\nb",
            ".hidden",
        ] {
            let name = name("{room_name}.ogg", room);
            assert!(!name.contains('/') && !name.starts_with('.'), "{name}");
        }
        assert!(name("{room_name}.ogg", &"é".repeat(120)).len() <= MAX_PART + 4);
    }

    #[test]
    fn a_template_that_leads_out_or_knows_no_name_is_refused() {
        assert_eq!(Template::parse("../{time}"), Err(NameError::Outside));
        assert_eq!(Template::parse("/abs/{time}"), Err(NameError::Outside));
        assert_eq!(Template::parse(""), Err(NameError::Outside));
        assert_eq!(Template::parse("{time"), Err(NameError::Brace));
        assert_eq!(
            Template::parse("{who}.ogg"),
            Err(NameError::Placeholder("who".to_owned()))
        );
    }

    #[test]
    fn an_occupied_name_gets_a_number_and_a_link_outside_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let relative = Path::new("calls/a.ogg");
        let (_, first) = create(root.path(), relative).unwrap();
        let (_, second) = create(root.path(), relative).unwrap();
        assert!(first.ends_with("calls/a.ogg") && second.ends_with("calls/a-2.ogg"));
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), root.path().join("out")).unwrap();
        assert!(create(root.path(), Path::new("out/a.ogg")).is_err());
    }
}
