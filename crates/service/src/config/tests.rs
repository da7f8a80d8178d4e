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

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Login {
    username: String,
    password: String,
}

fn login(text: &str, env: &Environment) -> Result<Login, String> {
    let mut report = Report::new();
    let read = Source::new("test.yaml", text).parse(env, &mut report);
    report.finish(read).map_err(|report| report.to_string())
}

/// A provider's password in quotes stayed `${SIP_PASSWORD}`, and whoever logged in with that text
/// was let in.
#[test]
fn a_variable_is_filled_in_whatever_its_quotes() {
    let secret = r#"a"b'c\d: #{e}, [f] %&*"#;
    let env = Environment::from([("SIP_USERNAME", "alice"), ("SIP_PASSWORD", secret)]);
    for text in [
        "username: ${SIP_USERNAME}\npassword: ${SIP_PASSWORD}\n",
        "username: \"${SIP_USERNAME}\"\npassword: \"${SIP_PASSWORD}\"\n",
        "username: '${SIP_USERNAME}'\npassword: '${SIP_PASSWORD}'\n",
        "{username: ${SIP_USERNAME}, password: ${SIP_PASSWORD}}\n",
        "{username: \"${SIP_USERNAME}\", password: '${SIP_PASSWORD}'}\n",
        "username: >-\n  ${SIP_USERNAME}\npassword: |-\n  ${SIP_PASSWORD}\n",
        "password: |- # from the provider\n    ${SIP_PASSWORD}\n\n\nusername: \"${SIP_USERNAME}\"\n",
        "? username\n: ${SIP_USERNAME}\n? password\n: ${SIP_PASSWORD}\n",
        "username: !!str ${SIP_USERNAME}\r\npassword: &secret \"${SIP_PASSWORD}\"\r\n",
        "\"username\": ${SIP_USERNAME:-bob}\n'password': ${NONE:-${SIP_PASSWORD:-x}}\n",
        "username: ${SIP_USERNAME}\npassword: ${SIP_PASSWORD:+${SIP_PASSWORD}}\n",
    ] {
        let read = login(text, &env).unwrap_or_else(|report| panic!("{text}{report}"));
        assert_eq!(read.username, "alice", "{text}");
        assert_eq!(read.password, secret, "{text}");
    }
}

#[test]
fn defaults_mean_what_they_say_in_quotes_and_without() {
    let env = Environment::from([("EMPTY", ""), ("SET", "yes")]);
    for (text, means) in [
        ("${NONE:-a: b, {c} #d}", "a: b, {c} #d"),
        ("\"${NONE:-it's \\\"so\\\"}\"", "it's \"so\""),
        ("'${NONE:-it''s}'", "it's"),
        ("${EMPTY:-default}", "default"),
        ("\"${EMPTY-default}\"", ""),
        ("\"${SET:+is set}\"", "is set"),
        ("\"${NONE+is set}\"", ""),
        ("sip:${NONE:-me}@${SET}", "sip:me@yes"),
        ("${SET:-${NONE}}", "yes"),
        ("\"$SET $ {SET} pa$$word\"", "$SET $ {SET} pa$$word"),
        ("\"$${SET} $$${SET}\"", "${SET} $${SET}"),
        ("$${SET}", "${SET}"),
    ] {
        let text = format!("username: {text}\npassword: x\n");
        let read = login(&text, &env).unwrap_or_else(|report| panic!("{text}{report}"));
        assert_eq!(read.username, means, "{text}");
    }
}

#[test]
fn what_a_variable_holds_is_not_looked_at_again() {
    let env = Environment::from([("A", "${B}"), ("B", "$${C}"), ("N", "null"), ("T", "~")]);
    let read = login("username: ${A}\npassword: '${B}'\n", &env).unwrap();
    assert_eq!(
        (read.username.as_str(), read.password.as_str()),
        ("${B}", "$${C}")
    );
    let read = login("username: ${N}\npassword: ${T}\n", &env).unwrap();
    assert_eq!(
        (read.username.as_str(), read.password.as_str()),
        ("null", "~")
    );
}

