//! The slips of people who write configuration files: each is told where it is, what it is and how
//! to mend it, in words that are not a library's.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::*;

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    sip: RawSip,
    recording: RawRecording,
    trunks: Vec<RawTrunk>,
    texts: BTreeMap<String, RawRecording>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
struct RawSip {
    udp: Option<Spanned<String>>,
    public_ip: Option<Spanned<String>>,
    calls: Option<Spanned<u64>>,
    share: Option<f32>,
    codecs: Vec<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
struct RawRecording {
    enabled: Option<bool>,
    dir: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct RawTrunk {
    key: Spanned<String>,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
}

fn parse(text: &str) -> Result<Raw, String> {
    let mut report = Report::new();
    let env = Environment::from([("FLAG", "0")]);
    let raw = Source::new("a.yaml", text).parse(&env, &mut report);
    report.finish(raw).map_err(|report| report.to_string())
}

/// Words of the parser, of serde and of Rust.
const FOREIGN: &[&str] = &[
    "Policy",
    "Options",
    "from_str",
    "scalar",
    "mapping",
    "sequence",
    "struct",
    "deserialize",
    "invalid type",
    "missing field",
    "unknown field",
    "u64",
    "f32",
    "Option<",
    "flow",
    "token",
    "EOF",
    "eof",
    "Budget",
    "breach",
    "alias",
    "variant",
    " at line ",
];

/// A text, where it is wrong, what is said of it, and how to mend it.
type Slip<'a> = (&'a str, &'a str, &'a str, &'a str);

fn told(slips: &[Slip<'_>]) {
    let wrong: Vec<String> = slips.iter().filter_map(|slip| ill_told(*slip)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn ill_told((text, place, what, remedy): Slip<'_>) -> Option<String> {
    let Err(told) = parse(text) else {
        return Some(format!("nothing is wrong with\n{text}"));
    };
    // A place without its column is a line.
    let at = told.starts_with(&format!("a.yaml:{place}:"));
    let own = told.lines().filter(|line| !line.contains(" | "));
    let own: Vec<&str> = own.collect();
    let foreign = FOREIGN
        .iter()
        .find(|word| own.iter().any(|line| line.contains(**word)));
    let whole = at && told.contains(what) && told.contains(remedy) && told.contains("\n       = ");
    (!whole || foreign.is_some())
        .then(|| format!("{text}\nat {place}, `{what}`, `{remedy}`, {foreign:?}:\n{told}"))
}

#[test]
fn keys_that_are_there_twice_or_not_at_all() {
    told(&[
        (
            "sip:\n  udp: a\nsip:\n  udp: b\n",
            "3:1",
            "`sip` is here twice, first in line 1",
            "keep one",
        ),
        (
            "sip:\n  udp: a\n  udp: b\n",
            "3:3",
            "`udp` is here twice, first in line 2",
            "keep one",
        ),
        (
            "sip: {udp: a, udp: b}\n",
            "1:15",
            "`udp` is here twice",
            "keep one",
        ),
        (
            "SIP:\n  udp: a\n",
            "1:1",
            "there is no key `SIP`",
            "did you mean `sip`?",
        ),
        (
            "sip:\n  publicIp: a\n",
            "2:3",
            "no key `publicIp`",
            "did you mean `public_ip`?",
        ),
        (
            "sip:\n  public-ip: a\n",
            "2:3",
            "no key `public-ip`",
            "did you mean `public_ip`?",
        ),
        ("sip:\n  port: 1\n", "2:3", "no key `port`", "allowed: udp"),
        (
            "sip:\n  upd:\n",
            "2:3",
            "no key `upd`",
            "did you mean `udp`?",
        ),
        (
            "trunks:\n  - name: a\n",
            "2:5",
            "the key `key` is missing",
            "`key: …`",
        ),
    ]);
}

#[test]
fn lines_that_do_not_fit_together() {
    told(&[
        ("sip:\n\tudp: a\n", "2:1", "a tab stands", "spaces"),
        (
            "sip:\n  udp: a\n\tcalls: 1\n",
            "3:1",
            "a tab stands",
            "spaces",
        ),
        (
            "sip:\n  udp: a\n    calls: 1\n",
            "3:5",
            "has a value already",
            "indent",
        ),
        (
            "sip:\n    udp: a\n  calls: 1\n",
            "3:3",
            "fits to no line above",
            "indent",
        ),
        (
            "sip:\n  udp: Hours: nine\n",
            "2:13",
            "second colon",
            "in quotes: udp: \"Hours: nine\"",
        ),
        ("sip:\n  udp:a\n", "2:3", "", ""),
        ("sip:\n  udp: a\njunk\n", "3:1", "no `key: value`", "colon"),
        (
            "sip: [a\n",
            "1:6",
            "`[` is not closed",
            "close each bracket",
        ),
        ("sip: {udp: a\nrecording: {}\n", "2", "", "bracket"),
        (
            "sip: {udp: a]\n",
            "1:6",
            "this `{` is closed by `]`",
            "bracket",
        ),
        (
            "sip:\n  codecs: [a b]]\n",
            "2:16",
            "closes nothing",
            "bracket",
        ),
        ("trunks:\n  - key: a\n  key: b\n", "3:3", "", ""),
        ("a: - b\n", "1:4", "no list may begin here", "- value"),
    ]);
}

#[test]
fn quotes_and_signs() {
    told(&[
        (
            "sip:\n  udp: \"a\n  calls: 1\nrecording: {}\n",
            "2:8",
            "this quote is not closed",
            "close it",
        ),
        (
            "sip:\n  udp: 'it's'\n",
            "2:12",
            "follows the closing quote",
            "'' in single",
        ),
        (
            "sip:\n  udp: \"a\" b\n",
            "2:12",
            "follows the closing quote",
            "\\\"",
        ),
        (
            "sip:\n  udp: \"a\\d\"\n",
            "2",
            "backslash",
            "double the backslash",
        ),
        (
            "sip:\n  udp: @home\n",
            "2:8",
            "does not begin with `@`",
            "quotes",
        ),
        (
            "sip:\n  udp: `a`\n",
            "2:8",
            "does not begin with `",
            "quotes",
        ),
        (
            "sip:\n  udp: *home\n",
            "2:8",
            "no `&name` before it",
            "quotes",
        ),
        ("sip:\n  udp: *\n", "2", "a name is missing", "quotes"),
        (
            "sip:\n  udp: [::1]:5060\n",
            "2:13",
            "follows the end of the value",
            "quotes",
        ),
        ("sip:\n  udp: %a\n", "2:8", "", "quotes"),
        ("a: b\0c\n", "1:5", "U+0000", "UTF-8"),
    ]);
}

#[test]
fn values_of_another_shape() {
    told(&[
        (
            "sip: 5060\n",
            "1:6",
            "keys with values are wanted here, not `5060`",
            "indented",
        ),
        (
            "sip: [a]\n",
            "1:6",
            "keys with values are wanted here, not a list",
            "indented",
        ),
        ("sip:\n  - udp: a\n", "2:3", "not a list", "indented"),
        (
            "sip:\n  codecs: PCMU\n",
            "2:11",
            "a list is wanted here, not `PCMU`",
            "write [PCMU]",
        ),
        (
            "sip:\n  codecs: {a: b}\n",
            "2:11",
            "a list is wanted",
            "- value",
        ),
        (
            "sip:\n  udp: {a: b}\n",
            "2:8",
            "one value is wanted here, not keys",
            "quotes",
        ),
        (
            "sip:\n  udp:\n    a: b\n",
            "3:5",
            "one value is wanted here, not keys",
            "quotes",
        ),
    ]);
}

#[test]
fn words_that_are_no_value_of_their_kind() {
    told(&[
        (
            "recording: {enabled: maybe}\n",
            "1:22",
            "`maybe` is neither yes nor no",
            "true or false",
        ),
        (
            "recording: {enabled: \"${FLAG}\"}\n",
            "1:22",
            "neither yes nor no",
            "true or false",
        ),
        (
            "recording: {enabled: ${FLAG}}\n",
            "1:22",
            "what ${FLAG} stands for",
            "true or false",
        ),
        (
            "sip: {calls: many}\n",
            "1:14",
            "`many` is no whole number",
            "digits",
        ),
        (
            "sip: {calls: -1}\n",
            "1:14",
            "`-1` is no whole number from 0",
            "digits",
        ),
        (
            "sip: {calls: 10s}\n",
            "1:14",
            "`10s` is no whole number",
            "without a unit",
        ),
        (
            "sip: {share: half}\n",
            "1:14",
            "`half` is no number",
            "digits",
        ),
        (
            "trunks:\n  - key:\n",
            "2",
            "a value is missing",
            "write one",
        ),
        (
            "- a\n",
            "1:1",
            "keys with values are wanted here, not a list",
            "",
        ),
        (
            "hello\n",
            "1:1",
            "keys with values are wanted here, not `hello`",
            "",
        ),
    ]);
}

#[test]
fn more_than_one_document_and_more_than_is_sane() {
    told(&[
        (
            "sip: {}\n---\nsip: {}\n",
            "2:1",
            "a second document begins",
            "`---`",
        ),
        ("sip: {}\n...\njunk: [\n", "3", "", ""),
    ]);
    let deep = format!("sip: {}{}\n", "[".repeat(5000), "]".repeat(5000));
    let said = parse(&deep).unwrap_err();
    assert!(said.contains("nested too deeply"), "{said}");
    assert!(
        said.len() < 600,
        "the whole line is shown: {} bytes",
        said.len()
    );
    let mut bomb = String::from("texts:\n  a: &a {dir: x}\n");
    bomb.push_str("trunks: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n");
    assert!(parse(&bomb).is_err());
}

#[test]
fn what_others_write_is_read() {
    let plain = parse("sip:\n  udp: a\nrecording:\n  enabled: false\n").unwrap();
    assert_eq!(
        plain.sip.udp.as_ref().map(|udp| udp.value.as_str()),
        Some("a")
    );
    for same in [
        "\u{feff}sip:\n  udp: a\nrecording:\n  enabled: no\n",
        "sip:\r\n  udp: a\r\nrecording:\r\n  enabled: off\r\n",
        "---\nsip:\n  udp: a\nrecording: {enabled: False}\n...\n",
        "%YAML 1.2\n---\nsip: {udp: \"a\"}\nrecording: {enabled: 'false'}\n",
        "recording: {enabled: false}\nsip: {\"udp\": 'a'}",
    ] {
        let mut report = Report::new();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.yaml");
        std::fs::write(&path, same).unwrap();
        let read: Option<Raw> = Source::read(&path, &mut report)
            .and_then(|source| source.parse(&Environment::default(), &mut report));
        assert!(report.is_empty(), "{same}\n{report}");
        let read = read.unwrap();
        assert_eq!(
            read.sip.udp.map(|udp| udp.value).as_deref(),
            Some("a"),
            "{same}"
        );
        assert_eq!(read.recording.enabled, Some(false), "{same}");
    }
}

/// A section all of whose keys are commented out was "expected mapping start".
#[test]
fn nothing_is_an_empty_section() {
    let default = Raw::default();
    for text in [
        "",
        "# only a comment\n",
        "---\n",
        "~\n",
        "sip:\nrecording:\n",
        "sip:\n  # udp: a\n  # calls: 3\nrecording: ~\ntrunks:\n",
        "sip: null\ntrunks: null\ntexts:\n",
        "sip:\n  udp:\n  calls:\n  share:\n  codecs:\n",
        "recording:\n  enabled:\n  dir:\n",
    ] {
        assert_eq!(
            parse(text),
            Ok(Raw {
                sip: RawSip::default(),
                ..Raw::default()
            }),
            "{text}"
        );
    }
    let many: String = (0..400).map(|n| format!("  # udp: {n}\n")).collect();
    assert_eq!(
        parse(&format!("sip:\n{many}recording:\n{many}")),
        Ok(default)
    );
    let named = parse("texts:\n  one:\n  two: {dir: x}\n").unwrap();
    assert_eq!(named.texts["one"], RawRecording::default());
    assert_eq!(named.texts["two"].dir.as_deref(), Some("x"));
    assert_eq!(
        parse("trunks:\n  - key: a\n    name:\n").unwrap().trunks[0].name,
        ""
    );
}

#[test]
fn what_a_shared_section_lacks_is_told_where_it_is_brought_in() {
    let shared = parse("sip: &a {udp: b}\nrecording: {enabled: true}\n").unwrap();
    assert_eq!(shared.sip.udp.map(|udp| udp.value).as_deref(), Some("b"));
    let merged =
        parse("texts:\n  one: &a {dir: x}\n  two:\n    <<: *a\n    enabled: true\n").unwrap();
    assert_eq!(merged.texts["two"].dir.as_deref(), Some("x"));
    let text = "texts:\n  one: &a {dir: x}\nsip: *a\n";
    let what = "there is no key `dir` here, in what was named in line 2";
    told(&[(text, "3:6", what, "allowed: udp")]);
    told(&[(
        "recording: {<<: 3}\n",
        "1",
        "`<<` brings the keys",
        "<<: *name",
    )]);
}

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
