use super::*;
use crate::config::Environment;

fn read(text: &str, take: impl FnOnce(&mut Section<'_>)) -> String {
    let source = Source::new("a.yaml", text);
    let mut report = Report::new();
    let env = Environment::from([("KEY", "00123")]);
    let node: Node = source.parse(&env, &mut report).unwrap();
    let mut section = Section::open(&node, &source, &mut report).unwrap();
    take(&mut section);
    section.close();
    report.to_string()
}

#[test]
fn values_are_what_was_typed() {
    let text =
        "key: ${KEY}\nmodel: 1.10\nurl: https://a.b/v1/\nwait: 300ms\nwords: [one, 2]\non: true\n";
    let told = read(text, |section| {
        assert_eq!(section.secret("key").expose(), "00123");
        assert_eq!(section.text("model").unwrap().value, "1.10");
        assert_eq!(
            section.url("url", &["https"]).unwrap().value,
            "https://a.b/v1"
        );
        assert_eq!(section.time("wait"), Some(Duration::from_millis(300)));
        let words: Vec<_> = section.list("words").into_iter().map(|w| w.value).collect();
        assert_eq!(words, ["one", "2"]);
        assert_eq!(section.truth("on"), Some(true));
        assert!(section.text("none").is_none());
    });
    assert_eq!(told, "0 problems");
}

#[test]
fn every_slip_is_told_with_its_place() {
    let text = "modell: x\nurl: nowhere\nwait: soon\ntop: 9\nmode: fsat\nlist: {a: b}\n";
    let told = read(text, |section| {
        assert!(section.needed("model").is_none());
        section.url("url", &["https"]);
        section.time("wait");
        section.number("top", 0.0, 1.0);
        section.choice("mode", &["fast", "slow"]);
        section.list("list");
    });
    for part in [
        "a.yaml:1:1: the key `model` is missing",
        "there is no key `modell` here",
        "did you mean `model`?",
        "a.yaml:2:6: this is no web address",
        "`soon` is not a duration",
        "write a number from 0 to 1",
        "did you mean `fast`?",
        "one value is wanted here",
    ] {
        assert!(told.contains(part), "{part} is missing in\n{told}");
    }
}
