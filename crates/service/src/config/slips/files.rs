//! Files that are no text, another program's, or meant to harm.

use std::path::Path;

use super::*;

fn read(bytes: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.yaml");
    std::fs::write(&path, bytes).unwrap();
    let mut report = Report::new();
    assert!(Source::read(&path, &mut report).is_none());
    report.to_string()
}

#[test]
fn a_file_that_is_no_text_is_told_as_such() {
    let told = read(b"# Schl\xfcssel\nsip:\n");
    assert!(
        told.contains("a.yaml:1:7: the byte 0xFC is no UTF-8"),
        "{told}"
    );
    assert!(told.contains("iconv"), "{told}");
    let wide: Vec<u8> = "sip:\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [wide.clone(), [&[0xff, 0xfe], wide.as_slice()].concat()] {
        let told = read(&bytes);
        assert!(
            told.contains("is UTF-16") && told.contains("save it as UTF-8"),
            "{told}"
        );
    }
    let mut report = Report::new();
    assert!(Source::read(Path::new("/"), &mut report).is_none());
    let told = report.to_string();
    assert!(told.contains("/: is a directory"), "{told}");
}

/// Another program's file holds secrets, and means its dollars.
#[test]
fn no_line_of_a_foreign_file_is_shown() {
    let mut report = Report::new();
    let text = "dir: ${hunter2}\nenabled: hunter2\n";
    let raw: Option<RawRecording> =
        Source::foreign("lk.yaml", text).parse(&Environment::default(), &mut report);
    assert!(raw.is_none());
    let told = report.to_string();
    assert!(told.starts_with("lk.yaml:2:10: "), "{told}");
    assert!(!told.contains(" | "), "{told}");
    let text = "dir: ${hunter2}\n";
    let raw: Option<RawRecording> =
        Source::foreign("lk.yaml", text).parse(&Environment::default(), &mut report);
    assert_eq!(raw.unwrap().dir.as_deref(), Some("${hunter2}"));
}

/// A terminal does as it is told: what a file holds is shown, and not obeyed.
#[test]
fn no_sign_of_a_file_reaches_the_terminal_as_it_is() {
    let told = parse("sip: {\"udp\\e[2J\": a, calls: \u{202e}b}\n").unwrap_err();
    let odd = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!told.contains(odd), "{told:?}");
}
