use super::*;

const PROJECTS: &str = "\
default_project: prod
device_name: laptop
theme: dark
projects:
  - name: prod
    project_id: p_abc
    url: wss://prod-xyz.livekit.cloud
    api_key: APIprod
    api_secret: prodsecret
  - name: stage
    url: https://stage.example.com:8443
    api_key: APIstage
    api_secret: stagesecret
  - name: half
    url: wss://half.example.com
    api_key: APIhalf
";

fn file(name: &str, text: &str) -> Option<File> {
    Some(File {
        name: name.into(),
        text: text.into(),
    })
}

fn known() -> Known {
    Known {
        projects: file("cli-config.yaml", PROJECTS),
        ..Known::default()
    }
}

fn keyed<'a>() -> Typed<'a> {
    Typed {
        url: Some("ws://here:1"),
        api_key: Some("APIflag"),
        api_secret: Some("flagsecret"),
        ..Typed::default()
    }
}

/// `(url, key, secret, source)` of what is chosen.
fn chosen(typed: Typed<'_>, known: &Known) -> (Option<String>, String, String, Source) {
    let choice = resolve(typed, known).unwrap().unwrap();
    let secret = choice.api_secret.expose().clone();
    (choice.url, choice.api_key, secret, choice.source)
}

fn refused(typed: Typed<'_>, known: &Known) -> TargetError {
    resolve(typed, known).unwrap_err()
}

#[test]
fn a_named_project_wins_over_everything() {
    let typed = Typed {
        project: Some("stage"),
        subdomain: Some("prod-xyz"),
        ..keyed()
    };
    let known = Known {
        toml: file("livekit.toml", "[project]\nsubdomain = \"prod-xyz\"\n"),
        ..known()
    };
    let (url, key, secret, source) = chosen(typed, &known);
    assert_eq!(url.as_deref(), Some("https://stage.example.com:8443"));
    assert_eq!((key.as_str(), secret.as_str()), ("APIstage", "stagesecret"));
    assert_eq!(source, Source::Project("stage".into()));
}

#[test]
fn a_subdomain_is_the_first_label_of_a_projects_address() {
    let typed = Typed {
        subdomain: Some("prod-xyz"),
        ..keyed()
    };
    let (_, key, _, source) = chosen(typed, &known());
    assert_eq!(key, "APIprod");
    assert_eq!(source, Source::Subdomain("prod".into()));
}

#[test]
fn keys_from_flags_win_over_files() {
    let (url, key, _, source) = chosen(keyed(), &known());
    assert_eq!(url.as_deref(), Some("ws://here:1"));
    assert_eq!(key, "APIflag");
    assert_eq!(source, Source::Flags);
}

#[test]
fn keys_from_variables_are_named() {
    let known = Known {
        env: [None, Some("APIflag".into()), Some("flagsecret".into())],
        ..known()
    };
    let (.., source) = chosen(keyed(), &known);
    let names = vec!["LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"];
    assert_eq!(source, Source::Environment(names));
}

#[test]
fn dev_is_the_dev_key_at_the_address_given_or_none() {
    let typed = Typed {
        dev: true,
        url: Some("ws://elsewhere:7880"),
        ..Typed::default()
    };
    let (url, key, secret, source) = chosen(typed, &known());
    assert_eq!(url.as_deref(), Some("ws://elsewhere:7880"));
    assert_eq!((key.as_str(), secret.as_str()), ("devkey", "secret"));
    assert_eq!(source, Source::Dev);
    let bare = Typed {
        dev: true,
        ..Typed::default()
    };
    assert_eq!(chosen(bare, &known()).0, None);
}

#[test]
fn dev_goes_with_no_other_choice() {
    let dev = Typed {
        dev: true,
        ..Typed::default()
    };
    let both = [
        Typed {
            project: Some("prod"),
            ..dev
        },
        Typed {
            subdomain: Some("prod-xyz"),
            ..dev
        },
        Typed {
            api_key: Some("API"),
            ..dev
        },
        Typed {
            api_secret: Some("s"),
            ..dev
        },
    ];
    for typed in both {
        assert!(matches!(
            refused(typed, &known()),
            TargetError::Both(_, "--dev")
        ));
    }
}