#[test]
fn the_line_end_of_a_secret_from_a_file_is_no_part_of_it() {
    let env = Environment::from([("USER", "alice\r\n"), ("PASSWORD", "two\nlines\n\n")]);
    let read = login("username: ${USER}\npassword: \"${PASSWORD}\"\n", &env).unwrap();
    assert_eq!(
        (read.username.as_str(), read.password.as_str()),
        ("alice", "two\nlines")
    );
}

#[test]
fn numbers_and_yes_stay_what_they_are_without_quotes() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Typed {
        port: u16,
        on: bool,
        share: f64,
        pin: String,
    }
    let env = Environment::from([
        ("PORT", "7880"),
        ("ON", "FALSE"),
        ("SHARE", "1e-3"),
        ("PIN", "0123"),
    ]);
    let text = "port: ${PORT}\non: ${ON}\nshare: ${SHARE}\npin: ${PIN}\n";
    let mut report = Report::new();
    let read: Option<Typed> = Source::new("test.yaml", text).parse(&env, &mut report);
    assert!(report.is_empty(), "{report}");
    let means = Typed {
        port: 7880,
        on: false,
        share: 0.001,
        pin: "0123".to_owned(),
    };
    assert_eq!(read, Some(means));
}

#[test]
fn a_reference_that_is_left_over_is_an_error_where_it_stands() {
    for (text, place, what) in [
        (
            "username: a\npassword: \"x${NONE}\"\n",
            "2:13",
            "NONE is not set",
        ),
        (
            "username: '${}'\npassword: b\n",
            "1:12",
            "names no variable",
        ),
        (
            "{username: a, password: \"${A B}\"}\n",
            "1:26",
            "names no variable",
        ),
        (
            "username: a\npassword: ${SIP_PASSWORD\n",
            "2:11",
            "not closed",
        ),
        (
            "username: \"${A\"\npassword: \"b}\"\n",
            "1:12",
            "not closed",
        ),
        (
            "username: |\n  one\n  ${1}\npassword: b\n",
            "3:3",
            "names no variable",
        ),
        (
            "username: ${A:=b}\npassword: b\n",
            "1:11",
            "names no variable",
        ),
        ("username: ${A?say who}\npassword: b\n", "1:11", "say who"),
        (
            "username: a\npassword: b\n${NONE}: c\n",
            "3:1",
            "NONE is not set",
        ),
        (
            "{username: \"${A\", password: \"b}\"}\n",
            "1:13",
            "cannot be told",
        ),
    ] {
        let report = login(text, &Environment::default()).unwrap_err();
        let at = format!("test.yaml:{place}: ");
        assert!(
            report.starts_with(&at) && report.contains(what),
            "{text}\n{report}"
        );
        assert!(
            report.contains('^') && report.contains("       = "),
            "{report}"
        );
    }
}

#[test]
fn every_reference_that_is_left_over_is_named_in_one_run() {
    let text = "username: ${ONE}\npassword: \"${TWO}\"\n# ${THREE\n";
    let report = login(text, &Environment::default()).unwrap_err();
    assert!(
        report.contains("ONE is not set") && report.contains("TWO is not set"),
        "{report}"
    );
    assert!(report.ends_with("2 problems"), "{report}");
}

#[test]
fn problems_stand_where_they_were_typed_though_values_are_longer() {
    let env = Environment::from([
        ("A", "much longer than its name\nand of two lines"),
        ("B", ""),
    ]);
    let text = "{host: \"${A}\", prot: 1}\n";
    let (_, report) = parse(text, &env);
    assert!(
        report
            .to_string()
            .starts_with("test.yaml:1:16: there is no key `prot`"),
        "{report}"
    );
    let text = "host: |\n  one ${A}\n  two\n\nport: soon\n";
    let (_, report) = parse(text, &env);
    assert!(
        report.to_string().starts_with("test.yaml:5:7: "),
        "{report}"
    );
    let text = "host: \"${B}${A}\" \nport: \"${A}\"\n";
    let (_, report) = parse(text, &env);
    let shown = report.to_string();
    assert!(shown.starts_with("test.yaml:2:7: "), "{shown}");
    assert!(!shown.contains("much longer"), "{shown}");
}

