//! The slips of people who write configuration files: each is told where it is, what it is and how
//! to mend it, in words that are not a library's.

mod files;
mod lines;
mod values;

use std::collections::BTreeMap;

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