#[test]
fn the_directorys_project_comes_before_the_default_one() {
    let texts = [
        "[project]\nsubdomain = \"stage\"\n\n[agent]\nid = \"CA_1\"\n",
        "project_subdomain = \"stage\"\n",
    ];
    for text in texts {
        let known = Known {
            toml: file("livekit.toml", text),
            ..known()
        };
        let (_, key, _, source) = chosen(Typed::default(), &known);
        assert_eq!(key, "APIstage");
        assert_eq!(source, Source::Toml("stage".into()));
    }
}

#[test]
fn the_default_project_comes_last_and_may_be_absent() {
    let (url, key, _, source) = chosen(Typed::default(), &known());
    assert_eq!(url.as_deref(), Some("wss://prod-xyz.livekit.cloud"));
    assert_eq!(key, "APIprod");
    assert_eq!(source, Source::Default("prod".into()));
    let none = resolve(Typed::default(), &Known::default()).unwrap();
    assert!(none.is_none());
    let empty = Known {
        projects: file("cli-config.yaml", "\n"),
        ..Known::default()
    };
    assert!(resolve(Typed::default(), &empty).unwrap().is_none());
}

#[test]
fn an_address_alone_is_not_used_with_a_projects_keys_and_that_is_told() {
    let typed = Typed {
        url: Some("ws://elsewhere:1"),
        ..Typed::default()
    };
    let choice = resolve(typed, &known()).unwrap().unwrap();
    assert_eq!(choice.url.as_deref(), Some("wss://prod-xyz.livekit.cloud"));
    assert!(choice.url_ignored);
    let same = Typed {
        url: Some("wss://prod-xyz.livekit.cloud"),
        ..Typed::default()
    };
    assert!(!resolve(same, &known()).unwrap().unwrap().url_ignored);
}

#[test]
fn half_a_pair_of_keys_is_no_choice() {
    let typed = Typed {
        api_key: Some("APIflag"),
        ..Typed::default()
    };
    assert!(resolve(typed, &Known::default()).unwrap().is_none());
}

#[test]
fn an_unknown_project_is_answered_with_those_there_are() {
    let typed = Typed {
        project: Some("pord"),
        ..Typed::default()
    };
    let said = refused(typed, &known()).to_string();
    assert!(said.contains("pord"), "{said}");
    assert!(said.contains("prod, stage, half"), "{said}");
    let said = refused(typed, &Known::default()).to_string();
    assert!(said.contains("lk project add"), "{said}");
}

#[test]
fn a_project_without_its_secret_is_incomplete() {
    let typed = Typed {
        project: Some("half"),
        ..Typed::default()
    };
    let lacks = "api_secret";
    let name = "half".into();
    assert_eq!(
        refused(typed, &known()),
        TargetError::Incomplete { name, lacks }
    );
}

#[test]
fn a_broken_file_is_named_with_its_place_only_when_its_turn_comes() {
    let broken = Known {
        projects: file("cli-config.yaml", "default_project: prod\nprojects: 7\n"),
        ..Known::default()
    };
    let said = refused(Typed::default(), &broken).to_string();
    assert!(said.starts_with("cli-config.yaml:2:"), "{said}");
    assert!(resolve(keyed(), &broken).unwrap().is_some());
    let toml = Known {
        toml: file("livekit.toml", "[project]\nsubdomain = prod\n"),
        ..known()
    };
    let said = refused(Typed::default(), &toml).to_string();
    assert!(said.starts_with("livekit.toml:2:"), "{said}");
    let empty = Known {
        toml: file("livekit.toml", "[agent]\nid = \"CA_1\"\n"),
        ..known()
    };
    let said = refused(Typed::default(), &empty).to_string();
    assert!(said.contains("names no project"), "{said}");
}

#[test]
fn a_secret_is_in_no_debug_output() {
    let choice = resolve(Typed::default(), &known()).unwrap();
    assert!(!format!("{choice:?}").contains("prodsecret"));
}