proptest::proptest! {
    /// Any text may be a password, in any quotes.
    #[test]
    fn any_value_arrives_as_it_is(value in "\\PC{0,24}", odd in "[\\u{0}-\\u{20}\\u{7f}-\\u{a0}\"'$\\{\\}:#,\\\\]{0,8}") {
        let value = format!("{odd}{value}x");
        let env: Environment = [("V".to_owned(), value.clone())].into_iter().collect();
        for text in [
            "username: ${V}\npassword: '${V}'\n",
            "{username: ${V}, password: \"${V}\"}\n",
            "username: |-\n  ${V}\npassword: >-\n  ${V}\n",
        ] {
            let read = login(text, &env);
            let means = Login { username: value.clone(), password: value.clone() };
            proptest::prop_assert_eq!(read, Ok(means));
        }
    }

    /// No text makes the reading panic, or lets a reference through as it was typed.
    #[test]
    fn no_reference_gets_through(text in "[a${}:\"'\\-|> \\n\\[,#]{0,40}") {
        let mut report = Report::new();
        let source = Source::new("test.yaml", format!("host: {text}\n"));
        let raw: Option<Raw> = source.parse(&Environment::default(), &mut report);
        if let Some(host) = raw.and_then(|raw| raw.host) {
            let escaped = text.contains("$${");
            proptest::prop_assert!(escaped || !host.value.contains("${"), "{}", host.value);
        }
    }
}

#[expect(
    clippy::unwrap_in_result,
    reason = "the error is the text's, not the file's"
)]
fn dotenv(text: &str) -> Result<Environment, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(".env");
    std::fs::write(&path, text).unwrap();
    let mut report = Report::new();
    let env = Environment::from([("SET", "by the process")]).over_file(&path, &mut report);
    report
        .finish(Some(env))
        .map_err(|report| report.to_string())
}

#[test]
fn a_dotenv_file_is_read_as_people_write_it() {
    let env = dotenv(concat!(
        "\u{feff}# a comment\r\n\r\nPLAIN=value\r\n",
        "  export EXPORTED = spaced value   # a comment\n",
        "HASH=pass#word\nFIRST=#word\nEMPTY=\nONLY_COMMENT= # nothing\nEQUALS=a=b==\n",
        "SINGLE='it is ${not} \\n read # here'\nDOUBLE=\"a\\\"b\\\\c\\nd $ \\$ \\d\" # a comment\n",
        "LINES=\"one: 1\r\ntwo: 2\"\nSET=by the file\nexport=a name\nTWICE=1\nTWICE=2",
    ));
    let env = env.unwrap();
    for (name, means) in [
        ("PLAIN", "value"),
        ("EXPORTED", "spaced value"),
        ("HASH", "pass#word"),
        ("FIRST", "#word"),
        ("EMPTY", ""),
        ("ONLY_COMMENT", ""),
        ("EQUALS", "a=b=="),
        ("SINGLE", "it is ${not} \\n read # here"),
        ("DOUBLE", "a\"b\\c\nd $ $ \\d"),
        ("LINES", "one: 1\ntwo: 2"),
        ("SET", "by the process"),
        ("export", "a name"),
        ("TWICE", "2"),
    ] {
        assert_eq!(env.var(name), Some(means), "{name}");
    }
}

/// The line of a mistake may be a secret: it is named, not shown.
#[test]
fn every_mistake_of_a_dotenv_file_is_named_and_no_value_is_shown() {
    let report = dotenv(concat!(
        "GOOD=1\nno equals hunter2\n=hunter2\n1ST=hunter2\nA-B=hunter2\n",
        "QUOTED=\"hunter2\" hunter2\nOPEN='hunter2\nLATER=2\n",
    ))
    .unwrap_err();
    for part in [
        ".env:2:4: there is no `=` after `no`",
        ".env:3:1: this line does not begin with a variable's name",
        ".env:4:1: this line does not begin",
        ".env:5:2: there is no `=` after `A`",
        ".env:6:18: there is text after the quoted value of `QUOTED`",
        ".env:7:6: the quote of `OPEN` is never closed",
        "6 problems",
    ] {
        assert!(report.contains(part), "{part} is not in:\n{report}");
    }
    assert!(!report.contains("hunter2"), "{report}");
}

#[test]
fn an_environment_shows_names_and_no_values() {
    let env = Environment::from([("LIVEKIT_API_SECRET", "hunter2")]);
    assert_eq!(format!("{env:?}"), "{\"LIVEKIT_API_SECRET\"}");
}
