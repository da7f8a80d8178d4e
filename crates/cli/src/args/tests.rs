use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use trunkline_service::config::Report;

use super::*;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Words like `TRUNKLINE_SIP_UDP` in a text, where `begins` says that one may begin.
fn words(text: &str, begins: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let in_word = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let starts = text.char_indices().filter(|(_, c)| c.is_ascii_uppercase());
    let found = starts.filter_map(|(at, _)| {
        let (before, from) = text.split_at(at);
        let word = from.split(|c| !in_word(c)).next().unwrap_or_default();
        (begins(before) && word.len() > 2).then(|| word.to_owned())
    });
    found.collect()
}

/// The variables that the files of `config/` name, in comments too: those are there to be used.
fn of_configuration() -> BTreeSet<String> {
    let files = fs::read_dir(root().join("config")).unwrap();
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    texts
        .flat_map(|text| words(&text, |before| before.ends_with("${")))
        .filter(|name| name != "NAME")
        .collect()
}

/// The variables of flags.
fn of_flags(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(Arg::get_env);
    let own = own.map(|name| name.to_string_lossy().into_owned());
    own.chain(command.get_subcommands().flat_map(of_flags))
        .collect()
}

/// The variables that the program names in its own text. Tests have further ones.
fn of_sources() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders: Vec<PathBuf> = fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|crate_| crate_.unwrap().path().join("src"))
        .collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_test =
                path.ends_with("tests") || path.ends_with("tests.rs") || path.ends_with("docs.rs");
            if path.is_dir() && !is_test {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") && !is_test {
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                found.extend(words(text, |before| before.ends_with('"')));
            }
        }
    }
    let ours = ["TRUNKLINE_", "LIVEKIT_", "OPENAI_"];
    found.retain(|name| ours.iter().any(|prefix| name.starts_with(prefix)));
    found
}

/// It lacked eight names, the provider's login among them.
#[test]
fn the_example_names_every_variable_that_counts_and_no_other() {
    let example = fs::read_to_string(root().join(".env.example")).unwrap();
    let lines = example.lines().filter_map(|line| {
        let (name, _) = line.trim_start_matches("# ").split_once('=')?;
        let is_name = name
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        is_name.then(|| name.to_owned())
    });
    let listed: BTreeSet<String> = lines.collect();
    let mut known = of_configuration();
    known.extend(of_flags(&Cli::command()));
    known.extend(of_sources());
    assert!(known.len() > 20, "{known:?}");
    assert_eq!(listed, known, "left: .env.example, right: what is read");
}

#[test]
fn the_example_can_be_copied_and_filled_in() {
    let mut report = Report::new();
    let env = Environment::default().over_file(&root().join(".env.example"), &mut report);
    assert!(report.is_empty(), "{report}");
    let parsed = Cli::from_arg_matches(
        &filled(Cli::command(), &env)
            .try_get_matches_from(["trunkline", "config", "check"])
            .unwrap(),
    );
    assert_eq!(parsed.unwrap().global.url, None);
}

#[test]
fn a_flag_takes_its_variable_from_the_file_and_what_is_typed_wins() {
    let env = Environment::from([
        ("TRUNKLINE_CONFIG", "elsewhere"),
        ("LIVEKIT_API_SECRET", "from the file\n"),
        ("TRUNKLINE_SIP_AUTH_PASS", "hunter2"),
    ]);
    let parse = |typed: &[&str]| {
        let matches = filled(Cli::command(), &env)
            .try_get_matches_from(typed)
            .unwrap();
        Cli::from_arg_matches(&matches).unwrap().global
    };
    let global = parse(&["trunkline", "config", "check"]);
    assert_eq!(global.config, Some(PathBuf::from("elsewhere")));
    assert_eq!(global.api_secret.as_deref(), Some("from the file"));
    let global = parse(&["trunkline", "config", "check", "--config", "here"]);
    assert_eq!(global.config, Some(PathBuf::from("here")));
    let mut command = filled(Cli::command(), &env);
    let help = command.render_long_help().to_string();
    assert!(!help.contains("from the file"), "{help}");
}
