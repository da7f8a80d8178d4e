use super::*;

fn headers(list: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in list {
        headers.push(name, *value);
    }
    headers
}

fn number(asserted: Option<&Personal<String>>) -> Option<&str> {
    asserted.map(|number| number.expose().as_str())
}

#[test]
fn what_the_network_asserts_is_read() {
    for list in [
        &[(
            ASSERTED,
            "\"Cullen Jennings\" <sip:+14085264000@cisco.com>, <tel:+14085264000>",
        )][..],
        &[
            (ASSERTED, "<sip:office@cisco.com>"),
            (ASSERTED, "tel:+14085264000"),
        ],
        &[(
            REMOTE_PARTY,
            "\"C\" <sip:+14085264000@h;user=phone>;party=calling;privacy=off",
        )],
        &[
            (REMOTE_PARTY, "<sip:+1@h>;party=called"),
            (REMOTE_PARTY, "<sip:+14085264000@h>;screen=yes"),
        ],
        // The older one has no say beside the newer.
        &[
            (REMOTE_PARTY, "<sip:+1@h>;privacy=full"),
            (ASSERTED, "<sip:+14085264000@h>"),
        ],
    ] {
        let asserted = Asserted::read(&headers(list));
        assert_eq!(number(asserted.shown()), Some("+14085264000"), "{list:?}");
    }
    let nothing = Asserted::read(&headers(&[(ASSERTED, "junk"), ("From", "<sip:1@h>")]));
    assert_eq!(nothing, Asserted::default());
}

#[test]
fn a_caller_who_wants_to_be_nobody_is_not_shown() {
    let told = (ASSERTED, "<sip:+14085264000@h>");
    for privacy in [
        "id",
        "user;id",
        "header;user",
        "none, id",
        "session;critical",
    ] {
        let asserted = Asserted::read(&headers(&[told, (PRIVACY, privacy)]));
        assert_eq!(asserted.shown(), None, "{privacy}");
        assert_eq!(number(asserted.number.as_ref()), Some("+14085264000"));
    }
    let open = Asserted::read(&headers(&[told, (PRIVACY, "none")]));
    assert!(!open.is_private);
    let party = Asserted::read(&headers(&[(REMOTE_PARTY, "<sip:+1@h>;privacy=\"full\"")]));
    assert_eq!(party.shown(), None);
}

fn caller(hidden: bool) -> Caller {
    Caller {
        number: Personal::new("+74951234567".to_owned()),
        name: Some(Personal::new("Front \"desk\"".to_owned())),
        domain: "sip.example.com".to_owned(),
        is_phone: true,
        is_hidden: hidden,
    }
}

#[test]
fn name_and_number_are_told_apart() {
    let from = caller(false).from().to_string();
    let told = "\"Front \\\"desk\\\"\" <sip:+74951234567@sip.example.com;user=phone>";
    assert_eq!(from, told);
    let asserted = caller(false).headers(Telling::Asserted);
    assert_eq!(asserted, [(ASSERTED.to_owned(), told.to_owned())]);
    assert!(caller(false).headers(Telling::From).is_empty());
    let office = Caller {
        number: Personal::new("office".to_owned()),
        ..caller(false)
    };
    assert!(!office.from().to_string().contains("user=phone"));
}

#[test]
fn a_hidden_caller_is_told_of_to_those_who_keep_it() {
    for telling in [
        Telling::From,
        Telling::Asserted,
        Telling::Preferred,
        Telling::RemoteParty,
    ] {
        let from = caller(true).from().to_string();
        assert_eq!(from, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
        let mut headers = Headers::new();
        for (name, value) in caller(true).headers(telling) {
            headers.push(&name, value);
        }
        assert!(is_private(&headers), "{telling:?}");
        let told = Asserted::read(&headers);
        assert_eq!(told.shown(), None);
        let is_told = matches!(telling, Telling::Asserted | Telling::RemoteParty);
        assert_eq!(told.number.is_some(), is_told, "{telling:?}");
    }
}
