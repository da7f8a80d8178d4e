//! `docs/cli.md` is what the parser says now: this renders it, and a test compares.

use std::path::Path;

use clap::{Arg, Command, CommandFactory as _};

use crate::args::Cli;

/// Set to write the file instead of comparing it.
const UPDATE: &str = "TRUNKLINE_UPDATE_DOCS";

const HEAD: &str = "# The command line\n\n\
    Every verb, as `trunkline VERB --help` tells it. This file is made from the parser:\n\
    `TRUNKLINE_UPDATE_DOCS=1 cargo test -p trunkline docs` writes it anew, and a test holds it true.\n\n\
    Which server a verb talks to: `--project`, then `--subdomain`, then keys from flags or\n\
    `LIVEKIT_API_KEY` and `LIVEKIT_API_SECRET`, then `--dev`, then `livekit.toml` in this directory,\n\
    then the default project of `~/.livekit/cli-config.yaml`, then `livekit.yaml` of `--config`.\n\
    What was chosen is said on standard error.\n\n\
    | exit code | means |\n|---|---|\n\
    | 0 | done |\n| 64 | something typed is wrong |\n| 66 | it is not there |\n\
    | 69 | the server is away or slow |\n| 70 | a bug of ours |\n\
    | 73 | the present state forbids it, a busy callee included |\n\
    | 75 | a limit is reached |\n| 76 | the server broke its protocol |\n\
    | 77 | not allowed |\n| 78 | a configuration file is wrong |\n\n";

fn page() -> String {
    let mut root = Cli::command();
    root.build();
    let mut page = HEAD.to_owned();
    page.push_str("## Flags of every verb\n\n");
    for arg in root.get_arguments().filter(|arg| arg.is_global_set()) {
        page.push_str(&line(arg));
    }
    for verb in verbs(&root) {
        group(verb, "trunkline", &mut page);
    }
    page
}

fn verbs(command: &Command) -> impl Iterator<Item = &Command> {
    let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    shown.filter(|verb| verb.get_name() != "help")
}

fn group(command: &Command, path: &str, page: &mut String) {
    let path = format!("{path} {}", command.get_name());
    let mut inner = verbs(command).peekable();
    if inner.peek().is_some() {
        for verb in inner {
            group(verb, &path, page);
        }
        return;
    }
    page.push_str(&format!("\n## {path}\n\n"));
    if let Some(about) = command.get_about() {
        page.push_str(&format!("{about}.\n\n"));
    }
    let own = command
        .get_arguments()
        .filter(|arg| !arg.is_global_set() && !arg.is_hide_set())
        .filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version"));
    for arg in own {
        page.push_str(&line(arg));
    }
    if let Some(example) = command.get_after_help() {
        let example = example.to_string();
        let commands = example.lines().skip(1).map(str::trim);
        let commands: Vec<&str> = commands.collect();
        page.push_str(&format!("\n```console\n$ {}\n```\n", commands.join("\n$ ")));
    }
}

fn line(arg: &Arg) -> String {
    let mut words = Vec::new();
    if let Some(short) = arg.get_short() {
        words.push(format!("-{short}"));
    }
    if let Some(long) = arg.get_long() {
        words.push(format!("--{long}"));
    }
    let mut name = words.join(", ");
    let value = arg.get_value_names().and_then(|names| names.first());
    if let Some(value) = value.filter(|_| arg.get_action().takes_values()) {
        name = format!("{name} {value}").trim().to_owned();
    }
    let mut about = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let hidden = arg.is_hide_default_value_set();
    for default in arg.get_default_values().iter().filter(|_| !hidden) {
        if arg.get_action().takes_values() {
            about.push_str(&format!(" (default {})", default.display()));
        }
    }
    let possible: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| value.get_name().to_owned())
        .collect();
    if !possible.is_empty() && arg.get_action().takes_values() {
        about.push_str(&format!(": {}", possible.join(", ")));
    }
    format!("- `{name}` {about}\n")
}

#[test]
fn the_page_is_what_the_parser_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = page();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == page,
        "docs/cli.md is not what the parser says; run the test with {UPDATE}=1 and commit it"
    );
}

#[test]
fn the_parser_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_verb_of_a_server_has_an_example_that_parses() {
    let mut root = Cli::command();
    root.build();
    for name in ["room", "dispatch", "sip", "egress", "ingress"] {
        let verb = root.find_subcommand(name).unwrap();
        examples(verb, name);
    }
}

fn examples(command: &Command, path: &str) {
    let mut inner = verbs(command).peekable();
    if inner.peek().is_some() {
        for verb in inner {
            examples(verb, &format!("{path} {}", verb.get_name()));
        }
        return;
    }
    let help = command.get_after_help().map(ToString::to_string);
    let help = help.unwrap_or_else(|| panic!("{path} has no example"));
    let commands: Vec<&str> = help.lines().skip(1).map(str::trim).collect();
    assert!(!commands.is_empty(), "{path} has no example");
    for line in commands {
        assert!(line.starts_with(&format!("trunkline {path}")), "{line}");
        Cli::command()
            .try_get_matches_from(words(line))
            .unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

/// The words of a line whose only quotes are single ones.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    parts
        .flat_map(|(index, part)| {
            if index % 2 == 1 {
                vec![part.to_owned()]
            } else {
                part.split_whitespace().map(str::to_owned).collect()
            }
        })
        .collect()
}
