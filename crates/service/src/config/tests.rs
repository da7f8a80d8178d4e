use std::time::Duration;

use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    port: Option<Spanned<u16>>,
    #[serde(default)]
    host: Option<Spanned<String>>,
}

fn parse(text: &str, env: &Environment) -> (Option<Raw>, Report) {
    let mut report = Report::new();
    let raw = Source::new("test.yaml", text).parse(env, &mut report);
    (raw, report)
}

#[test]
fn variables_and_defaults_fill_plain_values() {
    let env = Environment::from([("HOST", "example: tricky # not a comment")]);
    let (raw, report) = parse("host: ${HOST}\nport: ${PORT:-7880}\n", &env);
    assert!(report.is_empty(), "{report}");
    let raw = raw.unwrap();
    assert_eq!(raw.host.unwrap().value, "example: tricky # not a comment");
    assert_eq!(raw.port.unwrap().value, 7880);
}

#[test]
fn a_problem_shows_its_line_a_caret_and_a_remedy() {
    let source = Source::new("test.yaml", "host: here\nport: 99\n");
    let mut report = Report::new();
    let raw: Raw = source.parse(&Environment::default(), &mut report).unwrap();
    let port = raw.port.unwrap();
    report.at(
        &source,
        &port,
        "port 99 is reserved",
        "use 1024 or above".to_owned(),
    );
    assert_eq!(
        report.to_string(),
        "test.yaml:2:7: port 99 is reserved\n     2 | port: 99\n       |       ^\n       = use 1024 or above\n1 problem"
    );
}

#[test]
fn an_unknown_key_is_blamed_where_it_stands() {
    let (raw, report) = parse("host: a\nprot: 1\n", &Environment::default());
    assert!(raw.is_none());
    let text = report.to_string();
    assert!(
        text.starts_with("test.yaml:2:1: there is no key `prot` here\n"),
        "{text}"
    );
    assert!(text.contains("did you mean `port`?"), "{text}");
}

#[test]
fn an_empty_file_takes_every_default() {
    let (raw, report) = parse("# nothing yet\n", &Environment::default());
    assert!(report.is_empty(), "{report}");
    assert!(raw.unwrap().port.is_none());
}

#[test]
fn a_near_miss_is_suggested() {
    assert_eq!(
        nearest("inbond", &["inbound", "outbound"]),
        "did you mean `inbound`?"
    );
    assert_eq!(
        nearest("xyz", &["inbound", "outbound"]),
        "allowed: inbound, outbound"
    );
}

#[test]
fn durations_carry_their_unit() {
    assert_eq!(parse_duration("20ms"), Ok(Duration::from_millis(20)));
    assert_eq!(parse_duration("0.5"), Ok(Duration::from_millis(500)));
    assert_eq!(parse_duration("3m"), Ok(Duration::from_secs(180)));
    for wrong in ["", "-1s", "soon", "5 parsecs", "NaN", "1e400s"] {
        assert!(parse_duration(wrong).is_err(), "{wrong}");
    }
}
